// SPDX-License-Identifier: Apache-2.0
// KernelConfig: one variant of one kernel family, and its text form.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "ditune/members.hpp"
#include "mma_s8_config.cuh"
#include "passes_s8_config.cuh"
#include "registers_s8_config.cuh"
#include "staged_s8_config.cuh"
#include "wgmma_s8_config.cuh"

namespace ditune {

// The registration line of the families. What each brings: its config struct and kernel in templates/, its text form in
// core/KIND/FAMILY_fields.hpp, its candidates, constraints and cost in generator/KIND/FAMILY.hpp (docs/hacking.md).
using KernelConfig = std::variant<MmaS8Config, WgmmaS8Config, RegistersS8Config, StagedS8Config, PassesS8Config>;

namespace detail {

template <class, class>
inline constexpr bool kIsOneOf = false;
template <class T, class... Alternative>
inline constexpr bool kIsOneOf<T, std::variant<Alternative...>> = (std::is_same_v<T, Alternative> || ...);

}  // namespace detail

// Of any family's config.
template <class Config>
requires detail::kIsOneOf<Config, KernelConfig>
constexpr bool operator==(const Config& a, const Config& b) { return members(a) == members(b); }

// The word of a value: the same in text forms and as the enumerator in C++.
std::string_view word(Staging staging);
std::string_view word(Schedule schedule);
std::string_view word(Consumers consumers);
std::string_view word(Decomposition decomposition);
std::string_view word(Launch launch);

// Calls visit.operator()<Config>() for each family in turn.
template <class Visitor>
void for_each_family(Visitor&& visit) {
  [&]<class... Config>(std::type_identity<std::variant<Config...>>) {
    (visit.template operator()<Config>(), ...);
  }(std::type_identity<KernelConfig>{});
}

// "FAMILY:key=value,...", keys in one canonical order, defaults left out:
//   mma_s8:tile=128x256x64,warps=2x4,stages=3[,group=8][,split_k=1][,staging=direct|shared]
//          [,schedule=each|persistent][,ctas=1][,load=16|8|4|1]
//   wgmma_s8:tile=128x256,stages=4[,consumers=cooperative|pingpong]
//            [,decomposition=data_parallel|stream_k][,cluster=1x1][,group=8][,staging=2][,launch=serial|dependent]
//   registers_s8:threads=128,octets=5[,rows=1][,load=8|1][,ctas=1]
//                [,schedule=each|persistent][,columns=registers|shared][,launch=serial|dependent]
//   staged_s8:threads=256,octets=6[,stages=2][,copy=bulk|async][,columns=memory|shared][,ctas=1]
//             [,launch=serial|dependent]
//   passes_s8:threads=256[,load=8|1][,ctas=1][,launch=serial|dependent]
// What stands in no brackets has no default. parse(format(c)) == c. parse_config throws UsageError on an unknown
// family, key or value, a repeated or missing key; it does not judge whether a device can run the config.
std::string format(const KernelConfig& config);
KernelConfig parse_config(std::string_view text);

// "mma_s8"
std::string_view family_name(const KernelConfig& config);

}  // namespace ditune
