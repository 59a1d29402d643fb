// SPDX-License-Identifier: Apache-2.0
#include "runtime/nvrtc.hpp"

#include <array>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "ditune/error.hpp"
#include "runtime/compiler_log.hpp"

using namespace ditune;

namespace {

const KernelSource kTrivial{"store_k", R"(#include "gemm_args.cuh"
extern "C" __global__ void store_k(ditune::GemmArgs args) {
  __shared__ int shared[100];
  shared[threadIdx.x] = static_cast<int>(args.k);
  __syncthreads();
  static_cast<int*>(args.y)[threadIdx.x] = shared[threadIdx.x + 1];
}
)"};

// As NVRTC 13.0 and ptxas printed it.
const std::string kLog = R"(ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'first' for 'sm_90'
ptxas info    : Function properties for first
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 168 registers, used 0 barriers
ptxas info    : Compile time = 1.132 ms
ptxas info    : Compiling entry function 'second' for 'sm_90'
ptxas info    : Function properties for second
ptxas         .     968 bytes stack frame, 1452 bytes spill stores, 1924 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 968 bytes cumulative stack size, 1024 bytes smem
ptxas info    : Compile time = 27.340 ms
)";

}  // namespace

TEST_CASE("The log's numbers are those of the kernel that was asked for") {
  CHECK(parse_ptxas_log(kLog, "second") ==
        ResourceUsage{.registers = 32, .spill_bytes = 1452 + 1924, .shared_bytes = 1024});
  CHECK(parse_ptxas_log(kLog, "first") == ResourceUsage{.registers = 168, .spill_bytes = 0, .shared_bytes = 0});
}

TEST_CASE("A log that says nothing of the kernel is an error, not zero registers") {
  CHECK_THROWS_AS(parse_ptxas_log(kLog, "third"), NvrtcError);
  CHECK_THROWS_AS(parse_ptxas_log(kLog, "firs"), NvrtcError);
  CHECK_THROWS_AS(parse_ptxas_log("", "first"), NvrtcError);
}

TEST_CASE("A kernel compiles for every supported arch without a GPU") {
  const Nvrtc nvrtc;
  for (const SmArch arch : supported_archs()) {
    const CompiledKernel kernel = nvrtc.compile(kTrivial, arch);
    INFO(format(arch));
    CHECK(kernel.name == "store_k");
    CHECK(kernel.cubin.substr(0, 4) ==
          "\x7f"
          "ELF");
    CHECK(kernel.cubin.find("store_k") != std::string::npos);
    CHECK(kernel.resources.registers > 0);
    CHECK(kernel.resources.spill_bytes == 0);
    CHECK(kernel.resources.shared_bytes >= 400);
  }
}

TEST_CASE("A kernel for sm_90 may use what sm_90a has") {
  const KernelSource source{"hopper", R"(#include "hopper.cuh"
extern "C" __global__ void __launch_bounds__(384, 1) hopper(int* p) {
  if (threadIdx.x < 128)
    ditune::lower_registers<24>();
  else
    ditune::raise_registers<240>();
  p[threadIdx.x] = 1;
}
)"};
  // The registers of a thread at its launch: those of an SM, shared by 384 threads.
  CHECK(Nvrtc().compile(source, SmArch{90}).resources.registers == 168);
  CHECK_THROWS_AS(Nvrtc().compile(source, SmArch{100}), NvrtcError);
}

TEST_CASE("Registers that are raised and that nobody gives back are not told: docs/emulation.md says who tells") {
  const KernelSource source{"hopper", R"(#include "hopper.cuh"
extern "C" __global__ void __launch_bounds__(384, 1) hopper(int* p) {
  if (threadIdx.x < 128)
    ditune::lower_registers<40>();
  else
    ditune::raise_registers<256>();
  p[threadIdx.x] = 1;
}
)"};
  CHECK(Nvrtc().compile(source, SmArch{90}).resources.registers == 168);
}

TEST_CASE("A refused source is an error that carries the log and the source") {
  const KernelSource wrong{"wrong", "extern \"C\" __global__ void wrong() { no_such_function(); }\n"};
  try {
    Nvrtc().compile(wrong, SmArch{86});
    FAIL("compiled");
  } catch (const NvrtcError& error) {
    const std::string what = error.what();
    CHECK(what.find("wrong does not compile for sm_86") == 0);
    CHECK(what.find("no_such_function") != std::string::npos);
    CHECK(what.find('\n') == std::string::npos);
    CHECK(error.log().find("1 error detected") != std::string::npos);
    CHECK(error.source() == wrong.text);
  }
}

TEST_CASE("What the machine fails is told from what a source fails") {
  CHECK(tells_machine_failure("catastrophic error: out of memory"));
  CHECK(tells_machine_failure("nvrtc: error: failed to open libnvrtc-builtins.so.13.0"));
  CHECK_FALSE(tells_machine_failure("a.cu(3): error: expected a declaration"));
  CHECK_FALSE(tells_machine_failure(""));
}

TEST_CASE("An arch that NVRTC does not know is an error that says so") {
  const Nvrtc nvrtc;
  CHECK_THROWS_WITH(nvrtc.compile(kTrivial, SmArch{990}),
                    Catch::StartsWith("NVRTC " + nvrtc.version() + " (" + nvrtc.path() + ") does not know sm_990 (") &&
                        Catch::Contains("newer CUDA Toolkit") && Catch::Contains("DITUNE_NVRTC"));
}

TEST_CASE("Without NVRTC the error names what was tried") {
  const std::array candidates = {"libnothing.so.1", "/nowhere/libnothing.so"};
  CHECK_THROWS_WITH(Nvrtc(candidates),
                    Catch::Contains("libnothing.so.1, /nowhere/libnothing.so") && Catch::Contains("name its file"));
  const std::array foreign = {"libc.so.6"};
  CHECK_THROWS_WITH(Nvrtc(foreign), Catch::Contains("functions are missing"));
}

TEST_CASE("NVRTC says which it is") {
  const Nvrtc nvrtc;
  CHECK(nvrtc.version() >= "12.8");
  CHECK(std::filesystem::is_regular_file(nvrtc.path()));  // the file, not the name that the loader was given
  CHECK(nvrtc.path().find("nvrtc") != std::string::npos);
}

TEST_CASE("NVRTC is taken from the file that is named, and from nowhere else") {
  const std::string file = Nvrtc().path();
  const test::TempFolder folder;
  const std::filesystem::path link = std::filesystem::path(folder / "libnvrtc-of-my-own.so");
  std::filesystem::create_symlink(file, link);
  CHECK(Nvrtc(link).version() == Nvrtc().version());
  CHECK(Nvrtc(std::filesystem::path()).path() == file);
  CHECK_THROWS_WITH(Nvrtc(std::filesystem::path("/nowhere/libnvrtc.so")),
                    Catch::StartsWith("NVRTC is not there: tried /nowhere/libnvrtc.so: "));
}

TEST_CASE("An NVRTC that is there and does not load is not said to be absent") {
  const test::TempFolder folder;
  const std::string broken = folder / "libnvrtc.so";
  test::write_file(broken, std::string(4096, 'x'));
  const std::array candidates = {broken.c_str(), "libnothing.so.1"};
  CHECK_THROWS_WITH(Nvrtc(candidates),
                    Catch::StartsWith("NVRTC cannot be loaded: " + broken + ": invalid ELF header ("));
}
