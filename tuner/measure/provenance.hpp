// SPDX-License-Identifier: Apache-2.0
// Where results come from, as far as this program knows by itself.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ditune/record.hpp"
#include "runtime/nvml.hpp"
#include "runtime/nvrtc.hpp"

namespace ditune {

// "2026-11-22T12:00:00Z"
std::string utc_now();

// Versions and the time; nothing of a GPU.
Provenance toolchain_provenance(const Nvrtc& nvrtc);

// The median of each value over the rounds of a measurement in which the card told it; 0 where it never did.
GpuState typical_state(std::span<const std::optional<GpuState>> rounds);

}  // namespace ditune
