// SPDX-License-Identifier: Apache-2.0
// The text form of the family mma_s8; config.hpp describes it.
#pragma once

#include <string>
#include <string_view>

#include "core/family_text.hpp"
#include "mma_s8_config.cuh"

namespace ditune {

template <>
struct FamilyText<MmaS8Config> {
  static constexpr std::string_view kName = "mma_s8";
  static std::string format(const MmaS8Config& config);
  static MmaS8Config parse(std::string_view text);
};

}  // namespace ditune
