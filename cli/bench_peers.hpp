// SPDX-License-Identifier: Apache-2.0
// What bench compares with: cuBLASLt, a copy, the winners that lookup did not choose, what other databases have.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "runtime/peer.hpp"
#include "tuner/measure/gpu.hpp"

namespace ditune::cli {

// The peers of one layer, for which this config is served.
using Peers = std::function<std::vector<Peer>(const Target&, const KernelConfig& served)>;

// Throws UsageError for a name that is no word and no file: found out before the GPU is asked for.
void require_peers(const std::vector<std::string>& names);

// In the order of the names. `winners` and `gpu` must outlive them.
std::vector<Peers> peers_of(const std::vector<std::string>& names, const std::vector<TuningRecord>& winners,
                            Regime regime, const GpuTuner& gpu);

}  // namespace ditune::cli
