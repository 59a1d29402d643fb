// SPDX-License-Identifier: Apache-2.0
// The fields of the family plain_s8.
#pragma once

#include "core/fields.hpp"
#include "plain_s8_config.cuh"

namespace ditune {

template <>
struct Fields<PlainS8Config> {
  static constexpr std::string_view kFamily = "plain_s8";
  static constexpr std::array kTable{
      field<&PlainS8Config::tile_m, &PlainS8Config::tile_n>({.max = 1024, .is_required = true, .is_shape = true})};
};

}  // namespace ditune
