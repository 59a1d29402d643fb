// SPDX-License-Identifier: Apache-2.0
// What the kernel's code and the device allow of the family mma_s8.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ditune/config.hpp"
#include "generator/gemm_s8/mma_s8.hpp"

namespace ditune {
namespace {

using Config = MmaS8Config;

constexpr int kMaxThreads = 1024;   // of a CTA
constexpr int kMaxRegisters = 255;  // of a thread
constexpr int kMaxStages = 16;
constexpr int kSystemShared = 1024;  // bytes that the system keeps of every CTA's shared memory
constexpr std::int64_t kMaxWorkspace = std::int64_t{1} << 30;

// Registers of a thread when `ctas` CTAs share an SM; ptxas allocates in steps of 8.
int register_bound(const Config& c, const DeviceInfo& device) {
  return std::min(kMaxRegisters, device.registers_per_sm / (threads(c) * c.ctas) / 8 * 8);
}

std::string tile(const Config& c, const GemmTarget&) {
  if (std::min({c.tile_m, c.tile_n, c.warps_m, c.warps_n, c.group, c.split_k, c.ctas}) < 1)
    return "every size is at least 1";
  if (c.tile_k != 64 && c.tile_k != 128 && c.tile_k != 256)
    return fmt::format("tile_k is {}, not 64, 128 or 256", c.tile_k);
  return {};
}

std::string warp_tile(const Config& c, const GemmTarget&) {
  if (c.tile_m % (16 * c.warps_m) != 0 || c.tile_n % (16 * c.warps_n) != 0)
    return fmt::format("{}x{} warps do not split a {}x{} tile into multiples of 16x16", c.warps_m, c.warps_n, c.tile_m,
                       c.tile_n);
  return {};
}

std::string thread_count(const Config& c, const GemmTarget&) {
  if (threads(c) > kMaxThreads) return fmt::format("needs {} threads, a CTA has {}", threads(c), kMaxThreads);
  return {};
}

// OperandLoader in templates/gemm_s8/mma_s8.cuh: all threads together copy `rows` rows at a time.
std::string copy(const Config& c, const GemmTarget& t) {
  const int rows = threads(c) / (c.tile_k / 16);
  const int columns = 4 * accumulator_vector(c, t.op.epilogue);  // that four lanes store together
  if (rows % 8 != 0 || rows == 0)
    return fmt::format("{} threads do not copy whole groups of 8 rows of {} bytes", threads(c), c.tile_k);
  if (rows % columns != 0 && columns % rows != 0)
    return fmt::format("{} rows copied at a time do not match groups of {} output columns", rows, columns);
  if (std::max(c.tile_m, c.tile_n) > 32 * rows) return fmt::format("a tile takes more than 32 copies of {} rows", rows);
  return {};
}

std::string stages(const Config& c, const GemmTarget&) {
  if (c.stages < 2 || c.stages > kMaxStages) return fmt::format("{} stages are not 2 to {}", c.stages, kMaxStages);
  return {};
}

std::string arch(const Config&, const GemmTarget& t) {
  if (t.device.arch < SmArch{80})
    return fmt::format("mma.sync m16n8k32 of int8 needs sm_80, not {}", format(t.device.arch));
  return {};
}

std::string alignment(const Config& c, const GemmTarget& t) {
  if (c.load != 16 && c.load != 8 && c.load != 4 && c.load != 1)
    return fmt::format("load is {}, not 16, 8, 4 or 1", c.load);
  if (t.op.k % c.load != 0)
    return fmt::format("K = {} is not a multiple of the {} bytes loaded at once", t.op.k, c.load);
  return {};
}

std::string split_k(const Config& c, const GemmTarget& t) {
  if (c.split_k > k_tiles(c, t.op))
    return fmt::format("{} parts of K, but it has {} tiles of {}", c.split_k, k_tiles(c, t.op), c.tile_k);
  return {};
}

// A CTA that splits K tells its threads its rank in the pipeline's memory, which never rests in a persistent one.
std::string schedule(const Config& c, const GemmTarget&) {
  if (c.schedule == Schedule::persistent && c.split_k > 1) return "a persistent CTA does not split K";
  return {};
}

std::string shared_memory(const Config& c, const GemmTarget& t) {
  const int bytes = shared_bytes(c, t.op.epilogue);
  if (bytes > t.device.shared_per_block)
    return fmt::format("needs {} bytes of shared memory, a CTA has {}", bytes, t.device.shared_per_block);
  const std::int64_t all = std::int64_t{c.ctas} * (bytes + kSystemShared);
  if (all > t.device.shared_per_sm)
    return fmt::format("{} CTAs need {} bytes of shared memory, an SM has {}", c.ctas, all, t.device.shared_per_sm);
  return {};
}

std::string registers(const Config& c, const GemmTarget& t) {
  const int bound = register_bound(c, t.device);
  if (estimated_registers(c) > bound)
    return fmt::format("needs about {} registers a thread, {} are there for {} CTAs of {} threads",
                       estimated_registers(c), bound, c.ctas, threads(c));
  return {};
}

std::string residency(const Config& c, const GemmTarget& t) {
  if (c.ctas > t.device.ctas_per_sm || c.ctas * threads(c) > t.device.threads_per_sm)
    return fmt::format("{} CTAs of {} threads, an SM holds {} CTAs and {} threads", c.ctas, threads(c),
                       t.device.ctas_per_sm, t.device.threads_per_sm);
  return {};
}

// Rows, columns and CTAs are counted in 32 bits; the last tile may reach beyond M and N.
std::string grid(const Config& c, const GemmTarget& t) {
  if (ceil_div(t.op.m, c.tile_m) * c.tile_m > kMaxExtent + 1 || ceil_div(t.op.n, c.tile_n) * c.tile_n > kMaxExtent + 1)
    return "the last tile reaches beyond 2^31 rows or columns";
  // Both factors stay below 2^27: tiles have at least 16 rows and columns.
  if (output_tiles(c, t.op) > kMaxGrid / c.split_k) return fmt::format("more than {} CTAs", kMaxGrid);
  return {};
}

std::string workspace(const Config& c, const GemmTarget& t) {
  const std::int64_t bytes = Family<Config>::launch_plan(c, t.op, t.device.sms).workspace_bytes;
  if (bytes > kMaxWorkspace) return fmt::format("needs {} bytes of workspace, more than {}", bytes, kMaxWorkspace);
  return {};
}

// In this order: each may rely on those before it.
constexpr std::array<Constraint<Config>, 14> kLimits{{{"tile", tile},
                                                      {"warp_tile", warp_tile},
                                                      {"threads", thread_count},
                                                      {"copy", copy},
                                                      {"stages", stages},
                                                      {"arch", arch},
                                                      {"alignment", alignment},
                                                      {"split_k", split_k},
                                                      {"schedule", schedule},
                                                      {"shared_memory", shared_memory},
                                                      {"registers", registers},
                                                      {"residency", residency},
                                                      {"grid", grid},
                                                      {"workspace", workspace}}};

}  // namespace

std::optional<Rejection> Family<Config>::refusal(const Config& config, const GemmTarget& target) {
  return first_rejection<Config>(kLimits, config, target);
}

LaunchPlan Family<Config>::launch_plan(const Config& c, const Gemm& gemm, int sms) {
  return ditune::launch_plan(c, gemm.epilogue, gemm.m, gemm.n, sms);
}

int estimated_registers(const Config& c) {
  const int accumulators = warp_m(c) * warp_n(c) / 32;
  const int fragments = 2 * (warp_m(c) / 16 * 4 + warp_n(c) / 16 * 4);  // double-buffered
  // With that, ptxas 13.0 spills where the estimate exceeds the bound, and hardly anywhere else.
  constexpr int kAddresses = 16;
  const int meeting = c.split_k > 1 ? 8 : 0;  // where the parts of a tile meet
  return accumulators + fragments + kAddresses + meeting;
}

int resident_ctas(const Config& c, const GemmTarget& t) {
  const DeviceInfo& device = t.device;
  const int registers = (estimated_registers(c) + 7) / 8 * 8;
  return std::max(1, std::min({device.shared_per_sm / (shared_bytes(c, t.op.epilogue) + kSystemShared),
                               device.registers_per_sm / (registers * threads(c)), device.threads_per_sm / threads(c),
                               device.ctas_per_sm}));
}

std::int64_t output_tiles(const Config& c, const Gemm& gemm) {
  return ceil_div(gemm.m, c.tile_m) * ceil_div(gemm.n, c.tile_n);
}

std::int64_t k_tiles(const Config& c, const Gemm& gemm) { return ceil_div(gemm.k, c.tile_k); }

}  // namespace ditune
