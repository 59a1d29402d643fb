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
  static constexpr std::array kTable{
      field<&C::tile_m, &C::tile_n>({.max = 1024, .is_required = true, .is_shape = true}),
      field<&C::stages>({.max = 64, .is_required = true}),
      field<&C::consumers>(),
      field<&C::decomposition>(),
      field<&C::cluster_m, &C::cluster_n>({.max = 16}),
      field<&C::group>({.max = 65535}),
      field<&C::staging>({.max = 64}),
      field<&C::launch>(),
  };
};

}  // namespace ditune
