// SPDX-License-Identifier: Apache-2.0
#include "emulation/boxes.hpp"

#include <algorithm>
#include <cstdint>

namespace ditune::emulation {

BoxRow box_row(const TensorMapSpec& map, long long row, long long column) {
  const long long width = map.box_bytes / map.element_bytes;
  const long long begin = std::max(0LL, column), end = std::min(map.columns, column + width);
  if (row < 0 || row >= map.rows || begin >= end) return {};
  const auto* const base = static_cast<const unsigned char*>(map.base);
  return {.global = const_cast<unsigned char*>(base + row * map.pitch + begin * map.element_bytes),
          .first = static_cast<unsigned>((begin - column) * map.element_bytes),
          .last = static_cast<unsigned>((end - column) * map.element_bytes)};
}

// CUDA driver API, cuTensorMapEncodeTiled.
std::string refusal(const TensorMapSpec& map) {
  if (map.element_bytes != 1 && map.element_bytes != 2 && map.element_bytes != 4)
    return "a tensor map of elements of " + std::to_string(map.element_bytes) + " bytes";
  if (reinterpret_cast<std::uintptr_t>(map.base) % 16 != 0) return "a tensor map whose base is no multiple of 16";
  if (map.pitch % 16 != 0)
    return "a tensor map whose pitch of " + std::to_string(map.pitch) + " bytes is no multiple of 16";
  if (map.rows < 1 || map.columns < 1) return "a tensor map without elements";
  if (map.box_rows < 1 || map.box_rows > 256)
    return "a tensor map with boxes of " + std::to_string(map.box_rows) + " rows";
  if (map.box_bytes != 32 && map.box_bytes != 64 && map.box_bytes != 128)
    return "a tensor map with boxes of " + std::to_string(map.box_bytes) + " bytes a row";
  return {};
}

}  // namespace ditune::emulation
