// SPDX-License-Identifier: Apache-2.0
#include "runtime/host_compiler.hpp"

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "ditune/error.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;
using test::TempFolder;
namespace fs = std::filesystem;

namespace {

// The C++ compiler, and a note in a file of every object that it makes.
class NotingCompiler {
 public:
  NotingCompiler() {
    write("#!/bin/sh\ncase \"$*\" in *-shared*) echo made >>" + (folder_ / "notes").string() +
          " ;; esac\nexec c++ \"$@\"\n");
  }
  std::string command() const { return (folder_ / "cxx").string(); }
  void write(const std::string& script) const {
    std::ofstream(folder_ / "cxx") << script;
    fs::permissions(folder_ / "cxx", fs::perms::owner_all);
  }
  void remove() const { fs::remove(folder_ / "cxx"); }
  long objects() const { return std::ranges::count(test::read_file(folder_ / "notes"), '\n'); }

 private:
  TempFolder folder_;
};

std::vector<fs::path> files(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  return found;
}

const KernelConfig kConfig = parse_config("mma_s8:tile=32x64x64,warps=1x2,stages=3");
const Epilogue kAccumulators{.out = Output::s32};

// Elements that are not the plain loop's, or a fault.
std::string gemm_failure(const HostKernel& kernel) {
  constexpr long long kM = 33, kN = 70, kK = 144;
  std::mt19937 random(17);
  std::uniform_int_distribution<int> integers(-128, 127);
  std::vector<signed char> x(kM * kK), w(kN * kK);
  for (auto* operand : {&x, &w})
    for (signed char& v : *operand) v = static_cast<signed char>(integers(random));
  std::vector<int> y(kM * kN, -1);
  const Target target{.operation = Gemm{kM, kN, kK, kAccumulators}, .device = reference_device(SmArch{86})};
  const LaunchPlan plan = launch_plan(kConfig, target);
  const std::vector<emulation::Region> memory = {
      {.name = "x", .data = x.data(), .row_bytes = x.size()},
      {.name = "w", .data = w.data(), .row_bytes = w.size()},
      {.name = "y", .data = y.data(), .row_bytes = y.size() * sizeof(int), .use = emulation::Use::output}};
  GemmArgs args{};
  args.x = x.data();
  args.w = w.data();
  args.y = y.data();
  args.m = kM;
  args.n = args.ldy = kN;
  args.k = args.ldx = args.ldw = kK;
  emulation::Launch launch;
  launch.grid = static_cast<int>(plan.grid);
  launch.block = plan.block;
  launch.shared_bytes = launch.shared_limit = static_cast<std::size_t>(plan.shared_bytes);
  const emulation::Report report = kernel.run(launch, memory, args);
  long wrong = 0;
  for (long long i = 0; i < kM * kN; ++i) {
    int sum = 0;
    for (long long k = 0; k < kK; ++k)
      sum += x[static_cast<std::size_t>(i / kN * kK + k)] * w[static_cast<std::size_t>(i % kN * kK + k)];
    wrong += y[static_cast<std::size_t>(i)] != sum;
  }
  return report.fault + (wrong > 0 ? std::to_string(wrong) + " elements are wrong" : "");
}

// A kernel of one warp that writes `value()` of the template "value.cuh".
const KernelSource kWriteValue{"write_value", R"(#include "hardware.cuh"
#include "gemm_args.cuh"
#include "value.cuh"
extern "C" __global__ void write_value(const __grid_constant__ ditune::GemmArgs args) {
  ditune::global_store(static_cast<int*>(args.y) + ditune::thread_index(), value());
}
)"};

std::vector<EmbeddedFile> templates_with(std::string_view value) {
  const std::span<const EmbeddedFile> embedded = embedded_templates();
  std::vector<EmbeddedFile> files(embedded.begin(), embedded.end());
  files.push_back({"value.cuh", value});
  return files;
}

emulation::Report run_warp(const HostKernel& kernel, std::vector<int>& y) {
  y.assign(32, 0);
  const std::vector<emulation::Region> memory = {
      {.name = "y", .data = y.data(), .row_bytes = y.size() * sizeof(int), .use = emulation::Use::output}};
  GemmArgs args{};
  args.y = y.data();
  emulation::Launch launch;  // of one warp
  launch.shared_bytes = launch.shared_limit = 1024;
  return kernel.run(launch, memory, args);
}

// What the kernel wrote, the same in every lane.
int written(const HostKernel& kernel) {
  std::vector<int> y;
  const emulation::Report report = run_warp(kernel, y);
  CHECK(report.fault.empty());
  CHECK(std::ranges::count(y, y[0]) == 32);
  return y[0];
}

constexpr std::string_view kSeven = "inline int value() { return 7; }\n";

}  // namespace

TEST_CASE("An emitted kernel gives the plain loop's accumulators on the CPU") {
  const TempFolder cache;
  for (const std::string command : {"c++", "clang++-16"}) {
    CAPTURE(command);
    try {
      const HostCompiler compiler(command, cache.path());
      CHECK(compiler.version().find('\n') == std::string::npos);
      CHECK(compiler.version().find_first_of("0123456789") != std::string::npos);
      CHECK(gemm_failure(compiler.compile(emit(kConfig, Gemm{.epilogue = kAccumulators}))) == "");
    } catch (const UsageError& error) {
      if (command == "c++") throw;  // what the others are tried for may not be installed
      WARN(error.what());
    }
  }
}

TEST_CASE("A kernel is run with the struct that it takes") {
  struct Two {
    int* y;
    int value;
    alignas(64) int other;
  };
  const KernelSource source{"write_two", R"(#include "hardware.cuh"
struct Two {
  int* y;
  int value;
  alignas(64) int other;
};
__global__ void write_two(const Two two) {
  ditune::global_store(two.y + ditune::thread_index(), two.value + two.other);
}
)"};
  const TempFolder cache;
  const HostKernel kernel = HostCompiler("c++", cache.path()).compile(source);
  std::vector<int> y(32);
  const std::vector<emulation::Region> memory = {
      {.name = "y", .data = y.data(), .row_bytes = y.size() * sizeof(int), .use = emulation::Use::output}};
  const Two two{.y = y.data(), .value = 40, .other = 2};
  CHECK(kernel.run({}, memory, two).fault == "");
  CHECK(std::ranges::count(y, 42) == 32);

  KernelParameter bytes;
  bytes.size = sizeof two;
  std::memcpy(bytes.bytes.data(), &two, sizeof two);
  std::ranges::fill(y, 0);
  CHECK(kernel.run({}, memory, bytes).fault == "");
  CHECK(std::ranges::count(y, 42) == 32);
}

TEST_CASE("A kernel has the registers that its launch bounds leave") {
  const auto fault = [](const std::string& bounds) {
    const KernelSource source{"specialized", R"(#include "hopper.cuh"
#include "gemm_args.cuh"
extern "C" __global__ void )" + bounds + R"( specialized(const __grid_constant__ ditune::GemmArgs) {
  if (ditune::thread_index() < 128)
    ditune::lower_registers<24>();
  else
    ditune::raise_registers<112>();
}
)"};
    const TempFolder cache;
    return HostCompiler("c++", cache.path()).compile(source).run({.block = 384}, {}, GemmArgs{}).fault;
  };
  CHECK(fault("__launch_bounds__(384)") == "");
  CHECK(fault("__launch_bounds__(384, 1)") == "");
  CHECK_THAT(fault("__launch_bounds__(384, 2)"),
             Catch::Contains("raise_registers") && Catch::Contains("waits for 1024 registers"));
  CHECK_THAT(fault(""), Catch::Contains("the kernel has no launch bounds"));
}

TEST_CASE("What was compiled once is not compiled again") {
  const NotingCompiler noting;
  const TempFolder cache;
  const std::vector<EmbeddedFile> templates = templates_with(kSeven);
  CHECK(written(HostCompiler(noting.command(), cache.path()).compile(kWriteValue, templates)) == 7);
  CHECK(written(HostCompiler(noting.command(), cache.path()).compile(kWriteValue, templates)) == 7);
  CHECK(noting.objects() == 1);
  // Whatever else an object is made of makes another one.
  HostCompiler(noting.command() + " -DNDEBUG", cache.path()).compile(kWriteValue, templates);
  CHECK(noting.objects() == 2);
  HostCompiler(noting.command(), cache.path()).compile({kWriteValue.name, kWriteValue.text + "//\n"}, templates);
  CHECK(noting.objects() == 3);
  noting.write("#!/bin/sh\nif [ $1 = --version ]; then echo newer; else exec c++ \"$@\"; fi\n");
  HostCompiler newer(noting.command(), cache.path());
  CHECK(newer.version() == "newer");
  newer.compile(kWriteValue, templates);
  CHECK(files(cache.path()).size() == 4);
}

TEST_CASE("Other templates make another kernel, and both stay what they are") {
  const TempFolder cache;
  const HostCompiler compiler("c++", cache.path());
  // A variable that the loader would share among all that is loaded, if it could see it.
  const std::vector<EmbeddedFile> one =
                                      templates_with("inline int shared = 1;\ninline int value() { return shared; }\n"),
                                  two =
                                      templates_with("inline int shared = 2;\ninline int value() { return shared; }\n");
  const HostKernel first = compiler.compile(kWriteValue, one), second = compiler.compile(kWriteValue, two);
  CHECK(written(first) == 1);
  CHECK(written(second) == 2);
  CHECK(written(first) == 1);
}

TEST_CASE("A damaged object is compiled again, not loaded") {
  const NotingCompiler noting;
  const TempFolder cache;
  const HostCompiler compiler(noting.command(), cache.path());
  const std::vector<EmbeddedFile> templates = templates_with(kSeven);
  compiler.compile(kWriteValue, templates);
  const fs::path object = files(cache.path()).at(0);
  const std::string good = test::read_file(object);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(~flipped[good.size() / 2]);
  long made = 1;
  for (const std::string& bad : {flipped, good.substr(0, good.size() - 1), good.substr(0, 100), std::string()}) {
    fs::remove(object);  // not written into: it may be loaded
    std::ofstream(object, std::ios::binary) << bad;
    CHECK(written(compiler.compile(kWriteValue, templates)) == 7);
    CHECK(noting.objects() == ++made);
    CHECK(test::read_file(object).size() == good.size());
  }
  CHECK(files(cache.path()).size() == 1);
}

TEST_CASE("A source that does not compile is an error that carries log and source, and leaves nothing behind") {
  const TempFolder cache;
  const HostCompiler compiler("c++", cache.path());
  const KernelSource wrong{"wrong", "\nextern \"C\" void wrong() { no_such_function(); }\n"};
  try {
    compiler.compile(wrong);
    FAIL("compiled");
  } catch (const HostCompilerError& error) {
    const std::string what = error.what();
    CHECK(what.find("wrong does not compile with " + compiler.version() + ": kernel.cpp:2:") == 0);
    CHECK(what.find("no_such_function") != std::string::npos);
    CHECK(what.find('\n') == std::string::npos);
    CHECK(error.log().find("no_such_function") != std::string::npos);
    CHECK(error.log().find(cache.path().string()) == std::string::npos);
    CHECK(error.source() == wrong.text);
  }
  CHECK(files(cache.path()).empty());
}

TEST_CASE("A source without the kernel is an error") {
  const TempFolder cache;
  CHECK_THROWS_AS(HostCompiler("c++", cache.path()).compile({"other", kWriteValue.text}, templates_with(kSeven)),
                  HostCompilerError);
}

TEST_CASE("A command that is no C++ compiler is refused at once") {
  const TempFolder cache;
  const auto refuse = [&](const std::string& command) { HostCompiler(command, cache.path()); };
  CHECK_THROWS_AS(refuse("no-such-compiler"), UsageError);
  CHECK_THROWS_WITH(refuse("no-such-compiler"), Catch::Contains("no-such-compiler") && Catch::Contains("set CXX"));
  for (const char* command : {"", " ", "true", "false", "echo", "ls", "c++ -no-such-option", "/"}) {
    CAPTURE(command);
    CHECK_THROWS_AS(refuse(command), UsageError);
  }
}

TEST_CASE("A compiler that is gone, or fails without a word, is an error when it is needed") {
  const NotingCompiler noting;
  const TempFolder cache;
  const HostCompiler compiler(noting.command(), cache.path());
  const std::vector<EmbeddedFile> templates = templates_with(kSeven);
  noting.write("#!/bin/sh\nexit 1\n");
  CHECK_THROWS_WITH(compiler.compile(kWriteValue, templates), Catch::Contains("no reason given"));
  noting.write("#!/bin/sh\nexit 0\n");  // and no object
  CHECK_THROWS_AS(compiler.compile(kWriteValue, templates), HostCompilerError);
  noting.remove();
  CHECK_THROWS_WITH(compiler.compile(kWriteValue, templates), Catch::Contains("does not run"));
  CHECK(files(cache.path()).empty());
}

TEST_CASE("The cache is made where it is not, and one that cannot be is named") {
  const TempFolder folder;
  const HostCompiler compiler("c++", folder / "a, b=c/cache");  // characters that mean something to a linker
  CHECK(written(compiler.compile(kWriteValue, templates_with(kSeven))) == 7);
  fs::remove_all(folder / "a, b=c");
  CHECK(written(compiler.compile(kWriteValue, templates_with("inline int value() { return 8; }\n"))) == 8);

  std::ofstream(folder / "file") << "in the way";
  const fs::path impossible = folder / "file/cache";
  CHECK_THROWS_AS(HostCompiler("c++", impossible), UsageError);
  CHECK_THROWS_WITH(HostCompiler("c++", impossible),
                    Catch::Contains(impossible.string()) && Catch::Contains("XDG_CACHE_HOME"));
}

TEST_CASE("Threads that ask for the same at once have it compiled once") {
  const NotingCompiler noting;
  const TempFolder cache;
  const HostCompiler compiler(noting.command(), cache.path());
  const std::vector<EmbeddedFile> templates = templates_with(kSeven);
  constexpr int kThreads = 8;
  std::vector<HostKernel> kernels(kThreads);
  {
    std::barrier start(kThreads);
    std::vector<std::jthread> threads;
    for (HostKernel& kernel : kernels)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        kernel = compiler.compile(kWriteValue, templates);
      });
  }
  CHECK(noting.objects() == 1);
  for (const HostKernel& kernel : kernels) CHECK(written(kernel) == 7);
}

TEST_CASE("Two programs share a cache, and kernels run on several threads") {
  const TempFolder cache;
  const std::vector<EmbeddedFile> templates = templates_with(kSeven);
  const HostKernel shared = HostCompiler("c++", cache.path()).compile(emit(kConfig, Gemm{.epilogue = kAccumulators}));
  std::vector<std::string> failures(4, "not run");
  {
    std::barrier start(4);
    std::vector<std::jthread> threads;
    for (std::string& failure : failures)
      threads.emplace_back([&] {
        const HostCompiler compiler("c++", cache.path());  // knows nothing of the others
        start.arrive_and_wait();
        compiler.compile(kWriteValue, templates);
        failure = gemm_failure(shared);
      });
  }
  CHECK(failures == std::vector<std::string>(4));
  CHECK(files(cache.path()).size() == 2);
}

TEST_CASE("A fault names the kernel and the template's line, not the folder where it was compiled") {
  const TempFolder cache;
  for (const std::string command : {"c++", "clang++-16"}) {
    CAPTURE(command);
    try {
      const HostKernel kernel = HostCompiler(command, cache.path()).compile(kWriteValue, templates_with(R"(
inline int value() { return static_cast<int>(ditune::shared_load(ditune::shared_memory())); }  // nobody wrote it
)"));
      std::vector<int> y;
      const std::string fault = run_warp(kernel, y).fault;
      CHECK(fault.find("write_value") != std::string::npos);
      CHECK(fault.find("(value.cuh:2)") != std::string::npos);
    } catch (const UsageError& error) {
      if (command == "c++") throw;
      WARN(error.what());
    }
  }
}
