// SPDX-License-Identifier: Apache-2.0
#include "tuner/machine_code.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "core/in_parallel.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "kernels/samples.hpp"
#include "runtime/nvrtc.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// What may differ of a small kernel.
struct Kernel {
  std::string before = {};
  std::string parameter = "int";
  std::string body = "y[threadIdx.x] = shared[threadIdx.x ^ kOdd] * 3;";
  std::string attributes = "__launch_bounds__(256)";
  int shared = 256;
};

std::string text_of(const Kernel& kernel) {
  return "#define PARAMETER " + kernel.parameter + "\n#define BODY " + kernel.body + "\n#define ATTRIBUTES " +
         kernel.attributes + "\n#define SHARED " + std::to_string(kernel.shared) + "\n" + kernel.before + R"(
template <class T>
struct Work {
  static constexpr int kOdd = 1;
  __device__ static void run(int* y, T value) {
    __shared__ int shared[SHARED];
    shared[threadIdx.x] = y[threadIdx.x] + static_cast<int>(value);
    __syncthreads();
    BODY
  }
};
extern "C" __global__ void ATTRIBUTES k(int* y, PARAMETER value) { Work<PARAMETER>::run(y, value); }
)";
}

std::string cubin_of(const Kernel& kernel, SmArch arch = {90}) {
  return Nvrtc().compile({"k", text_of(kernel)}, arch).cubin;
}

std::string code_of(const std::string& cubin) {
  const std::optional<std::string> code = machine_code(cubin);
  REQUIRE(code.has_value());
  return *code;
}

// Names of the global variables that a kernel's instructions name.
std::set<std::string> globals_used(const std::string& ptx) {
  std::set<std::string> declared, used;
  std::vector<std::string> others;
  std::istringstream lines(ptx);
  const auto words = [](std::string line) {
    for (char& c : line)
      if (std::string_view("[](){},;=+ \t").find(c) != std::string_view::npos) c = ' ';
    std::istringstream stream(line);
    return std::vector<std::string>(std::istream_iterator<std::string>(stream), {});
  };
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> of_line = words(line);
    if (std::ranges::find(of_line, ".global") == of_line.end()) {
      others.insert(others.end(), of_line.begin(), of_line.end());
      continue;
    }
    // ".visible .global .align 4 .b8 NAME[16] = {1, 2}": the first word that is no directive and no number.
    const auto name = std::ranges::find_if(
        of_line, [](const std::string& word) { return word[0] != '.' && (word[0] < '0' || word[0] > '9'); });
    REQUIRE(name != of_line.end());
    declared.insert(*name);
  }
  for (const std::string& word : others)
    if (declared.contains(word)) used.insert(word);
  return used;
}

bool has_functions(const std::string& ptx) { return ptx.find(".func ") != std::string::npos; }

}  // namespace

TEST_CASE("names and unused variables are no machine code") {
  for (const SmArch arch : supported_archs()) {
    INFO(format(arch));
    const std::string cubin = cubin_of({}, arch);
    const std::string with_variables =
        cubin_of({.before = "struct A { int x, y; };\ninline constexpr A kA{1, 2};\nconstexpr int kB[3] = {3, 4, 5};\n"
                            "template <class T> inline constexpr long long kC = sizeof(T);\n"
                            "__device__ int unused[100];\n"},
                 arch);
    const std::string other_type = cubin_of(
        {.before = "struct Value { int v; __device__ operator int() const { return v; } };", .parameter = "Value"},
        arch);
    CHECK((cubin != with_variables));
    CHECK((cubin != other_type));
    CHECK((code_of(cubin) == code_of(with_variables)));
    CHECK((code_of(cubin) == code_of(other_type)));
  }
}

TEST_CASE("an added member of a struct that a kernel is made with changes its cubin and not its machine code") {
  const Operation operation = Gemm{4096, 4608, 4608, {.bias = Bias::bf16}};
  const std::string mma = "mma_s8:tile=64x64x64,warps=2x2,stages=3";
  const std::string wgmma = "wgmma_s8:tile=128x128,stages=3,consumers=pingpong,staging=1";
  for (const auto& [config, arch] : {std::pair(mma, 86), std::pair(mma, 120), std::pair(wgmma, 90)}) {
    CAPTURE(config, arch);
    KernelSource source = emit_standalone(parse_config(config), operation);
    const std::string cubin = Nvrtc().compile(source, {arch}).cubin;
    const std::string member = "  Output out = Output::bf16;\n";
    const std::size_t at = source.text.find(member);
    REQUIRE(at != std::string::npos);
    source.text.insert(at + member.size(), "  int added = 0;\n");
    const std::string another = Nvrtc().compile(source, {arch}).cubin;
    CHECK((cubin != another));
    CHECK((code_of(cubin) == code_of(another)));
  }
}

TEST_CASE("what a GPU runs is machine code") {
  for (const SmArch arch : {SmArch{80}, SmArch{90}, SmArch{120}}) {
    INFO(format(arch));
    const std::string code = code_of(cubin_of({}, arch));
    const auto differs = [&](const Kernel& kernel) { return code != code_of(cubin_of(kernel, arch)); };
    CHECK_FALSE(differs({}));
    CHECK(differs({.body = "y[threadIdx.x] = shared[threadIdx.x ^ kOdd] * 5;"}));
    CHECK(differs({.shared = 512}));
    CHECK(differs({.parameter = "long long"}));
    CHECK(differs({.attributes = "__launch_bounds__(512)"}));
    CHECK(differs({.attributes = "__maxnreg__(32)"}));
    const auto with_constants = [](const std::string& values) {
      return Kernel{.before = "__constant__ int table[4] = {" + values + "};",
                    .body = "y[threadIdx.x] = shared[threadIdx.x ^ kOdd] * table[threadIdx.x & 3];"};
    };
    CHECK((code_of(cubin_of(with_constants("1, 2, 3, 4"), arch)) !=
           code_of(cubin_of(with_constants("1, 2, 3, 5"), arch))));
  }
  const Kernel clustered{.attributes = "__cluster_dims__(2)"};
  CHECK((code_of(cubin_of({.attributes = ""})) != code_of(cubin_of(clustered))));
  CHECK((code_of(cubin_of({}, {80})) != code_of(cubin_of({}, {86}))));
}

TEST_CASE("code that refers to another function, or of several kernels, is not compared") {
  std::string cubin = cubin_of({});
  CHECK(machine_code(cubin).has_value());
  Elf64_Ehdr header;
  std::memcpy(&header, cubin.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    char* const at = cubin.data() + header.e_shoff + i * sizeof section;
    std::memcpy(&section, at, sizeof section);
    if (section.sh_type != SHT_RELA || section.sh_size > 0) continue;  // the kernel's own
    section.sh_size = sizeof(Elf64_Rela);
    std::memcpy(at, &section, sizeof section);
  }
  CHECK_FALSE(machine_code(cubin).has_value());
  CHECK_FALSE(machine_code(cubin_of({.before = "extern \"C\" __global__ void other(int* y) { *y = 3; }"})).has_value());
}

TEST_CASE("damaged cubins are refused or read, and no byte outside of them") {
  for (const SmArch arch : {SmArch{86}, SmArch{90}}) {
    const std::string cubin = cubin_of({}, arch);
    const std::string code = code_of(cubin);
    CHECK_FALSE(machine_code("").has_value());
    CHECK_FALSE(machine_code("cubin of mma_s8").has_value());
    // Each a copy of its own on the heap: the address sanitizer sees a read beyond it.
    for (std::size_t size = 0; size < cubin.size(); ++size) {
      const std::vector<char> bytes(cubin.data(), cubin.data() + size);
      const std::optional<std::string> its = machine_code({bytes.data(), size});
      if (its ? its != code : size == cubin.size()) FAIL("of " << size << " bytes");
    }
    std::mt19937 random(7);
    for (int i = 0; i < 20000; ++i) {
      std::vector<char> bytes(cubin.begin(), cubin.end());
      for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
        bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
      const std::optional<std::string> its = machine_code({bytes.data(), bytes.size()});
      if (its && its->size() > 3 * cubin.size()) FAIL("more than there is");
    }
  }
}

// Without it two kernels of the same code could differ in what they read or call.
TEST_CASE("no kernel reads a global variable or calls a function", "[compilers]") {
  const Nvrtc nvrtc;
  const auto ptx_of = [&](const Kernel& kernel) { return nvrtc.ptx({"k", text_of(kernel)}, {90}); };
  CHECK(globals_used(ptx_of({.before = "__device__ int unused = 2;\n__device__ int table[4] = {1, 2, 3, 4};",
                             .body = "y[threadIdx.x] = table[shared[threadIdx.x]];"})) ==
        std::set<std::string>{"table"});
  CHECK(has_functions(ptx_of({.body = "printf(\"%d\", shared[threadIdx.x ^ kOdd]);"})));

  const std::vector<DeviceInfo> card{reference_device({90})};
  std::vector<KernelSource> sources;
  for (const KindSample& sample : all_samples()) {
    const std::vector<KernelConfig> configs = covering_configs(all_candidates(sample.typical, card));
    const std::size_t count = sample.fused.size();
    for (std::size_t i = 0; i < count; i += 2)  // each with another config: all of them would take minutes
      sources.push_back(emit(configs[i * configs.size() / count], sample.with(sample.typical[0], sample.fused[i])));
  }
  std::vector<std::string> ptx(sources.size());
  in_parallel(sources.size(), 0, [&](std::size_t i) { ptx[i] = nvrtc.ptx(sources[i], {90}); });
  for (std::size_t i = 0; i < sources.size(); ++i) {
    INFO(sources[i].name);
    CHECK(globals_used(ptx[i]) == std::set<std::string>{});
    CHECK_FALSE(has_functions(ptx[i]));
  }
}
