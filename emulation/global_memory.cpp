// SPDX-License-Identifier: Apache-2.0
#include "emulation/global_memory.hpp"

#include <algorithm>
#include <cstdint>

namespace ditune::emulation {
namespace {

std::string bytes_text(std::size_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

std::string place_text(const Region& region, std::size_t offset, unsigned bytes) {
  const std::size_t row = region.rows > 1 ? offset / region.pitch : 0;
  return bytes_text(bytes) + " at " + (region.rows > 1 ? "row " + std::to_string(row) + ", " : "") + "byte " +
         std::to_string(offset - row * region.pitch) + " of " + region.name;
}

// What is wrong with an access that begins in the region, `offset` bytes from its start. Nothing if all is well.
std::string refusal(const Region& region, std::size_t offset, unsigned bytes, bool writes) {
  const std::size_t column = region.rows > 1 ? offset % region.pitch : offset;
  const std::string rows = region.rows > 1 ? " a row" : "";
  if ((number(region.data) + offset) % bytes != 0) return ", a place that is no multiple of that";
  if (column + bytes > region.row_bytes) return ", which has " + std::to_string(region.row_bytes) + rows;
  if (writes && region.use == Use::input) return ", which is an input";
  return {};
}

}  // namespace

GlobalMemory::GlobalMemory(std::span<const Region> regions, int block, int cluster) {
  for (const Region& region : regions) {
    const std::size_t bytes = region.rows == 0 ? 0 : (region.rows - 1) * region.pitch + region.row_bytes;
    Tracked& tracked = regions_.emplace_back(Tracked{region, bytes, {}});
    if (region.use == Use::input) continue;
    const Visible visible = region.use == Use::output ? Visible::nobody : Visible::all;
    for (std::size_t row = 0; row < region.rows; ++row)
      tracked.memory.emplace_back(static_cast<unsigned char*>(region.data) + row * region.pitch, region.row_bytes,
                                  block, cluster, visible);
  }
}

GlobalMemory::Place GlobalMemory::find(const void* address, unsigned bytes, bool writes) {
  for (Tracked& tracked : regions_) {
    const std::size_t offset = number(address) - number(tracked.region.data);  // wraps where it is before the region
    if (offset >= tracked.bytes) continue;
    if (const std::string why = refusal(tracked.region, offset, bytes, writes); !why.empty())
      return {.memory = nullptr, .offset = 0, .fault = place_text(tracked.region, offset, bytes) + why};
    if (tracked.memory.empty()) return {};
    const std::size_t row = tracked.region.rows > 1 ? offset / tracked.region.pitch : 0;
    return {.memory = &tracked.memory[row], .offset = offset - row * tracked.region.pitch, .fault = {}};
  }
  return {.memory = nullptr, .offset = 0, .fault = text(address, bytes)};
}

std::string GlobalMemory::text(const void* address, unsigned bytes) const {
  std::uintptr_t nearest = 1 << 20;  // further away it is a wild address
  std::string place = "an address that is none of the launch's";
  for (const Tracked& tracked : regions_) {
    const std::uintptr_t begin = number(tracked.region.data), end = begin + tracked.bytes, at = number(address);
    if (at >= begin && at < end) return place_text(tracked.region, at - begin, bytes);
    const std::uintptr_t distance = at < begin ? begin - at : at - end;
    if (distance >= nearest) continue;
    nearest = distance;
    place = bytes_text(distance) + (at < begin ? " before " : " behind the end of ") + tracked.region.name;
  }
  return bytes_text(bytes) + " at " + place;
}

std::optional<std::string> GlobalMemory::leftover() const {
  for (const auto& [region, bytes, memory] : regions_) {
    if (region.use != Use::scratch) continue;
    const auto* const begin = static_cast<const unsigned char*>(region.data);
    const auto* const wrong = std::find_if(begin, begin + bytes, [](unsigned char byte) { return byte != 0; });
    if (wrong != begin + bytes)
      return "leaves byte " + std::to_string(wrong - begin) + " of " + region.name + " not zero";
  }
  return std::nullopt;
}

}  // namespace ditune::emulation
