// SPDX-License-Identifier: Apache-2.0
// Bulk copies: what a thread asks of the unit that makes them, and how they land at a moment that the seed draws.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "emulation/boxes.hpp"
#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

// How many of the bytes from `address` on are accessed at once: 16 where they are aligned, else an element.
unsigned step(const unsigned char* address, unsigned left, int element) {
  const bool whole = left >= kChunkBytes && reinterpret_cast<std::uintptr_t>(address) % kChunkBytes == 0;
  return whole ? kChunkBytes : static_cast<unsigned>(element);
}

unsigned box_bytes(const TensorMapSpec& map) { return static_cast<unsigned>(map.box_rows * map.box_bytes); }

}  // namespace

void Grid::async_fence(const Site&) { ++lane_->async_fences.made; }

void Grid::check_bulk(const char* verb, unsigned address, unsigned bytes, unsigned alignment, const Site& site) {
  if (address + std::size_t{bytes} > launch_.shared_bytes)
    fail(site, shared_text(verb, address, bytes) + ", beyond the " + std::to_string(launch_.shared_bytes) +
                   " that the CTA has");
  if (address % alignment != 0)
    fail(site, shared_text(verb, address, bytes) + ", which is no multiple of " + std::to_string(alignment));
}

// ---- loads

void Grid::load_box(const BoxLoad& asked, const Site& site) {
  const auto& [to, map, row, column, barrier, ranks] = asked;
  if (const std::string wrong = refusal(map); !wrong.empty()) fail(site, "reads " + wrong);
  if (ranks == 0 || ranks >> launch_.cluster != 0)
    fail(site, "loads for CTAs " + std::to_string(ranks) + " (a bit each) of a cluster of " +
                   std::to_string(launch_.cluster));
  check_bulk("loads", to, box_bytes(map), kBoxAlignment, site);
  BulkLoad load{.lane = lane_, .site = site, .to = nullptr, .address = to, .barrier = barrier, .data = {}};
  load.data.resize(box_bytes(map));
  box_bytes_ += box_bytes(map);
  const auto row_bytes = static_cast<unsigned>(map.box_bytes);
  for (int i = 0; i < map.box_rows; ++i) {
    const BoxRow piece = box_row(map, static_cast<long long>(row) + i, column);
    unsigned char bytes[kMaxBoxRowBytes] = {};
    const unsigned char* from = piece.global;
    for (unsigned at = piece.first; at < piece.last;) {
      const unsigned count = step(from, piece.last - at, map.element_bytes);
      global_read(bytes + at, from, count, site);
      at += count;
      from += count;
    }
    const unsigned begin = to + static_cast<unsigned>(i) * row_bytes;
    for (unsigned at = 0; at < row_bytes; at += kChunkBytes)
      std::memcpy(load.data.data() + (swizzled(begin + at, row_bytes) - to), bytes + at, kChunkBytes);
  }
  for (int rank = 0; rank < launch_.cluster; ++rank) {
    if ((ranks >> rank & 1) == 0) continue;
    load.to = cta().mates[static_cast<std::size_t>(rank)];
    issue(load);
  }
}

void Grid::load_bytes(unsigned to, const void* from, unsigned bytes, unsigned barrier, const Site& site) {
  if (bytes == 0 || bytes % kChunkBytes != 0)
    fail(site, "loads " + std::to_string(bytes) + " bytes, which is no multiple of 16");
  check_bulk("loads", to, bytes, kChunkBytes, site);
  BulkLoad load{.lane = lane_, .site = site, .to = &cta(), .address = to, .barrier = barrier, .data = {}};
  load.data.resize(bytes);
  for (unsigned at = 0; at < bytes; at += kChunkBytes)
    global_read(load.data.data() + at, static_cast<const unsigned char*>(from) + at, kChunkBytes, site);
  issue(std::move(load));
}

// A load may overwrite what threads wrote or read once they have fenced (PTX ISA, "Causality Order": accesses by
// different proxies are ordered by a proxy fence on the way from one to the other).
void Grid::check_handed_over(const Cta& cta, unsigned address, unsigned bytes, const Site& site) {
  for (std::size_t at = address; at < address + bytes; ++at) {
    const AsyncBytes::Reader& reader = cta.async->last_reader(at);
    const bool written = unfenced(cta, at);
    if (!written && (reader.fences == 0 || known_fences(*cta.lanes[reader.thread]) >= reader.fences)) continue;
    fail(site, shared_text("loads", address, bytes) + " that were " + (written ? "written" : "read") +
                   " with no async_fence before the barrier");
  }
}

void Grid::issue(BulkLoad load) {
  Cta& target = *load.to;
  const auto bytes = static_cast<unsigned>(load.data.size());
  if (target.over()) fail(load.site, "loads for block " + std::to_string(target.block) + ", which has ended");
  check_reachable(target, barrier_at(target, load.barrier, load.site), load.barrier, load.site);
  check_free("loads", target, load.address, bytes, load.site);
  check_handed_over(target, load.address, bytes, load.site);
  target.shared->take(load.address, bytes, lane_->id);
  loads_.push_back(std::move(load));
}

// One of those under way.
void Grid::land_any() {
  std::size_t drawn = random_() % (loads_.size() + stores_.size());
  if (drawn < loads_.size()) {
    std::swap(loads_[drawn], loads_.back());
    BulkLoad load = std::move(loads_.back());
    loads_.pop_back();
    land(std::move(load));
  } else {
    land(*stores_[drawn - loads_.size()]);
  }
}

// No thread runs: a fault is kept for the scheduler.
void Grid::land(BulkLoad load) {
  Cta& target = *load.to;
  const unsigned address = load.barrier;
  if (target.over()) {
    fault_ = sentence(*load.lane, load.site, "lands in block " + std::to_string(target.block) + ", which has ended");
    return;
  }
  SharedBarrier& barrier = target.barriers.at(address);
  if (const std::string wrong = barrier.barrier.complete(static_cast<int>(load.data.size())); !wrong.empty()) {
    fault_ = sentence(*load.lane, load.site,
                      "brings the transaction barrier at shared address " + std::to_string(address) + ' ' + wrong);
    return;
  }
  barrier.landed.push_back(std::move(load));
  if (barrier.barrier.phase_over()) end_phase(target, address, barrier);
}

// ---- stores

void Grid::store_box(const TensorMapSpec& map, int row, int column, unsigned from, const Site& site) {
  if (const std::string wrong = refusal(map); !wrong.empty()) fail(site, "writes " + wrong);
  const unsigned bytes = box_bytes(map);
  check_bulk("stores", from, bytes, kBoxAlignment, site);
  if (const auto why = hidden_from_units(from, bytes)) fail(site, shared_text("stores", from, bytes) + ' ' + *why);
  const auto row_bytes = static_cast<unsigned>(map.box_bytes);
  BulkStore store{.lane = lane_, .site = site, .from = from, .bytes = bytes, .pieces = {}};
  for (int i = 0; i < map.box_rows; ++i) {
    const BoxRow piece = box_row(map, static_cast<long long>(row) + i, column);
    const unsigned begin = from + static_cast<unsigned>(i) * row_bytes;
    unsigned char* to = piece.global;
    for (unsigned at = piece.first; at < piece.last;) {
      // Whole chunks of shared memory, or elements.
      unsigned count = step(to, piece.last - at, map.element_bytes);
      if (at % kChunkBytes != 0) count = static_cast<unsigned>(map.element_bytes);
      const GlobalMemory::Place place = check_global("writes", to, count, true, site);
      store.pieces.push_back({place.memory, place.offset, swizzled(begin + at, row_bytes), count});
      at += count;
      to += count;
    }
  }
  cta().async->hold(from, bytes);
  lane_->stores.stores.push_back(std::move(store));
  ++lane_->stores.uncommitted;
  stores_.push_back(&lane_->stores.stores.back());
}

void Grid::land(BulkStore& store) {
  const unsigned char* const shared = store.lane->warp->cta->shared->data();
  for (const BulkStore::Piece& piece : store.pieces) {
    note_output(*piece.memory, piece.offset);
    piece.memory->write(piece.offset, shared + piece.from, piece.bytes, store.lane->id, Visible::thread);
  }
  store.landed = true;
  std::erase(stores_, &store);
  memory_changed();
}

void Grid::commit_stores() {
  lane_->stores.groups.push_back(lane_->stores.uncommitted);
  lane_->stores.uncommitted = 0;
}

void Grid::wait_stores(unsigned pending) {
  auto& [stores, groups, uncommitted] = lane_->stores;
  for (; groups.size() > pending; groups.pop_front()) {
    for (unsigned i = 0; i < groups.front(); ++i) {
      if (!stores.front().landed) land(stores.front());
      cta().async->let_go(stores.front().from, stores.front().bytes);
      stores.pop_front();
    }
  }
}

}  // namespace ditune::emulation
