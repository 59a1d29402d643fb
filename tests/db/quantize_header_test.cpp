// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in an exported header, alone and beside GEMMs.
#include "catch.hpp"
#include "compilers.hpp"
#include "db/cuda_stub.hpp"
#include "db/export_header.hpp"
#include "fixtures.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "lookup/serving.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr const char* kPrologue = "residual=gate_rms,norm=rms,modulate=scale1_shift,table=image";

TuningRecord winner(const std::string& operation, const std::string& config) {
  TuningRecord record = measured_record({16, 64, 64}, 9);
  record.key.device = device_class(find_device("RTX 3090"));
  record.key.operation = parse_operation(operation);
  record.config = parse_config(config);
  record.key.template_hash = template_hash(record.config);
  return record;
}

std::vector<TuningRecord> quantizes() {
  const std::string fused = "k=4608," + std::string(kPrologue);
  return {winner("quantize_s8:m=16," + fused, "registers_s8:threads=256,octets=3"),
          winner("quantize_s8:m=4096," + fused, "registers_s8:threads=128,octets=5"),
          winner("quantize_s8:m=4096,k=4609", "passes_s8:threads=256,load=1")};
}

TuningRecord gemm() { return winner("gemm_s8:m=16,n=64,k=64", "mma_s8:tile=16x64x64,warps=1x2,stages=4"); }

std::string exported(const std::vector<TuningRecord>& records, Embed embed) {
  return export_header(records, {.embed = embed,
                                 .cubin_of = [](const TuningRecord&) { return "a cubin"; },
                                 .fallback_ptx = [](const KernelConfig&) { return "PTX"; }})
      .header;
}

// Operands that nobody touches, far from one another, for the prologue of the first two rows.
const std::string kArgs = R"(
#include "tuned.h"

#include <cstdio>

namespace t = ditune_tuned;
namespace {
constexpr std::string_view kPrologue = "residual=gate_rms,norm=rms,modulate=scale1_shift,table=image";

inline void* at(std::uintptr_t place) { return reinterpret_cast<void*>(place << 32); }

inline t::QuantizeArgs good() {
  t::QuantizeArgs args{};
  args.x = args.h = at(1);
  args.y = at(2), args.g = at(3), args.s = at(4), args.t = at(5), args.w1 = at(6), args.q = at(7);
  args.scale = static_cast<float*>(at(8));
  args.m = 4096, args.k = args.ldx = args.ldy = args.ldh = args.ldt = args.ldq = 4608;
  args.tables = 4, args.rows_per_image = 1024;
  args.eps = 1e-6F;
  return args;
}
}  // namespace
)";

const std::string kProbe = kArgs + R"(
constexpr const t::QuantizeRow* row = t::find_quantize(86, 4096, 4608, kPrologue);
static_assert(row->m_tuned == 4096 && row->multiple == 8 && row->source == t::Source::measured);
static_assert(row->config == "registers_s8:threads=128,octets=5" && row->fused.norm == t::ditune::Norm::rms);
static_assert(t::plan(*row, 4096).grid == PLAN_GRID && t::plan(*row, 4096).block == PLAN_BLOCK);
static_assert(t::plan(*row, 4096).shared_bytes == PLAN_SHARED);
static_assert(t::find_quantize(86, 16, 4608, kPrologue)->m_tuned == 16);
static_assert(t::find_quantize(86, 4096, 4609)->multiple == 1);
static_assert(t::find_quantize("NVIDIA GeForce RTX 3090", 86, 4096, 4608, kPrologue) == row);
static_assert(t::find_quantize("unknown card", 86, 4096, 4608, kPrologue) == row);
static_assert(!t::find_quantize(90, 4096, 4608, kPrologue) && !t::find_quantize(86, 4096, 4608));

template <class Change>
std::string_view refused(Change change) {
  t::QuantizeArgs args = good();
  change(args);
  const char* const error = t::argument_error(*row, args);
  return error ? error : "";
}

int main() {
  using A = t::QuantizeArgs;
  const char* const overlap = "h, q or scale overlaps other memory of the launch";
  const std::string_view said[][2] = {
      {refused([](A&) {}), ""},
      {refused([](A& a) { a.h = at(9), a.ldh = 4616; }), ""},
      {refused([](A& a) { a.k = 4600; }), "k is not the row's"},
      {refused([](A& a) { a.m = 16; }), "m is not in the row's range"},
      {refused([](A& a) { a.eps = -1; }), "eps is not 0 or more and below 1"},
      {refused([](A& a) { a.tables = 0; }), "tables is not the number of rows of g, s and t"},
      {refused([](A& a) { a.rows_per_image = 1023; }), "tables * rows_per_image is less than m"},
      {refused([](A& a) { a.ldt = 4600; }), "a stride is shorter than its row"},
      {refused([](A& a) { a.ldq = 4612; }), "a stride is not a multiple of `multiple`"},
      {refused([](A& a) { a.ldx = 1LL << 32; }), "a stride is too long"},
      {refused([](A& a) { a.x = nullptr; }), "x is null"},
      {refused([](A& a) { a.y = nullptr; }), "y and h: if, and only if, the prologue has a residual"},
      {refused([](A& a) { a.c = at(9); }), "w1, w, b and c: if, and only if, the prologue has them"},
      {refused([](A& a) { a.s = static_cast<char*>(at(4)) + 8; }), "a pointer is not aligned to 16 bytes"},
      {refused([](A& a) { a.h = static_cast<char*>(at(1)) + 16; }), overlap},
      {refused([](A& a) { a.q = at(2); }), overlap},
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

// In place of the CUDA runtime: what one launch of each kind asks of it.
const std::string kLaunchProbe = kArgs + R"(
namespace {
t::QuantizeArgs launched;
unsigned grid = 0;
}

)" + kCudaRuntime + R"(
extern "C" {
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void*, void** parameters) {
  grid = config->gridDim.x;
  launched = *static_cast<const t::QuantizeArgs*>(parameters[0]);
  return cudaSuccess;
}
}

int main() {
  const t::QuantizeRow& row = *t::find_quantize(86, 4096, 4608, kPrologue);
  t::QuantizeArgs args = good();
  if (t::launch(row, args, nullptr) != cudaSuccess) return 1;
  if (grid != 4096 || launched.q != args.q || launched.w1 != args.w1 || launched.eps != args.eps) return 2;
  args.tables = 3;
  return t::launch(row, args, nullptr) == cudaErrorInvalidValue ? 0 : 3;
}
)";

// One kernel serves two widths of rows, which do not take as much shared memory.
const std::string kSharedProbe = kArgs + kCudaRuntime + R"(
extern "C" {
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void*, void**) {
  return config->dynamicSmemBytes <= static_cast<std::size_t>(granted_bytes) ? cudaSuccess : cudaErrorInvalidValue;
}
}

static cudaError_t launch(long long k) {
  t::QuantizeArgs args{};
  args.x = at(1), args.q = at(2), args.scale = static_cast<float*>(at(3));
  args.m = 4096, args.k = args.ldx = args.ldq = k, args.eps = 1e-6F;
  args.tables = 1, args.rows_per_image = 4096;
  return t::launch(*t::find_quantize(90, 4096, k, "norm=rms"), args, nullptr);
}

int main() {
  static_assert(t::find_quantize(90, 4096, 4608, "norm=rms")->kernel == t::find_quantize(90, 4096, 5120, "norm=rms")->kernel);
  for (const long long k : {4608, 5120, 4608})
    if (launch(k) != cudaSuccess) return 1;
  return 0;
}
)";

std::string plan_defines() {
  const TuningRecord record = quantizes()[1];
  const LaunchPlan plan = launch_plan(record.config, target_of(record.key));
  return "#define PLAN_GRID " + std::to_string(plan.grid) + "\n#define PLAN_BLOCK " + std::to_string(plan.block) +
         "\n#define PLAN_SHARED " + std::to_string(plan.shared_bytes) + "\n";
}

}  // namespace

TEST_CASE("A header with rows of quantize_s8 compiles everywhere without a warning, alone and beside GEMMs",
          "[compilers]") {
  const TempFolder folder;
  write_file(folder / "probe.cpp", plan_defines() + kProbe);
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  const bool has_gemms = GENERATE(false, true);
  std::vector<TuningRecord> records = quantizes();
  if (has_gemms) records.push_back(gemm());
  const std::string header = exported(records, embed);
  CHECK(contains(header, "struct Row {") == has_gemms);
  write_file(folder / "tuned.h", header);
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const std::string program = (folder / "probe").string(), log = (folder / "log").string();
    const std::string runtime = compiler.name == "nvcc" ? "" : " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread";
    const int status = run(compiler.command + " " + (folder / "probe.cpp").string() + " -o " + program + runtime, log);
    INFO(read_file(log));
    REQUIRE(status == 0);
    const int failures = run(program, log);
    INFO(read_file(log));
    CHECK(failures == 0);
  }
}

TEST_CASE("A header launches a quantize_s8 with its arguments, and refuses those that are wrong") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records = quantizes();
  if (GENERATE(false, true)) records.push_back(gemm());
  write_file(folder / "tuned.h", exported(records, Embed::cubin));
  const int status = run_launch(folder, kLaunchProbe);
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}

TEST_CASE("A header launches one kernel with as much shared memory as each of its rows needs") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records;
  for (const char* k : {"4608", "5120"}) {
    records.push_back(
        winner("quantize_s8:m=4096,k=" + std::string(k) + ",norm=rms", "staged_s8:threads=256,octets=3,stages=3"));
    records.back().key.device = device_class(find_device("H100"));
  }
  write_file(folder / "tuned.h", exported(records, Embed::cubin));
  const int status = run_launch(folder, kSharedProbe);
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}

TEST_CASE("A header with rows of quantize_s8 compiles where there is no CUDA") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "tuned.h", exported(quantizes(), GENERATE(Embed::none, Embed::source, Embed::cubin)));
  write_file(folder / "use.cpp",
             "#include \"tuned.h\"\nstatic_assert(ditune_tuned::find_quantize(86, 1, 4609)->sms == 82);\n");
  const int status =
      run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only " + (folder / "use.cpp").string(),
          folder / "log");
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}
