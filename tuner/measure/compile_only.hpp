// SPDX-License-Identifier: Apache-2.0
// The tuner's work without a GPU: NVRTC and ptxas say what a candidate needs, the cost model what it would take.
#pragma once

#include "tuner/tune.hpp"
#include "tuner/worker/watcher.hpp"

namespace ditune {

// Compiles for the target's arch on `threads` threads (0: one a core), and tells the watcher. Throws NvrtcError if
// there is no NVRTC.
TuneBackend compile_only_backend(unsigned threads = 0, const Watcher& watcher = {});

}  // namespace ditune
