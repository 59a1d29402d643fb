// SPDX-License-Identifier: Apache-2.0
// What a kind of operation brings to verification: a specialization of Verification, in tuner/verify/KIND.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/operands.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// template <> struct Verification<Op> {
//   // The numerics contract as a plain loop on the host: what every variant must give. Shares no code with kernels.
//   static Outputs plain(const Op&, const ArgsOf<Op>&);
//   // The same on a GPU: a kernel of kVerificationThreads threads a CTA in an embedded template.
//   static constexpr std::string_view kReferenceFile, kReferenceKernel;
//   static PARAMETER reference_parameter(const Op&, const ArgsOf<Op>&);  // of the kernel
//   static long long reference_ctas(const Op&);
//   // A smaller operation whose tiles are of every kind that those of the whole one are.
//   template <class Config> static Op emulated(const Op&, const Config&);
//   // SMs of a device on which persistent CTAs walk from tile to tile, and those that share tiles are several.
//   template <class Config> static int emulated_sms(const Config&);
// };
template <class Op>
struct Verification;

// What the plain loop makes of host operands. Outputs and workspace of the arguments are not touched.
Outputs plain_outputs(const Operation& operation, const Arguments& arguments);

// The smaller operation on a device of few SMs.
Target emulated_target(const Target& target, const KernelConfig& config);

}  // namespace ditune
