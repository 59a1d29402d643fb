// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "ditune/config.hpp"
#include "generator/gemm_s8/mma_s8.hpp"

namespace ditune {

KernelText Family<MmaS8Config>::text(const MmaS8Config& c) {
  KernelText text{.header = "mma_s8.cuh",
                  .config_type = "MmaS8Config",
                  .fields = {},
                  .kernel = "mma_s8",
                  .parameter = "GemmArgs",
                  .ctas = "kConfig.ctas"};
  text.fields = fmt::format(
      ".tile_m = {}, .tile_n = {}, .tile_k = {}, .warps_m = {}, .warps_n = {}, .stages = {}, .group = {}, .split_k = "
      "{},\n"
      "    .staging = ditune::Staging::{}, .schedule = ditune::Schedule::{}, .ctas = {}, .load = {}",
      c.tile_m, c.tile_n, c.tile_k, c.warps_m, c.warps_n, c.stages, c.group, c.split_k, word(c.staging),
      word(c.schedule), c.ctas, c.load);
  return text;
}

}  // namespace ditune
