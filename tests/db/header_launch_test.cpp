// SPDX-License-Identifier: Apache-2.0
// Launches of an exported header's rows: what it asks of arguments, and of the driver.
#include <string>

#include "catch.hpp"
#include "compilers.hpp"
#include "db/exported_header.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Asks for the plan and the parameter of a row of wgmma_s8. Without a driver the parameter is an error.
const std::string kTmaProbe = kArgs + R"(
#include <cstring>

namespace t = ditune_tuned;
constexpr const t::Row* row = t::find(90, 1000, 4608, 4608);
constexpr t::LaunchPlan plan = t::plan(*row, 1000);
static_assert(plan.cluster == PLAN_CLUSTER && plan.grid == PLAN_GRID && plan.block == PLAN_BLOCK);
static_assert(plan.dependent == PLAN_DEPENDENT);
static_assert(plan.shared_bytes == PLAN_SHARED && plan.workspace_bytes == PLAN_WORKSPACE);
static_assert(row->k_multiple == 16 && row->ldy_multiple == 8);

int main() {
  t::GemmArgs args = separate_args(1000, 4608, 4608);
  if (t::argument_error(*row, args)) return 1;
  args.ldy = 4612;
  if (!t::argument_error(*row, args)) return 2;
  args.ldy = 4616;
  if (t::argument_error(*row, args)) return 3;
  return std::visit(
      [&](const auto& config) {
        typename t::ParameterOf<std::decay_t<decltype(config)>>::type parameter{};
        if constexpr (std::is_same_v<decltype(parameter), t::TmaGemmArgs>) {
          const cudaError_t status = t::make_parameter(config, row->fused.out, args, parameter);
          if (std::memcmp(&parameter.gemm, &args, sizeof args) != 0) return 4;
          int gpus = 0;
          const bool has_driver = cudaGetDeviceCount(&gpus) == cudaSuccess && gpus > 0;
          return has_driver == (status == cudaSuccess) ? 0 : 5;
        } else {
          return 6;  // the fallback's family
        }
      },
      row->variant);
}
)";

// Asks what is refused of a row with a residual and a table of gates.
const std::string kResidualProbe = kArgs + R"(
#include <cstdio>
#include <type_traits>

namespace t = ditune_tuned;
constexpr const t::Row* row = t::find(90, 1000, 4608, 4608, "residual=bf16,gate=table");
static_assert(row->residual_multiple == 8);
static_assert(std::is_same_v<t::ParameterOf<t::ditune::WgmmaS8Config>::type, t::TmaGemmArgs>);
static_assert(std::is_same_v<t::ParameterOf<t::ditune::WgmmaS8Config>::fused, t::TmaFusedGemmArgs>);

t::FusedGemmArgs good() {
  t::FusedGemmArgs args = separate_args(1000, 4608, 4608);
  args.r = at(6), args.g = at(7);
  args.ldr = args.ldg = 4608;
  args.gates = 2, args.rows_per_gate = 500;
  return args;
}

template <class Change>
std::string_view refused(Change change) {
  t::FusedGemmArgs args = good();
  change(args);
  const char* const error = t::argument_error(*row, args);
  return error ? error : "";
}

int main() {
  const std::string_view said[][2] = {
      {refused([](t::FusedGemmArgs&) {}), ""},
      {refused([](t::FusedGemmArgs& a) { a.r = a.y; }), ""},
      {refused([](t::FusedGemmArgs& a) { a.ldr = 4616; }), ""},
      {refused([](t::FusedGemmArgs& a) { a.ldr = 4612; }), "ldr is not a multiple of residual_multiple"},
      {refused([](t::FusedGemmArgs& a) { a.ldr = 4600; }), "a stride is shorter than its row"},
      {refused([](t::FusedGemmArgs& a) { a.r = nullptr; }), "r: if, and only if, the epilogue has a residual"},
      {refused([](t::FusedGemmArgs& a) { a.gates = 0; }), "gates is not the number of rows of g"},
      {refused([](t::FusedGemmArgs& a) { a.rows_per_gate = 499; }), "gates * rows_per_gate is less than m"},
  };
  int failures = 0;
  for (const auto& [is, expected] : said) {
    if (is == expected) continue;
    std::printf("'%s' in place of '%s'\n", is.data(), expected.data());
    ++failures;
  }
  return failures;
}
)";

// In place of the CUDA runtime and the driver: keeps what one launch of a header's only row asks of them. Prints the
// attributes of the launch, as "clusters of N" and "dependent", its shared bytes, and of each tensor map in turn
// "COLUMNSxROWS" of a box, the bytes of its swizzle and those that L2 fetches.
const std::string kLaunchProbe = kArgs + R"(
#include <cstdio>

namespace {
CUresult CUDAAPI encode_tiled(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                              const cuuint64_t*, const cuuint32_t* box, const cuuint32_t*, CUtensorMapInterleave,
                              CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill) {
  const int bytes = swizzle == CU_TENSOR_MAP_SWIZZLE_32B    ? 32
                    : swizzle == CU_TENSOR_MAP_SWIZZLE_64B  ? 64
                    : swizzle == CU_TENSOR_MAP_SWIZZLE_128B ? 128
                                                            : 0;
  const int fetched = promotion == CU_TENSOR_MAP_L2_PROMOTION_L2_256B   ? 256
                      : promotion == CU_TENSOR_MAP_L2_PROMOTION_L2_128B ? 128
                                                                        : 0;
  std::printf("%ux%u by %d/%d, ", box[0], box[1], bytes, fetched);
  return CUDA_SUCCESS;
}
}  // namespace

extern "C" {
cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** entry, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* found) {
  *entry = reinterpret_cast<void*>(&encode_tiled);
  *found = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}
cudaError_t cudaLibraryLoadData(cudaLibrary_t*, const void*, cudaJitOption*, void**, unsigned, cudaLibraryOption*,
                                void**, unsigned) {
  return cudaSuccess;
}
cudaError_t cudaLibraryEnumerateKernels(cudaKernel_t*, unsigned, cudaLibrary_t) { return cudaSuccess; }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaKernelSetAttributeForDevice(cudaKernel_t, cudaFuncAttribute, int, int) { return cudaSuccess; }
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void*, void**) {
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config->attrs[i];
    if (attribute.id == cudaLaunchAttributeClusterDimension)
      std::printf("clusters of %u, ", attribute.val.clusterDim.x);
    else if (attribute.id == cudaLaunchAttributeProgrammaticStreamSerialization)
      std::printf("dependent %d, ", attribute.val.programmaticStreamSerializationAllowed);
    else
      std::printf("attribute %d, ", static_cast<int>(attribute.id));
  }
  std::printf("%u CTAs with %zu bytes\n", config->gridDim.x, config->dynamicSmemBytes);
  return cudaSuccess;
}
}

int main(int count, char**) {
  ditune_tuned::GemmArgs args = separate_args(4352, 4608, 4608);
  if (count > 1) args.ldx = args.ldw = 4624;
  return ditune_tuned::launch(ditune_tuned::rows[0], args, nullptr) == cudaSuccess ? 0 : 1;
}
)";

}  // namespace

TEST_CASE("A header with kernels that take tensor maps can make them, and has nothing that its rows do not need",
          "[compilers]") {
  const TempFolder folder;
  const TuningRecord record =
      hopper_record(GENERATE("wgmma_s8:tile=128x256,stages=3,cluster=2x1",
                             "wgmma_s8:tile=64x144,stages=8,consumers=pingpong,staging=1,launch=dependent"));
  write_file(folder / "probe.cpp", plan_defines(record, 1000) + kTmaProbe);
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  const std::string header = exported({record}, embed);
  CHECK(contains(header, "MmaS8Config>") == (embed != Embed::none));  // of the fallback
  const std::string without = exported(sample_records(), embed);
  CHECK_FALSE(contains(without.substr(without.find("---- the winners")), "TensorMap"));
  CHECK_FALSE(contains(without, "WgmmaS8Config"));
  write_file(folder / "tuned.h", header);
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const std::string program = (folder / "probe").string(), log = (folder / "log").string();
    const std::string runtime = compiler.name == "nvcc" ? "" : " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread";
    const int status = run(compiler.command + " " + (folder / "probe.cpp").string() + " -o " + program + runtime, log);
    INFO(read_file(log));
    REQUIRE(status == 0);
    CHECK(run(program, log) == 0);
  }
}

TEST_CASE("A header checks the residual and the gates of a launch") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  TuningRecord record = hopper_record();
  gemm_of(record.key.operation).epilogue = parse_epilogue("residual=bf16,gate=table");
  write_file(folder / "tuned.h", exported({record}, Embed::none));
  write_file(folder / "probe.cpp", kResidualProbe);
  const std::string program = (folder / "probe").string(), log = (folder / "log").string();
  const int status =
      run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
              (folder / "probe.cpp").string() + " -o " + program + " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread",
          log);
  INFO(read_file(log));
  REQUIRE(status == 0);
  const int failures = run(program, log);
  INFO(read_file(log));
  CHECK(failures == 0);
}

TEST_CASE("A header launches with its plan's attributes, and its boxes are swizzled by their bytes", "[compilers]") {
  if (!is_found(DITUNE_GXX)) return;
  const auto [config, epilogue, asked] = GENERATE(table<const char*, const char*, const char*>(
      {{"wgmma_s8:tile=128x256,stages=3", "default",
        "128x128 by 128/256, 128x256 by 128/256, 64x16 by 128/256, 132 CTAs with 182368 bytes\n"},
       {"wgmma_s8:tile=128x256,stages=3,cluster=2x1", "default",
        "128x128 by 128/256, 128x128 by 128/256, 64x16 by 128/256, clusters of 2, 132 CTAs with 182368 bytes\n"},
       {"wgmma_s8:tile=64x144,stages=8,consumers=pingpong,staging=1,launch=dependent", "default",
        "128x64 by 128/256, 128x144 by 128/256, 16x16 by 32/256, dependent 1, 132 CTAs with 231856 bytes\n"},
       {"wgmma_s8:tile=128x144,stages=5,cluster=2x1,launch=dependent", "out=f32",
        "128x128 by 128/256, 128x72 by 128/256, 16x16 by 64/256, clusters of 2, dependent 1, 132 CTAs with 208128 "
        "bytes\n"}}));
  const TempFolder folder;
  TuningRecord record = hopper_record(config);
  gemm_of(record.key.operation).epilogue = parse_epilogue(epilogue);
  write_file(folder / "tuned.h", exported({record}, Embed::cubin));
  const int status = run_launch(folder, kLaunchProbe);
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  CHECK(read_file(folder / "log") == asked);

  // Rows of X and W that do not begin with a sector.
  std::string straddling = asked;
  for (int operand = 0; operand < 2; ++operand) straddling.replace(straddling.find("/256"), 4, "/128");
  REQUIRE(run((folder / "launch").string() + " padded", folder / "log") == 0);
  CHECK(read_file(folder / "log") == straddling);
}
