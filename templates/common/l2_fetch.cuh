// SPDX-License-Identifier: Apache-2.0
// How a tensor map asks L2 to fetch from memory (CUtensorMapL2promotion). Host only; C++17.
#pragma once

namespace ditune {

// Bytes at a time, of a tensor whose rows are `pitch` bytes apart. Where rows do not begin with a sector of 32 bytes,
// nearly every row of a box lies on two lines, and fetching two lines at a time fetches one of them again: on an H100
// a 4096x4608x4624 takes 7 to 10% longer (docs/performance.md).
constexpr int l2_fetch_bytes(long long pitch) {
  constexpr long long kSector = 32;
  return pitch % kSector == 0 ? 256 : 128;
}

}  // namespace ditune
