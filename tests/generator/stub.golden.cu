// mma_s8:tile=128x192x128,warps=2x4,stages=4,group=16,staging=shared,schedule=persistent, epilogue bias=bf16,out=f16
#include "mma_s8.cuh"

namespace {
constexpr ditune::MmaS8Config kConfig{
    .tile_m = 128, .tile_n = 192, .tile_k = 128, .warps_m = 2, .warps_n = 4, .stages = 4, .group = 16, .split_k = 1,
    .staging = ditune::Staging::shared, .schedule = ditune::Schedule::persistent, .ctas = 1, .load = 16};
constexpr ditune::Epilogue kEpilogue{
    .sx = ditune::ScaleX::token, .sw = ditune::ScaleW::channel, .bias = ditune::Bias::bf16,
    .op = ditune::EpilogueOp::none, .from = 0, .residual = ditune::Residual::none,
    .gate = ditune::Gate::none, .out = ditune::Output::f16};
}  // namespace

extern "C" __global__ void __launch_bounds__(ditune::threads(kConfig), kConfig.ctas)
mma_s8_tile_128x192x128_warps_2x4_stages_4_group_16_staging_shared_schedule_persistent_bias_bf16_out_f16(
    const __grid_constant__ ditune::GemmArgs args) {
  ditune::mma_s8<kConfig, kEpilogue>(args);
}
