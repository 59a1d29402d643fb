// SPDX-License-Identifier: Apache-2.0
#include "runtime/copy_peer.hpp"

#include <memory>

#include "core/operands.hpp"
#include "runtime/timing.hpp"

namespace ditune {
namespace {

constexpr std::size_t kAlignment = 256;  // as cuMemAlloc's

// Two of six sizes took half as long again on an H200, those that are no multiple of a page. Why is not known; so that
// the peer is not slower than it must be, large ones are whole granules. Of small ones the bytes themselves.
std::size_t copied_bytes(std::size_t bytes) {
  constexpr std::size_t kGranule = std::size_t{1} << 16;
  return bytes < 64 * kGranule ? bytes : (bytes + kGranule - 1) / kGranule * kGranule;
}

struct Buffers {
  DeviceBuffer from, to;
};

}  // namespace

Peer copy_peer(const Operation& operation, const DeviceInfo& device, std::size_t memory_cap) {
  Peer peer;
  peer.name = "copy";
  if (rate_of(operation) != Rate::bytes) {
    peer.reason = "bytes are not what limits it";
    return peer;
  }
  const std::size_t bytes = copied_bytes(operand_bytes(operation, packed_strides(operation)) / 2);  // read, and written
  const std::size_t pitch = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  peer.algorithms = 1;
  peer.sets = operand_sets(2 * pitch, device.l2_bytes, memory_cap);
  const std::size_t all = static_cast<std::size_t>(peer.sets) * pitch;
  peer.launch = [bytes, pitch,
                 buffers = std::make_shared<const Buffers>(Buffers{DeviceBuffer(all), DeviceBuffer(all)})](
                    int, int set, const Stream& stream) {
    const std::size_t at = static_cast<std::size_t>(set) * pitch;
    copy_on_device(buffers->to.as<char>() + at, buffers->from.as<char>() + at, bytes, stream);
  };
  return peer;
}

}  // namespace ditune
