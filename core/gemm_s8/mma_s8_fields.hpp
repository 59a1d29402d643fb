// SPDX-License-Identifier: Apache-2.0
// The fields of the family mma_s8; config.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "mma_s8_config.cuh"

namespace ditune {

template <>
struct Fields<MmaS8Config> {
  static constexpr std::string_view kFamily = "mma_s8";
  static constexpr std::array kLoads{16, 8, 4, 1};
  // The largest values are far beyond what any device runs.
  using C = MmaS8Config;
  static constexpr std::array kTable{
      field<&C::tile_m, &C::tile_n, &C::tile_k>({.max = 1024, .is_required = true, .is_shape = true}),
      field<&C::warps_m, &C::warps_n>({.max = 32, .is_required = true, .is_shape = true}),
      field<&C::stages>({.max = 64, .is_required = true}),
      field<&C::group>({.max = 65535}),
      field<&C::split_k>({.max = 65535}),
      field<&C::staging>(),
      field<&C::schedule>(),
      field<&C::ctas>({.max = 32}),
      field<&C::load>({.max = 16, .values = kLoads}),
  };
};

}  // namespace ditune
