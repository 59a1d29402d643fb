// SPDX-License-Identifier: Apache-2.0
// What serves an operation when nothing better can be had: the configs whose kernels are built into the library.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/operands.hpp"
#include "ditune/config.hpp"
#include "generator/emit.hpp"
#include "generator/kernel_parameter.hpp"

namespace ditune {

// What a kind brings that has such kernels, in generator/KIND/fallback.hpp. A kind without any brings nothing.
//
// template <> struct Fallbacks<Op> {
//   static std::span<const KernelConfig> configs();                 // all, of the kind's families
//   static const KernelConfig& config(const Op&);                   // the one for operands whose rows have no gaps
//   static PARAMETER parameter(const Op&, const ArgsOf<Op>&);       // what its kernel takes by value
//   static constexpr std::string_view kKernel;                      // the function template KERNEL in KERNEL.cuh
//   static constexpr std::string_view kParameter;                   // the parameter's type
//   static constexpr std::string_view kServes;                      // what one kernel serves, in a comment
// };
template <class Op>
struct Fallbacks;

// Of every kind.
std::vector<KernelConfig> fallback_configs();

// The one that serves the operation, if its rows have no gaps; nothing where the kind has none.
std::optional<KernelConfig> fallback_config(const Operation& operation);

// The kernel of a fallback config. It takes at run time all of the operation but its kind: one image serves all.
std::string fallback_name(const KernelConfig& config);
KernelSource emit_fallback(const KernelConfig& config);

// What it is launched with. The arguments must pass check_args.
KernelParameter fallback_parameter(const Operation& operation, const Arguments& arguments);

}  // namespace ditune
