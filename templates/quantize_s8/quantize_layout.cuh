// SPDX-License-Identifier: Apache-2.0
// How a row is cut among threads. Shared by host and device; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

inline constexpr int kOctet = 8;    // adjacent columns: what a thread reads at once
inline constexpr int kMaxUnit = 4;  // octets

// Octets that a thread takes together, a unit. A rotation adds four columns whose index differs in a digit to base 4:
// first the two pairs that differ in its lower bit. In a unit that bit is in the thread, so that a shuffle for each
// pair is enough.
DITUNE_HOST_DEVICE int unit_of(int rotated_columns) {
  return rotated_columns == 256 ? 4 : rotated_columns == 64 ? 2 : 1;
}

// The index of an octet among the 32 * unit of a warp has these bits: of the lane 0, of the unit 0, of the lane 1, of
// the unit 1, of the lane 2 to 4. Those of the unit that it has none of are left out.
DITUNE_HOST_DEVICE int octet_of_lane(int lane, int unit) {
  return unit == 1 ? lane : unit == 2 ? lane % 2 + lane / 2 * 4 : lane % 2 + lane / 2 % 2 * 4 + lane / 4 * 16;
}
DITUNE_HOST_DEVICE int octet_of_unit(int index, int unit) {
  return unit < 4 ? 2 * index : index % 2 * 2 + index / 2 * 8;
}

// Where an octet begins in its row: what differs from thread to thread, and what the compiler knows, which costs an
// address nothing. They have no bit in common.
struct OctetPlace {
  int thread, octet;
};
DITUNE_HOST_DEVICE int column_of(OctetPlace at) { return at.thread + at.octet; }
DITUNE_HOST_DEVICE OctetPlace moved(OctetPlace at, int columns) { return {at.thread, at.octet + columns}; }

// Of shared memory, where the threads of a row find something together: for a value of each octet of a unit, twice in
// turn, so that nobody overwrites what another still reads. A warp alone needs none.
DITUNE_HOST_DEVICE int scratch_bytes(int threads) { return threads > 32 ? 2 * 4 * kMaxUnit * threads : 0; }

}  // namespace ditune
