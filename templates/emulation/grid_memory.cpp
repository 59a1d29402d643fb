#include <cstring>

#include "emulation/grid.hpp"

namespace ditune::emulation {
namespace {

std::string shared_text(const char* verb, unsigned address, unsigned bytes) {
  return std::string(verb) + ' ' + std::to_string(bytes) + " bytes at shared address " + std::to_string(address);
}

}  // namespace

// ---- who sees what

void Grid::keep(TrackedMemory& memory, std::size_t offset, unsigned bytes) {
  lane_->writes.push_back({&memory, offset, bytes, lane_->id});
}

void Grid::publish_warp(Warp& warp) {
  for (const Lane* lane : warp.lanes)
    for (const Write& write : lane->writes)
      write.memory->publish(write.offset, write.bytes, write.writer, Visible::warp);
}

void Grid::publish_block(Cta& cta) {
  for (const auto& lane : cta.lanes) {
    for (const Write& write : lane->writes) {
      const bool shared = write.memory == &*cta.shared;
      write.memory->publish(write.offset, write.bytes, write.writer, shared ? Visible::all : Visible::block);
      if (!shared) cta.writes.push_back(write);
    }
    lane->writes.clear();
  }
}

// Cumulative (PTX ISA, "Memory Consistency Model"): what this thread saw of others' writes is fenced too.
void Grid::fence(const Site&) {
  Cta& block = cta();
  for (const auto* writes : {&lane_->writes, &block.writes}) {
    for (const Write& write : *writes)
      if (write.memory != &*block.shared) write.memory->publish(write.offset, write.bytes, write.writer, Visible::all);
  }
  block.writes.clear();
}

// ---- shared memory

void Grid::check_shared(const char* verb, unsigned address, unsigned bytes, const Site& site) {
  const std::size_t size = launch_.shared_bytes;
  if (address + std::size_t{bytes} > size)
    fail(site, shared_text(verb, address, bytes) + ", beyond the " + std::to_string(size) + " that the CTA has");
  if (address % bytes != 0) fail(site, shared_text(verb, address, bytes) + ", which is no multiple of that");
  conflicts_.record(site, warp_number(*lane_->warp), lane_->thread % kWarp, address, bytes);
}

void Grid::shared_read(void* to, unsigned from, unsigned bytes, const Site& site) {
  check_shared("reads", from, bytes, site);
  const TrackedMemory& shared = *cta().shared;
  if (const auto why = shared.hidden(from, bytes, lane_->id))
    fail(site, shared_text("reads", from, bytes) + ' ' + *why);
  std::memcpy(to, shared.data() + from, bytes);
}

void Grid::shared_write(unsigned to, const void* from, unsigned bytes, const Site& site) {
  check_shared("writes", to, bytes, site);
  TrackedMemory& shared = *cta().shared;
  if (shared.taken(to, bytes)) fail(site, shared_text("writes", to, bytes) + " that a copy has not brought yet");
  shared.write(to, from, bytes, lane_->id, Visible::thread);
  keep(shared, to, bytes);
}

// ---- global memory

GlobalMemory::Place Grid::check_global(const char* verb, const void* address, unsigned bytes, bool writes,
                                       const Site& site) {
  GlobalMemory::Place place = memory_.find(address, bytes, writes);
  if (!place.fault.empty()) fail(site, std::string(verb) + ' ' + place.fault);
  return place;
}

void Grid::memory_changed() {
  ++version_;
  if (asleep_ == 0) return;
  asleep_ = 0;
  for (const auto& cta : resident_)
    for (const auto& lane : cta->lanes)
      if (lane->state == State::asleep) lane->state = State::ready;
}

void Grid::global_read(void* to, const void* from, unsigned bytes, const Site& site) {
  const GlobalMemory::Place place = check_global("reads", from, bytes, false, site);
  if (place.memory != nullptr) {
    if (const auto why = place.memory->hidden(place.offset, bytes, lane_->id))
      fail(site, "reads " + memory_.text(from, bytes) + ' ' + *why);
  }
  std::memcpy(to, from, bytes);
}

void Grid::global_write(void* to, const void* from, unsigned bytes, const Site& site) {
  const GlobalMemory::Place place = check_global("writes", to, bytes, true, site);
  place.memory->write(place.offset, from, bytes, lane_->id, Visible::thread);
  keep(*place.memory, place.offset, bytes);
  memory_changed();
}

void Grid::global_touch(const void* address, const Site& site) { check_global("prefetches", address, 1, false, site); }

int Grid::atomic_read(const int* from, const Site& site) {
  if (lane_->polled == from && lane_->polled_at == version_) {
    ++asleep_;
    lane_->site = site;
    leave(State::asleep);
  }
  lane_->polled = from;
  lane_->polled_at = version_;
  int value = 0;
  global_read(&value, from, sizeof(value), site);
  return value;
}

int Grid::atomic_update(int* to, int operand, int (*combine)(int, int), const Site& site) {
  int old = 0;
  global_read(&old, to, sizeof(old), site);
  const GlobalMemory::Place place = check_global("updates", to, sizeof(old), true, site);
  const int now = combine(old, operand);
  place.memory->write(place.offset, &now, sizeof(now), lane_->id, Visible::all);
  memory_changed();
  end_turn();  // who waited for it may go on before this thread does anything else
  return old;
}

// ---- asynchronous copies

void Grid::copy(unsigned to, const void* from, unsigned bytes, const Site& site) {
  Copy copy{.to = to, .bytes = bytes, .data = {}, .site = site};
  if (from != nullptr) global_read(copy.data, from, bytes, site);
  check_shared("copies", to, bytes, site);
  TrackedMemory& shared = *cta().shared;
  if (shared.taken(to, bytes)) fail(site, shared_text("copies", to, bytes) + " that another copy has not brought yet");
  shared.take(to, bytes, lane_->id);
  lane_->copies.push_back(copy);
  ++lane_->uncommitted;
}

void Grid::commit_copies() {
  lane_->groups.push_back(lane_->uncommitted);
  lane_->uncommitted = 0;
}

void Grid::wait_copies(unsigned pending) {
  TrackedMemory& shared = *cta().shared;
  for (; lane_->groups.size() > pending; lane_->groups.pop_front()) {
    for (unsigned i = 0; i < lane_->groups.front(); ++i) {
      const Copy& copy = lane_->copies.front();
      shared.write(copy.to, copy.data, copy.bytes, lane_->id, Visible::thread);
      keep(shared, copy.to, copy.bytes);
      lane_->copies.pop_front();
    }
  }
}

}  // namespace ditune::emulation
