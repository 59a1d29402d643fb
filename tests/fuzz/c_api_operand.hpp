// SPDX-License-Identifier: Apache-2.0
// Rows in memory, in integers that do not wrap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "c_api_oracle.hpp"

namespace ditune::fuzz {

using Wide = __int128;

inline constexpr std::int64_t kMost = 2147483647, kMostK = 131071;
inline constexpr Wide kAddresses = Wide{1} << 64;

inline bool is_within(std::int64_t value, std::int64_t first, std::int64_t last) {
  return first <= value && value <= last;
}

// Rows of an operand; none where the kernel has no use for it.
struct Operand {
  const void* data = nullptr;
  bool is_used = true;
  Wide rows = 1, row_bytes = 0, pitch = 0;
  int element = 1;  // bytes
  bool is_written = false;

  Wide begin() const { return reinterpret_cast<std::uintptr_t>(data); }
  Wide end() const { return begin() + (rows - 1) * pitch + row_bytes; }
  bool is_good(const Use& use) const {
    if (!is_used) return !data;
    return data != nullptr && begin() % (use.is_on_host ? element : 16) == 0 && end() <= kAddresses;
  }
};

inline bool overlap(const Operand& a, const Operand& b) {
  if (!a.is_used || !b.is_used || a.end() <= b.begin() || b.end() <= a.begin()) return false;
  const bool may_alternate = a.rows > 1 && b.rows > 1 && a.pitch == b.pitch;  // columns of one matrix
  if (!may_alternate) return true;
  const Operand &first = a.begin() <= b.begin() ? a : b, &second = &first == &a ? b : a;
  const Wide into_row = (second.begin() - first.begin()) % first.pitch;
  return into_row < first.row_bytes || into_row + second.row_bytes > first.pitch;
}

inline bool is_in_place(const Operand& output, const Operand& input) {
  return output.data == input.data && output.rows == input.rows && output.row_bytes == input.row_bytes &&
         output.pitch == input.pitch;
}

inline std::vector<Block> blocks_of(const std::vector<Operand>& operands) {
  std::vector<Block> all;
  for (const Operand& its : operands)
    if (its.is_used) all.push_back({its.data, its.rows, its.row_bytes, its.pitch, its.is_written});
  return all;
}

}  // namespace ditune::fuzz
