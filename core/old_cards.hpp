// SPDX-License-Identifier: Apache-2.0
// GPUs and archs that are too old for ditune, so that an error says that instead of "unknown".
#pragma once

#include <string_view>

#include "ditune/device.hpp"
#include "ditune/error.hpp"

namespace ditune {

// "T4 is too old: Turing, sm_75 (...)"; `what` is a card or the arch itself.
UsageError too_old(std::string_view what, SmArch arch);

// The arch of a well-known card that is too old, by the first words of its name in lower case, without "nvidia",
// "geforce" and "tesla": "t4", "rtx 2080 ti", "v100-sxm2-16gb". Number 0 for any other name.
SmArch arch_of_old_card(std::string_view name);

}  // namespace ditune
