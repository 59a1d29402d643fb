// SPDX-License-Identifier: Apache-2.0
// The bound of a kernel that computes little: a copy.
#pragma once

#include <cstddef>

#include "ditune/device.hpp"
#include "ditune/operation.hpp"
#include "runtime/peer.hpp"

namespace ditune {

// A copy on the device that reads and writes as many bytes in all as the operation; with buffers of at most
// `memory_cap` bytes. Declines kinds whose speed is not told in bytes. Throws CudaError.
Peer copy_peer(const Operation& operation, const DeviceInfo& device, std::size_t memory_cap);

}  // namespace ditune
