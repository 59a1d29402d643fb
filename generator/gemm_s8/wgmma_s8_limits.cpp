// SPDX-License-Identifier: Apache-2.0
// What the kernel's code and the device allow of the family wgmma_s8.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {
namespace {

using Config = WgmmaS8Config;

constexpr int kWgmmaM = 64;
constexpr int kMinWgmmaN = 32, kMaxWgmmaN = 256, kWgmmaNStep = 16;  // of wgmma_m64k32_s8 in templates/common/hopper.cuh
constexpr int kLeastBoxBytes = 32;                                  // of y_box_bytes
constexpr int kMaxTileM = 256;                                      // rows of a TMA box
constexpr int kMaxAccumulators = 192;                               // of a consumer thread's 240 registers
constexpr int kMaxStages = 16;
constexpr int kMaxStaging = 2;
constexpr int kMaxCluster = 2;

std::string arch(const Config&, const GemmTarget& t) {
  if (t.device.arch != SmArch{90})
    return fmt::format("wgmma is an instruction of sm_90 alone, not of {}", format(t.device.arch));
  return {};
}

std::string alignment(const Config& c, const GemmTarget& t) {
  using Of = Family<Config>;
  if (t.op.k % Of::k_multiple(c) != 0)
    return fmt::format("K = {} is not a multiple of {}: TMA moves rows of whole 16 bytes", t.op.k, Of::k_multiple(c));
  const int n_multiple = Of::n_multiple(c, t.op.epilogue);
  if (t.op.n % n_multiple != 0)
    return fmt::format("N = {} is not a multiple of {}: TMA moves rows of whole 16 bytes", t.op.n, n_multiple);
  return {};
}

std::string tile(const Config& c, const GemmTarget& t) {
  if (std::min({c.tile_m, c.cluster_m, c.cluster_n, c.group}) < 1) return "every size is at least 1";
  if (c.tile_n < kMinWgmmaN || c.tile_n > kMaxWgmmaN || c.tile_n % kWgmmaNStep != 0)
    return fmt::format("tile_n is {}, no multiple of {} from {} to {}", c.tile_n, kWgmmaNStep, kMinWgmmaN, kMaxWgmmaN);
  if (output_columns(t.op.epilogue, c.tile_n) * output_bytes(t.op.epilogue.out) % kLeastBoxBytes != 0)
    return fmt::format("{} columns leave no whole boxes of {} bytes of output", c.tile_n, kLeastBoxBytes);
  if (c.tile_m > kMaxTileM) return fmt::format("tile_m is {}, more than {}", c.tile_m, kMaxTileM);
  return {};
}

std::string warpgroup(const Config& c, const GemmTarget&) {
  const int multiple = c.consumers == Consumers::cooperative ? 2 * kWgmmaM : kWgmmaM;
  if (c.tile_m % multiple != 0)
    return fmt::format("tile_m is {}, no multiple of {}: wgmma has {} rows", c.tile_m, multiple, kWgmmaM);
  return {};
}

std::string registers(const Config& c, const GemmTarget&) {
  const int accumulators = warpgroup_rows(c) * c.tile_n / kWarpgroup;
  if (accumulators > kMaxAccumulators)
    return fmt::format("{} accumulators a thread, its registers hold {} beside all else", accumulators,
                       kMaxAccumulators);
  return {};
}

std::string cluster(const Config& c, const GemmTarget&) {
  if (c.cluster_m > kMaxCluster || c.cluster_n > kMaxCluster || cluster_size(c) > kMaxCluster)
    return fmt::format("a cluster of {}x{} has more than {} CTAs", c.cluster_m, c.cluster_n, kMaxCluster);
  return {};
}

std::string stages(const Config& c, const GemmTarget&) {
  if (c.stages < 2 || c.stages > kMaxStages) return fmt::format("{} stages are not 2 to {}", c.stages, kMaxStages);
  return {};
}

std::string staging(const Config& c, const GemmTarget& t) {
  if (stages_residual(t.op.epilogue)) {
    if (c.staging < 2 || c.staging > kMaxResidualStaging)
      return fmt::format("{} boxes of staging, beside a residual, are not 2 to {}", c.staging, kMaxResidualStaging);
    return {};
  }
  if (c.staging < 1 || c.staging > kMaxStaging)
    return fmt::format("{} boxes of staging are not 1 to {}", c.staging, kMaxStaging);
  return {};
}

std::string shared_memory(const Config& c, const GemmTarget& t) {
  const int bytes = shared_bytes(c, t.op.epilogue);
  if (bytes > t.device.shared_per_block)
    return fmt::format("needs {} bytes of shared memory, a CTA has {}", bytes, t.device.shared_per_block);
  return {};
}

// Rows, columns and clusters' tiles are counted in 32 bits, in whole tiles.
std::string grid(const Config& c, const GemmTarget& t) {
  const std::int64_t rows = std::int64_t{c.tile_m} * c.cluster_m, columns = std::int64_t{c.tile_n} * c.cluster_n;
  if (ceil_div(t.op.m, rows) * rows > kMaxExtent + 1 || ceil_div(t.op.n, columns) * columns > kMaxExtent + 1)
    return "the last tile reaches beyond 2^31 rows or columns";
  if (cluster_tiles(c, t.op) > kMaxGrid) return fmt::format("more than {} tiles", kMaxGrid);
  return {};
}

// Each cluster has a part of the shared tiles' K steps: whoever finishes a tile waits for all that share it.
std::string decomposition(const Config& c, const GemmTarget& t) {
  if (c.decomposition == Decomposition::data_parallel) return {};
  if (c.consumers == Consumers::pingpong) return "ping-pong consumers take whole tiles in turns";
  const std::int64_t tiles = cluster_tiles(c, t.op), clusters = resident_clusters(c, t.device);
  if (tiles * k_steps(t.op) < clusters)
    return fmt::format("{} K steps in all for {} clusters", tiles * k_steps(t.op), clusters);
  return {};
}

// In this order: each may rely on those before it.
constexpr std::array<Constraint<Config>, 11> kLimits{{{"arch", arch},
                                                      {"alignment", alignment},
                                                      {"tile", tile},
                                                      {"warpgroup", warpgroup},
                                                      {"registers", registers},
                                                      {"cluster", cluster},
                                                      {"stages", stages},
                                                      {"staging", staging},
                                                      {"shared_memory", shared_memory},
                                                      {"grid", grid},
                                                      {"decomposition", decomposition}}};

}  // namespace

std::optional<Rejection> Family<Config>::refusal(const Config& config, const GemmTarget& target) {
  return first_rejection<Config>(kLimits, config, target);
}

LaunchPlan Family<Config>::launch_plan(const Config& c, const Gemm& gemm, int sms) {
  return ditune::launch_plan(c, gemm.epilogue, gemm.m, gemm.n, sms);
}

std::int64_t cluster_tiles(const Config& c, const Gemm& gemm) { return cluster_tiles(c, gemm.m, gemm.n); }

std::int64_t output_tiles(const Config& c, const Gemm& gemm) {
  return ceil_div(gemm.m, c.tile_m) * ceil_div(gemm.n, c.tile_n);
}

std::int64_t k_steps(const Gemm& gemm) { return ceil_div(gemm.k, kWgmmaStepK); }

std::int64_t resident_clusters(const Config& c, const DeviceInfo& device) {
  return std::max(1, device.sms / cluster_size(c));
}

}  // namespace ditune
