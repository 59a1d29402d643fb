// SPDX-License-Identifier: Apache-2.0
// The fields of a prologue; quantize.hpp describes its text form.
#pragma once

#include "core/fields.hpp"
#include "ditune/quantize.hpp"

namespace ditune {

template <>
struct Fields<Prologue> {
  static constexpr std::array kGroups{1, 16, 64, 256};
  static constexpr std::array kHeads{0, 16, 32, 64, 128, 256};
  using P = Prologue;
  static constexpr std::array kTable{field<&P::x>(),
                                     field<&P::residual>(),
                                     field<&P::norm>(),
                                     field<&P::weight>(),
                                     field<&P::bias>(),
                                     field<&P::modulate>(),
                                     field<&P::table>(),
                                     field<&P::act>(),
                                     field<&P::split>({.max = 131070, .min = 0}),
                                     field<&P::smooth>(),
                                     field<&P::rotate>({.max = 256, .values = kGroups}),
                                     field<&P::parameters>(),
                                     field<&P::scale>(),
                                     field<&P::out>(),
                                     field<&P::head>({.max = 256, .min = 0, .values = kHeads}),
                                     field<&P::rope>()};
};

}  // namespace ditune
