// SPDX-License-Identifier: Apache-2.0
#include "emulation/tracked_memory.hpp"

#include <algorithm>
#include <cstring>

#include "emulation/machine.hpp"

namespace ditune::emulation {
namespace {

constexpr unsigned char kPoison = 0xa5;

}  // namespace

TrackedMemory::TrackedMemory(unsigned char* data, std::size_t bytes, int block, int cluster, Visible visible)
    : data_(data),
      visible_(bytes, visible),
      writer_(bytes),
      block_(static_cast<unsigned>(block)),
      cluster_(block_ * static_cast<unsigned>(cluster)) {}

void TrackedMemory::forget() {
  std::fill(data_, data_ + size(), kPoison);
  std::ranges::fill(visible_, Visible::nobody);
}

void TrackedMemory::write(std::size_t offset, const void* from, unsigned bytes, unsigned writer, Visible visible) {
  std::memcpy(data_ + offset, from, bytes);
  std::fill_n(visible_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, visible);
  std::fill_n(writer_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, writer);
}

void TrackedMemory::take(std::size_t offset, unsigned bytes, unsigned writer) {
  std::memset(data_ + offset, kPoison, bytes);
  std::fill_n(visible_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, Visible::copy);
  std::fill_n(writer_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, writer);
}

bool TrackedMemory::taken(std::size_t offset, unsigned bytes) const {
  const auto first = visible_.begin() + static_cast<std::ptrdiff_t>(offset);
  return std::find(first, first + bytes, Visible::copy) != first + bytes;
}

void TrackedMemory::publish(std::size_t offset, unsigned bytes, unsigned writer, Visible visible) {
  for (std::size_t at = offset; at < offset + bytes; ++at) {
    const bool own = visible_[at] >= Visible::thread && writer_[at] == writer;
    if (own) visible_[at] = std::max(visible_[at], visible);
  }
}

bool TrackedMemory::visible_to(std::size_t at, unsigned reader) const {
  switch (visible_[at]) {
    case Visible::nobody:
    case Visible::copy:
      return false;
    case Visible::thread:
      return writer_[at] == reader;
    case Visible::warp:
      return writer_[at] / kWarp == reader / kWarp;
    case Visible::block:
      return writer_[at] / block_ == reader / block_;
    case Visible::cluster:
      return writer_[at] / cluster_ == reader / cluster_;
    case Visible::all:
      return true;
  }
  return false;
}

std::optional<std::string> TrackedMemory::hidden(std::size_t offset, unsigned bytes, unsigned reader) const {
  for (std::size_t at = offset; at < offset + bytes; ++at) {
    if (visible_to(at, reader)) continue;
    if (visible_[at] == Visible::nobody) return "that nobody wrote";
    if (visible_[at] == Visible::copy) return "that a copy has not brought yet";
    const unsigned writer = writer_[at];
    if (writer / block_ != reader / block_)
      return "that block " + std::to_string(writer / block_) + " wrote with no fence since";
    return std::string("that another ") + (writer / kWarp != reader / kWarp ? "warp" : "lane") +
           " wrote with no barrier since";
  }
  return std::nullopt;
}

}  // namespace ditune::emulation
