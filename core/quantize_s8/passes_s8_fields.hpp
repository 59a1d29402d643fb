// SPDX-License-Identifier: Apache-2.0
// The fields of the family passes_s8; config.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "passes_s8_config.cuh"

namespace ditune {

template <>
struct Fields<PassesS8Config> {
  static constexpr std::string_view kFamily = "passes_s8";
  static constexpr std::array kThreads{32, 64, 128, 256, 512, 1024};
  static constexpr std::array kLoads{8, 1};
  using C = PassesS8Config;
  static constexpr std::array kTable{field<&C::threads>({.max = 1024, .values = kThreads, .is_required = true}),

                                     field<&C::load>({.max = 8, .values = kLoads}), field<&C::ctas>({.max = 32}),
                                     field<&C::launch>()};
};

}  // namespace ditune
