// SPDX-License-Identifier: Apache-2.0
// The tuner's work without a GPU: NVRTC and ptxas say what a candidate needs, the cost model what it would take.
#pragma once

#include <filesystem>

#include "tuner/tune.hpp"
#include "tuner/worker/watcher.hpp"

namespace ditune {

// Compiles for the target's arch on all cores, with the NVRTC in that file (empty: the one that is installed), and
// tells the watcher. Throws NvrtcError if there is none.
TuneBackend compile_only_backend(const std::filesystem::path& nvrtc = {}, const Watcher& watcher = {});

}  // namespace ditune
