// How the tuner learns what a config costs: a callable, so that search and store never know where it runs.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/record.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// Measures configs of one problem against one another: verified first, then timed in interleaved rounds. One Measurement per
// config, in order; a config that fails says why in its Measurement. Throws only if the device itself is lost.
using Measure = std::function<std::vector<Measurement>(const Target& target, std::span<const KernelConfig> configs)>;

}  // namespace ditune
