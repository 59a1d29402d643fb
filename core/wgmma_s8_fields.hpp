// SPDX-License-Identifier: Apache-2.0
// The fields of the family wgmma_s8; config.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "wgmma_s8_config.cuh"

namespace ditune {

template <>
struct Fields<WgmmaS8Config> {
  static constexpr std::string_view kFamily = "wgmma_s8";
  // The largest values are far beyond what any device runs.
  using C = WgmmaS8Config;
  static constexpr std::tuple kRows{
      Row<&C::tile_m, &C::tile_n>{.max = 1024, .is_required = true, .is_shape = true},
      Row<&C::stages>{.max = 64, .is_required = true},
      Row<&C::consumers>{},
      Row<&C::decomposition>{},
      Row<&C::cluster_m, &C::cluster_n>{.max = 16},
      Row<&C::group>{.max = 65535},
      Row<&C::staging>{.max = 64},
      Row<&C::launch>{},
  };
};

}  // namespace ditune
