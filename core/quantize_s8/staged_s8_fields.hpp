// SPDX-License-Identifier: Apache-2.0
// The fields of the family staged_s8; config.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "staged_s8_config.cuh"

namespace ditune {

template <>
struct Fields<StagedS8Config> {
  static constexpr std::string_view kFamily = "staged_s8";
  static constexpr std::array kThreads{32, 64, 128, 256, 512, 1024};
  using C = StagedS8Config;
  static constexpr std::array kTable{field<&C::threads>({.max = 1024, .values = kThreads, .is_required = true}),
                                     field<&C::octets>({.max = 64, .is_required = true}),
                                     field<&C::stages>({.max = 16}),
                                     field<&C::copy>(),
                                     field<&C::columns>(),
                                     field<&C::ctas>({.max = 32}),
                                     field<&C::launch>()};
};

}  // namespace ditune
