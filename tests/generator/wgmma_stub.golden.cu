// wgmma_s8:tile=128x224,stages=4,cluster=2x1,group=16,staging=1,launch=dependent, epilogue bias=bf16
#include "wgmma_s8.cuh"

namespace {
constexpr ditune::WgmmaS8Config kConfig{
    .tile_m = 128, .tile_n = 224, .stages = 4, .consumers = ditune::Consumers::cooperative,
    .decomposition = ditune::Decomposition::data_parallel, .cluster_m = 2, .cluster_n = 1, .group = 16,
    .staging = 1, .launch = ditune::Launch::dependent};
constexpr ditune::Epilogue kEpilogue{
    .sx = ditune::ScaleX::token, .sw = ditune::ScaleW::channel, .bias = ditune::Bias::bf16,
    .op = ditune::EpilogueOp::none, .from = 0, .residual = ditune::Residual::none,
    .gate = ditune::Gate::none, .out = ditune::Output::bf16};
}  // namespace

extern "C" __global__ void __launch_bounds__(ditune::threads(kConfig), 1)
wgmma_s8_tile_128x224_stages_4_cluster_2x1_group_16_staging_1_launch_dependent_bias_bf16(
    const __grid_constant__ ditune::TmaGemmArgs args) {
  ditune::wgmma_s8<kConfig, kEpilogue>(args);
}
