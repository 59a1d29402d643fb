// SPDX-License-Identifier: Apache-2.0
// What config.cpp needs of each family: a specialization beside the family's name, in FAMILY_text.hpp.
#pragma once

namespace ditune {

// template <> struct FamilyText<Config> {
//   static constexpr std::string_view kName;                 // "mma_s8"
//   static std::string format(const Config&);                // "key=value,...": canonical order, defaults left out
//   static Config parse(std::string_view);                   // throws UsageError
// };
template <class Config>
struct FamilyText;

}  // namespace ditune
