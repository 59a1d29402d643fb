// SPDX-License-Identifier: Apache-2.0
// The text form of the family wgmma_s8; config.hpp describes it.
#pragma once

#include <string>
#include <string_view>

#include "core/family_text.hpp"
#include "wgmma_s8_config.cuh"

namespace ditune {

template <>
struct FamilyText<WgmmaS8Config> {
  static constexpr std::string_view kName = "wgmma_s8";
  static std::string format(const WgmmaS8Config& config);
  static WgmmaS8Config parse(std::string_view text);
};

}  // namespace ditune
