// SPDX-License-Identifier: Apache-2.0
// What serves a problem when nothing better can be had: the configs whose kernels are built into the library.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ditune/config.hpp"
#include "generator/emit.hpp"
#include "generator/kernel_parameter.hpp"

namespace ditune {

// The one that loads most bytes at once first, the one that takes any operands last. Between them they serve, on every
// supported arch, without a workspace, every problem whose output has 2^42 elements or fewer (8 TiB of bf16). No kernel
// serves much larger ones: a grid does not count their tiles.
std::span<const KernelConfig> fallback_configs();

// The first that takes operands whose K, ldx and ldw are multiples of `row_multiple`, 1 or more: 1 is true of all.
const KernelConfig& fallback_config(std::int64_t row_multiple);

// The kernel of a fallback config. It takes the epilogue at run time: one image serves all.
std::string fallback_name(const KernelConfig& config);
KernelSource emit_fallback(const KernelConfig& config);

// What it is launched with: FallbackArgs. The arguments must pass check_args.
KernelParameter fallback_parameter(const Operation& operation, const Arguments& arguments);

// For fallback_config, of an operation whose rows have no gaps.
std::int64_t row_multiple(const Operation& operation);

}  // namespace ditune
