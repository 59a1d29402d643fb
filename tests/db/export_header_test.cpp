// SPDX-License-Identifier: Apache-2.0
#include "db/export_header.hpp"

#include "catch.hpp"
#include "compilers.hpp"
#include "db/cuda_stub.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"
#include "lookup/serving.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const std::string kEvil = "*/ int x; /* \"\n?\?/\\ )cuda\" %s #error \xff";

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 3 * 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TuningRecord current(TuningRecord record) {
  record.key.template_hash = template_hash(family_name(record.config));
  return record;
}

// Two M of a layer on two cards of one arch, one of them predicted, and another epilogue.
std::vector<TuningRecord> sample_records() {
  const TuningRecord small = current(measured_record({16, 4608, 4608}, 12));
  TuningRecord large = current(predicted_record({4096, 4608, 4608}, 345.5));
  large.config = parse_config("mma_s8:tile=64x128x64,warps=2x4,stages=3,split_k=2,load=4");
  TuningRecord other = current(measured_record({16, 4608, 4608}, 11));
  other.key.device = {.name = "NVIDIA RTX A6000", .sms = 84, .arch = {86}};
  TuningRecord biased = small;
  gemm_of(biased.key.operation).epilogue = parse_epilogue("sx=tensor,bias=bf16,out=f16");
  return {small, large, other, biased};
}

// A winner whose kernel takes tensor maps; by default, one that is launched in clusters.
TuningRecord hopper_record(const char* config = "wgmma_s8:tile=128x256,stages=3,cluster=2x1") {
  TuningRecord record = measured_record({4352, 4608, 4608}, 123);
  record.key.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}};
  record.config = parse_config(config);
  return current(record);
}

std::string made_up_ptx(const KernelConfig& config) {
  return ".version 8.0 // by " + std::to_string(k_multiple(config)) + "\n";
}

std::string exported(const std::vector<TuningRecord>& records, Embed embed) {
  return export_header(
             records,
             {.embed = embed, .cubin_of = [](const TuningRecord&) { return all_bytes(); }, .fallback_ptx = made_up_ptx})
      .header;
}

// What the probes begin with: operands that nobody touches, far from one another.
const std::string kArgs = R"(
#include "tuned.h"

namespace {
inline void* at(std::uintptr_t place) { return reinterpret_cast<void*>(place << 32); }

inline ditune_tuned::GemmArgs separate_args(long long m, long long n, long long k) {
  ditune_tuned::GemmArgs args{};
  args.x = static_cast<const signed char*>(at(1));
  args.w = static_cast<const signed char*>(at(2));
  args.y = at(3);
  args.sx = static_cast<const float*>(at(4));
  args.sw = static_cast<const float*>(at(5));
  args.m = m, args.n = n, args.k = args.ldx = args.ldw = k, args.ldy = n;
  return args;
}
}  // namespace
)";

// Asks the header what the library knows; main() is 0 if all of it is right.
const std::string kProbe = kArgs + R"(
#include <cstdio>

namespace t = ditune_tuned;
constexpr std::string_view k3090 = "NVIDIA GeForce RTX 3090";

static_assert(t::find(86, 1, 4608, 4608) == &t::rows[0]);
static_assert(t::find(86, 4095, 4608, 4608) == &t::rows[0]);
static_assert(t::find(86, 4096, 4608, 4608) == &t::rows[1]);  // predicted beside a measured one: its own m alone
static_assert(t::find(86, 4097, 4608, 4608)->config == t::rows[0].config);
static_assert(t::find(86, 2147483647, 4608, 4608)->m_tuned == 16);
static_assert(t::find(86, 2147483647, 4608, 4609) == nullptr);
static_assert(t::find(86, 0, 4608, 4608) == nullptr);
static_assert(t::find(80, 16, 4608, 4608) == nullptr);
static_assert(t::find(86, 16, 4608, 4608, "out=f32") == nullptr);
static_assert(t::find(86, 16, 4608, 4608, "sx=tensor,bias=bf16,out=f16")->fused.bias == t::ditune::Bias::bf16);
static_assert(t::find("NVIDIA RTX A6000", 86, 16, 4608, 4608)->sms == 84);
static_assert(t::find("unknown card", 86, 16, 4608, 4608)->device == k3090);
static_assert(t::rows[0].source == t::Source::measured && t::rows[0].microseconds == 12);
static_assert(t::rows[1].source == t::Source::predicted && t::rows[1].microseconds == 345.5);
static_assert(t::rows[1].config == "mma_s8:tile=64x128x64,warps=2x4,stages=3,split_k=2,load=4");
static_assert(t::rows[1].k_multiple == 4 && t::rows[1].m_tuned == 4096);
static_assert(t::plan(t::rows[1], 4096).grid == PLAN_GRID);
static_assert(t::plan(t::rows[1], 4096).block == PLAN_BLOCK);
static_assert(t::plan(t::rows[1], 4096).shared_bytes == PLAN_SHARED);
static_assert(t::plan(t::rows[1], 4096).workspace_bytes == PLAN_WORKSPACE);
static_assert(t::plan(t::rows[1], 4096).dependent == PLAN_DEPENDENT);

int failures = 0;
void check(bool condition, int line) {
  if (condition) return;
  std::printf("line %d\n", line);
  ++failures;
}

int main() {
  const t::Row& row = t::rows[1];
  t::GemmArgs good = separate_args(4096, 4608, 4608);
  good.workspace = at(6);
  const auto refused = [&](auto change) {
    t::GemmArgs args = good;
    change(args);
    return t::argument_error(row, args) != nullptr;
  };
  check(t::argument_error(row, good) == nullptr, __LINE__);
  check(refused([](t::GemmArgs& a) { a.x = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.w += 8; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.workspace = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.sx = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.bias = at(7); }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.m = 16; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.n = 4609; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldx = 4607; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldw = 4610; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldy = 1LL << 32; }), __LINE__);
  check(!refused([](t::GemmArgs& a) { a.ldy = 4609; }), __LINE__);
  const auto* x_end = good.x + 4096 * 4608;
  check(refused([&](t::GemmArgs& a) { a.y = const_cast<signed char*>(x_end - 16); }), __LINE__);
  check(!refused([&](t::GemmArgs& a) { a.y = const_cast<signed char*>(x_end); }), __LINE__);
  check(refused([&](t::GemmArgs& a) { a.workspace = a.y; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.workspace = static_cast<char*>(at(5)) + 1024 - PLAN_WORKSPACE; }), __LINE__);
  t::FusedGemmArgs untaken = good;
  untaken.r = at(7);
  const std::string_view said = t::argument_error(row, untaken);
  check(said == "r: if, and only if, the epilogue has a residual", __LINE__);
  return failures + other_translation_unit();
}
)";

// The launch plan of a record at another M, as the probes compare it.
std::string plan_defines(const TuningRecord& record, std::int64_t m) {
  Target target = target_of(record.key);
  gemm_of(target.operation).m = m;
  const LaunchPlan plan = launch_plan(record.config, target);
  std::string defines;
  defines += "#define PLAN_GRID " + std::to_string(plan.grid) + "\n";
  defines += "#define PLAN_CLUSTER " + std::to_string(plan.cluster) + "\n";
  defines += "#define PLAN_BLOCK " + std::to_string(plan.block) + "\n";
  defines += "#define PLAN_SHARED " + std::to_string(plan.shared_bytes) + "\n";
  defines += "#define PLAN_WORKSPACE " + std::to_string(plan.workspace_bytes) + "\n";
  defines += std::string("#define PLAN_DEPENDENT ") + (plan.dependent ? "true" : "false") + "\n";
  return defines;
}

std::string probe() { return plan_defines(sample_records()[1], 4096) + "int other_translation_unit();\n" + kProbe; }

// The same of a header with a row of wgmma_s8. There may be no driver: then its parameter is an error.
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

// The same of a row with a residual and a table of gates: what is asked of them.
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

// Prints the kernels of two fallbacks.
const std::string kFallbackProbe = kArgs + R"(
#include <cstdio>

namespace t = ditune_tuned;
constexpr auto plain = t::fallback(120, 1000, 520, "default");
static_assert(plain && plain->arch == 120 && plain->n == 1000 && plain->k == 520 && plain->k_multiple == 1);
static_assert(plain->source == t::Source::fallback && plain->epilogue == "default" && plain->device.empty());
static_assert(plain->m_first == 1 && plain->m_last == 2147483647 && t::plan(*plain, 1).workspace_bytes == 0);
constexpr auto biased = t::fallback(80, 1000, 512, "sx=tensor,bias=bf16,out=f16");
static_assert(biased->k_multiple == 16 && biased->fused.bias == t::ditune::Bias::bf16);
static_assert(t::fallback(80, 1000, 512, "default", 24)->k_multiple == 1);
static_assert(t::fallback(80, 1000, 520, "default", 16)->k_multiple == 1);  // 16 does not divide this K
static_assert(t::fallback(80, 1, 131071)->k == 131071);
static_assert(!t::fallback(75, 1000, 512));
static_assert(!t::fallback(80, 1000, 512, "out=f32"));
static_assert(!t::fallback(80, 0, 512) && !t::fallback(80, 2147483648, 512) && !t::fallback(80, 1000, 0));
static_assert(!t::fallback(80, 1000, 131072) && !t::fallback(80, 1000, 512, "default", 0));
// The last m for which a grid has the CTAs.
constexpr auto wide = t::fallback(80, 2147483647, 512);
static_assert(t::plan(*wide, wide->m_last).grid <= 2147483647 && t::plan(*wide, wide->m_last + 1).grid > 2147483647);

int main() {
  for (const t::Kernel* kernel : {plain->kernel, biased->kernel})
    std::puts(kernel->source ? kernel->source : reinterpret_cast<const char*>(kernel->image));
  t::GemmArgs args = separate_args(7, 1000, 520);
  args.ldx = 521, args.ldw = 523, args.ldy = 1001;
  if (t::argument_error(*plain, args)) return 1;
  args.k = 519;
  return t::argument_error(*plain, args) ? 0 : 2;
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

// In place of the CUDA runtime: launches a fallback of each epilogue of sample_records(). main() is 0 if both took the
// arguments and their epilogue.
const std::string kFallbackLaunchProbe = kArgs + R"(
namespace t = ditune_tuned;
namespace {
t::ditune::FallbackArgs launched;
}

)" + kCudaRuntime + R"(
extern "C" {
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void*, void** parameters) {
  launched = *static_cast<const t::ditune::FallbackArgs*>(parameters[0]);
  return cudaSuccess;
}
}

int main() {
  t::GemmArgs args = separate_args(7, 1000, 512);
  if (t::launch(*t::fallback(90, 1000, 512), args, nullptr) != cudaSuccess) return 1;
  if (launched.gemm.m != 7 || launched.gemm.ldy != 1000 || launched.epilogue.out != t::ditune::Output::bf16) return 2;
  args.bias = at(7);
  const auto biased = t::fallback(90, 1000, 512, "sx=tensor,bias=bf16,out=f16");
  if (t::launch(*biased, args, nullptr) != cudaSuccess || launched.gemm.bias != args.bias) return 3;
  const t::ditune::Epilogue& epilogue = launched.epilogue;
  return epilogue.sx == t::ditune::ScaleX::tensor && epilogue.sw == t::ditune::ScaleW::channel &&
                 epilogue.bias == t::ditune::Bias::bf16 && epilogue.out == t::ditune::Output::f16
             ? 0
             : 4;
}
)";

}  // namespace

TEST_CASE("An exported header compiles everywhere without a warning, and says what the library says") {
  const TempFolder folder;
  write_file(folder / "probe.cpp", probe());
  write_file(folder / "other.cpp",
             "#include \"tuned.h\"\nint other_translation_unit();\n"
             "int other_translation_unit() { return ditune_tuned::find(86, 16, 4608, 4608) ? 0 : 1; }\n");
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(sample_records(), embed));
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const std::string program = (folder / "probe").string(), log = (folder / "log").string();
    const std::string runtime = " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread";
    const std::string sources = " " + (folder / "probe.cpp").string() + " " + (folder / "other.cpp").string();
    const int status =
        run(compiler.command + sources + " -o " + program + (compiler.name == "nvcc" ? "" : runtime), log);
    INFO(read_file(log));
    REQUIRE(status == 0);
    const int failures = run(program, log);
    INFO(read_file(log));
    CHECK(failures == 0);
  }
}

TEST_CASE("A header with kernels that take tensor maps can make them, and has nothing that its rows do not need") {
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

TEST_CASE("A header launches with its plan's attributes, and its boxes are swizzled by their bytes") {
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
  write_file(folder / "launch.cpp", kLaunchProbe);
  const std::string program = (folder / "launch").string();
  const int status = run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
                             (folder / "launch.cpp").string() + " -o " + program,
                         folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK(read_file(folder / "log") == asked);

  // Rows of X and W that do not begin with a sector.
  std::string straddling = asked;
  for (int operand = 0; operand < 2; ++operand) straddling.replace(straddling.find("/256"), 4, "/128");
  REQUIRE(run(program + " padded", folder / "log") == 0);
  CHECK(read_file(folder / "log") == straddling);
}

TEST_CASE("A header compiles where there is no CUDA, and with rows of several families") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records = sample_records();
  records.push_back(hopper_record());
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(records, embed));
  write_file(folder / "use.cpp",
             "#include \"tuned.h\"\nnamespace t = ditune_tuned;\n"
             "static_assert(t::plan(*t::find(90, 4352, 4608, 4608), 4352).cluster == 2);\n"
             "static_assert(t::plan(*t::find(86, 16, 4608, 4608), 16).cluster == 1);\n"
             "#ifdef LAUNCH\nauto* use = &t::launch;\n#endif\n");
  const std::string command =
      DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only " + (folder / "use.cpp").string();
  for (const std::string& with : {std::string(), kCudaInclude + (embed == Embed::cubin ? " -DLAUNCH" : "")}) {
    const int status = run(command + with, folder / "log");
    INFO(read_file(folder / "log"));
    CHECK(status == 0);
  }
}

TEST_CASE("The library and an exported header live in one program") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "tuned.h", exported(sample_records(), Embed::cubin));
  for (const char* const order : {"#include \"ditune/library.hpp\"\n#include \"tuned.h\"\n",
                                  "#include \"tuned.h\"\n#include \"ditune/library.hpp\"\n"}) {
    write_file(folder / "both.cpp", std::string(order) + "int main() { return ditune::ceil_div(1, 2) != 1; }\n");
    const std::string source = DITUNE_SOURCE_DIR;
    const std::string command = DITUNE_GXX " -std=c++20 -pedantic -Wall -Wextra -Werror -fsyntax-only -I" + source +
                                "/include -I" + source + "/templates/common -I" + source + "/templates/gemm_s8 -I" +
                                source + "/templates/quantize_s8" + kCudaInclude + " " + (folder / "both.cpp").string();
    const int status = run(command, folder / "log");
    INFO(read_file(folder / "log"));
    CHECK(status == 0);
  }
}

TEST_CASE("A header with kernels of any size compiles everywhere without a warning") {
  const TempFolder folder;
  std::string large;
  while (large.size() < 100'000) large += all_bytes();
  const TuningRecord record = hopper_record();
  const Embed embed = GENERATE(Embed::source, Embed::cubin);
  write_file(folder / "tuned.h",
             export_header({record}, {.embed = embed,
                                      .cubin_of = [&](const TuningRecord&) { return large; },
                                      .fallback_ptx = [&](const KernelConfig&) { return large + "PTX"; }})
                 .header);
  const std::string print = embed == Embed::source
                                ? "std::fputs(kernel.source, stdout) < 0"
                                : "kernel.image[kernel.image_bytes] != 0 ||\n"
                                  "  std::fwrite(kernel.image, 1, kernel.image_bytes, stdout) != kernel.image_bytes";
  write_file(folder / "kernel.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\nconstexpr auto& kernel = *ditune_tuned::rows[0].kernel;\n"
             "int main() { return " +
                 print + "; }\n");
  const std::string program = (folder / "kernel").string();
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const int built = run(compiler.command + " " + (folder / "kernel.cpp").string() + " -o " + program, folder / "log");
    INFO(read_file(folder / "log"));
    REQUIRE(built == 0);
    REQUIRE(run(program, folder / "log") == 0);
    CHECK((read_file(folder / "log") == (embed == Embed::cubin ? large : emit_standalone(record.config, {}).text)));
  }
}

TEST_CASE("No text of a record becomes code") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records = sample_records();
  for (TuningRecord& record : records) {
    record.key.device.name = kEvil;
    record.provenance.gpu_uuid = record.provenance.when = record.provenance.ditune_version = kEvil;
  }
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(records, embed));
  write_file(folder / "evil.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\n"
             "int x;\n"  // twice would be an error
             "int main() { std::printf(\"%s\", ditune_tuned::rows[0].device.data()); }\n");
  const std::string program = (folder / "evil").string();
  const int status =
      run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror " + (folder / "evil.cpp").string() + " -o " + program,
          folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK(read_file(folder / "log") == kEvil);
}

TEST_CASE("Kernels are embedded byte for byte, each once") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  const std::string header = exported(sample_records(), Embed::cubin);
  const std::string winners = header.substr(0, header.find("---- layers without a row"));
  CHECK(contains(winners, "&kernels[0]"));
  CHECK_FALSE(contains(winners, "&kernels[1]"));
  write_file(folder / "tuned.h", header);
  write_file(
      folder / "image.cpp",
      "#include <cstdio>\n#include \"tuned.h\"\n"
      "int main() { auto& k = *ditune_tuned::rows[0].kernel; std::fwrite(k.image, 1, k.image_bytes, stdout); }\n");
  const std::string program = (folder / "image").string();
  REQUIRE(run(DITUNE_GXX " -std=c++17 " + (folder / "image.cpp").string() + " -o " + program, folder / "log") == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK(read_file(folder / "log") == all_bytes());
}

TEST_CASE("Large kernels are in a file of their own, which must be of the same export") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::string large;
  while (large.size() < 500'000) large += all_bytes();
  const auto text = [&](const std::string& image, const std::string& file) {
    return export_header(sample_records(), {.embed = Embed::cubin,
                                            .cubin_of = [&](const TuningRecord&) { return image; },
                                            .fallback_ptx = made_up_ptx,
                                            .kernels_file = file});
  };
  CHECK(text(all_bytes(), "a file.inc").kernels.empty());
  CHECK(text(large, "").kernels.empty());
  const HeaderText apart = text(large, "a file.inc");
  CHECK(apart.header.size() < 100'000);
  CHECK(apart.kernels.starts_with(kKernelsTop));
  CHECK((text(large, "a file.inc").header == apart.header && text(large, "a file.inc").kernels == apart.kernels));
  for (const std::string name : {"a\"b.inc", "a\\b.inc", "a\nb.inc"})
    CHECK(contains(error_of([&] { text(large, name); }), "no header can include"));

  write_file(folder / "tuned.h", apart.header);
  write_file(
      folder / "image.cpp",
      "#include <cstdio>\n#include \"tuned.h\"\n"
      "int main() { auto& k = *ditune_tuned::rows[0].kernel; std::fwrite(k.image, 1, k.image_bytes, stdout); }\n");
  const std::string program = (folder / "image").string();
  const std::string build = DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
                            (folder / "image.cpp").string() + " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread -o " +
                            program;
  write_file(folder / "a file.inc", text(large + "another", "a file.inc").kernels);
  CHECK(run(build, folder / "log") != 0);
  CHECK(contains(read_file(folder / "log"), "the kernels are of another export"));
  write_file(folder / "a file.inc", apart.kernels);
  const int status = run(build, folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK((read_file(folder / "log") == large));
}

TEST_CASE("A header falls back to what the library falls back to, where there is a kernel") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "fallback.cpp", kFallbackProbe);
  const std::string program = (folder / "fallback").string();
  std::vector<TuningRecord> records = sample_records();
  records.push_back(hopper_record());
  const auto [embed, plain, biased] = GENERATE(
      table<Embed, const char*, const char*>({{Embed::source, "mma_s8_tile_64x64x64", "mma_s8_tile_64x128x64"},
                                              {Embed::cubin, ".version 8.0 // by 1\n", ".version 8.0 // by 16\n"}}));
  write_file(folder / "tuned.h", exported(records, embed));
  const int built = run(
      DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror " + (folder / "fallback.cpp").string() + " -o " + program,
      folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);
  REQUIRE(run(program, folder / "log") == 0);
  const std::string kernels = read_file(folder / "log");
  CHECK(contains(kernels, plain));
  CHECK(contains(kernels, biased));
  CHECK(contains(exported(records, Embed::none), "nullptr"));
  CHECK_FALSE(contains(exported(records, Embed::none), "Row> fallback("));
}

TEST_CASE("A header has a fallback's image once, and launches it with the epilogue") {
  if (!is_found(DITUNE_GXX)) return;
  const std::string header = exported(sample_records(), Embed::cubin);
  for (const char* name : {"fallback_mma_s8_tile_64x128x64", "fallback_mma_s8_tile_64x64x64"})
    CHECK(header.find(name) == header.rfind(name));
  const TempFolder folder;
  write_file(folder / "tuned.h", header);
  write_file(folder / "launch.cpp", kFallbackLaunchProbe);
  const std::string program = (folder / "launch").string();
  const int built = run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
                            (folder / "launch.cpp").string() + " -o " + program,
                        folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);
  CHECK(run(program, folder / "log") == 0);
}

TEST_CASE("An embedded source is what nvcc compiles") {
  if (!is_found(DITUNE_NVCC) || !is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  const auto [arch, records] = GENERATE(table<std::string, std::vector<TuningRecord>>(
      {{"sm_86", {sample_records()[1]}},
       {"sm_90a", {hopper_record()}},
       {"sm_90a", {hopper_record("wgmma_s8:tile=64x144,stages=8,consumers=pingpong,staging=1,launch=dependent")}}}));
  write_file(folder / "tuned.h", exported(records, Embed::source));
  write_file(folder / "source.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\n"
             "int main() { std::fputs(ditune_tuned::rows[0].kernel->source, stdout); }\n");
  const std::string program = (folder / "source").string();
  REQUIRE(run(DITUNE_GXX " -std=c++17 " + (folder / "source.cpp").string() + " -o " + program, folder / "log") == 0);
  REQUIRE(run(program, folder / "kernel.cu") == 0);
  const int status = run(DITUNE_NVCC " -std=c++20 -arch=" + arch + " -cubin -o " + (folder / "kernel.cubin").string() +
                             " " + (folder / "kernel.cu").string(),
                         folder / "log");
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}

TEST_CASE("A header says how many rows it has, and how many of them were measured") {
  const std::vector<TuningRecord> one(1, sample_records()[0]);
  CHECK(contains(exported(one, Embed::none), "// 1 row, 1 of them measured; "));
  CHECK(contains(exported(sample_records(), Embed::none), " rows, "));
}

TEST_CASE("A winner without its kernel cannot be embedded") {
  const auto no_kernel = [](const TuningRecord&) { return std::string(); };
  const auto header = [&](Embed embed) {
    const HeaderOptions options{.embed = embed, .cubin_of = no_kernel, .fallback_ptx = made_up_ptx};
    return export_header(sample_records(), options).header;
  };
  CHECK(contains(error_of([&] { header(Embed::cubin); }), "there is no kernel of 16x4608x4608 mma_s8:"));
  CHECK_NOTHROW(header(Embed::source));
}
