// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "ditune/config.hpp"
#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {

KernelText Family<WgmmaS8Config>::text(const WgmmaS8Config& c) {
  KernelText text{.header = "wgmma_s8.cuh",
                  .config_type = "WgmmaS8Config",
                  .fields = {},
                  .kernel = "wgmma_s8",
                  .parameter = "TmaGemmArgs",
                  .ctas = "1"};
  text.fields = fmt::format(
      ".tile_m = {}, .tile_n = {}, .stages = {}, .consumers = ditune::Consumers::{},\n"
      "    .decomposition = ditune::Decomposition::{}, .cluster_m = {}, .cluster_n = {}, .group = {},\n"
      "    .staging = {}, .launch = ditune::Launch::{}",
      c.tile_m, c.tile_n, c.stages, word(c.consumers), word(c.decomposition), c.cluster_m, c.cluster_n, c.group,
      c.staging, word(c.launch));
  return text;
}

KernelParameter Family<WgmmaS8Config>::parameter(const WgmmaS8Config& config, const Epilogue& epilogue,
                                                 const GemmArgs& args, const EncodeTensorMap& encode) {
  return bytes_of(TmaGemmArgs{.gemm = args,
                              .x = encode(x_map(config, args)),
                              .w = encode(w_map(config, args)),
                              .y = encode(y_map(config, epilogue.out, args))});
}

}  // namespace ditune
