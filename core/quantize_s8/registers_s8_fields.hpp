// SPDX-License-Identifier: Apache-2.0
// The fields of the family registers_s8; config.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "registers_s8_config.cuh"

namespace ditune {

template <>
struct Fields<RegistersS8Config> {
  static constexpr std::string_view kFamily = "registers_s8";
  static constexpr std::array kThreads{32, 64, 128, 256, 512, 1024};
  static constexpr std::array kLoads{8, 1};
  using C = RegistersS8Config;
  static constexpr std::array kTable{field<&C::threads>({.max = 1024, .values = kThreads, .is_required = true}),
                                     field<&C::octets>({.max = 64, .is_required = true}),
                                     field<&C::rows>({.max = 32}),
                                     field<&C::load>({.max = 8, .values = kLoads}),
                                     field<&C::ctas>({.max = 32}),
                                     field<&C::schedule>(),
                                     field<&C::columns>(),
                                     field<&C::launch>()};
};

}  // namespace ditune
