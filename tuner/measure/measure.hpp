// SPDX-License-Identifier: Apache-2.0
// How the tuner learns what a config costs: callables, so that search and store never know where it happens.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/record.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// How long to look: `screen` ranks many candidates in bursts and gives up early those that cannot lead; `decide` tells
// the few best apart, in bursts; `sustain` does so at the clocks of a card that never rests.
enum class Effort { screen, decide, sustain };

// Measures configs of one problem against one another: verified first, then timed in interleaved rounds. One
// Measurement per config, in order; a config that fails says why in its Measurement. Throws only if the device itself
// is lost.
using Measure =
    std::function<std::vector<Measurement>(const Target& target, std::span<const KernelConfig> configs, Effort effort)>;

// What the compiler makes of configs, in order: the resources of each, or as its failure why it does not compile.
// Nothing is run.
using Compile = std::function<std::vector<Measurement>(const Target& target, std::span<const KernelConfig> configs)>;

// Told which configs will probably be asked for soon, so that idle cores can compile them. Returns at once.
using Prepare = std::function<void(const Target& target, std::span<const KernelConfig> configs)>;

}  // namespace ditune
