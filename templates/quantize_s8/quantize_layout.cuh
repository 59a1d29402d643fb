// SPDX-License-Identifier: Apache-2.0
// How a row is cut among threads. Shared by host and device; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

inline constexpr int kOctet = 8;  // adjacent columns: what a thread takes at once

// Times that all threads of a row find something together: the branch's norm, a mean, a norm, the largest value.
inline constexpr int kAgreements = 4;

// Of shared memory, for a row and the next one. A warp alone needs none.
DITUNE_HOST_DEVICE int scratch_bytes(int threads) { return threads > 32 ? 2 * 4 * kAgreements * threads : 0; }

}  // namespace ditune
