// SPDX-License-Identifier: Apache-2.0
// What serves a problem when nothing better can be had: the configs whose kernels are built into the library.
#pragma once

#include <cstdint>
#include <span>

#include "ditune/config.hpp"

namespace ditune {

// The one that loads most bytes at once first, the one that takes any operands last. Between them they serve, on every
// supported arch, without a workspace, every problem whose output has 2^42 elements or fewer (8 TiB of bf16). No kernel
// serves much larger ones: a grid does not count their tiles.
std::span<const KernelConfig> fallback_configs();

// The first that takes operands whose K, ldx and ldw are multiples of `row_multiple`, 1 or more: 1 is true of all.
const KernelConfig& fallback_config(std::int64_t row_multiple);

}  // namespace ditune
