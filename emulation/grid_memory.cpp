// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <tuple>

#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
// ---- who sees what

namespace {

constexpr std::size_t kFewWrites = 1024;

// So that a thread that goes on without a block barrier, from tile to tile, does not keep more and more.
void leave_out_repeated(Lane& lane) {
  const auto place = [](const Write& write) { return std::tuple(write.memory, write.offset, write.bytes); };
  std::ranges::sort(lane.writes, {}, place);
  const auto repeated = std::ranges::unique(lane.writes, {}, place);
  lane.writes.erase(repeated.begin(), repeated.end());
  lane.in_warp = 0;
  lane.most_writes = std::max(kFewWrites, 2 * lane.writes.size());
}

}  // namespace

void Grid::keep(TrackedMemory& memory, std::size_t offset, unsigned bytes) {
  lane_->writes.push_back({&memory, offset, bytes, lane_->id});
  if (lane_->writes.size() > lane_->most_writes) leave_out_repeated(*lane_);
  if (&memory == &*cta().shared) cta().async->written(offset, bytes, lane_->async_fences.made);
}

void Grid::publish_warp(Warp& warp) {
  for (Lane* lane : warp.lanes) {
    for (; lane->in_warp < lane->writes.size(); ++lane->in_warp) {
      const Write& write = lane->writes[lane->in_warp];
      write.memory->publish(write.offset, write.bytes, write.writer, Visible::warp);
    }
    lane->async_fences.known_in_warp = lane->async_fences.made;
  }
}

void Grid::publish(Cta& cta, std::span<const Write> writes) {
  for (const Write& write : writes) {
    const bool shared = write.memory == &*cta.shared;
    write.memory->publish(write.offset, write.bytes, write.writer, shared ? Visible::all : Visible::block);
    if (!shared) cta.writes.push_back(write);
  }
}

void Grid::publish_lane(Lane& lane) {
  publish(*lane.warp->cta, lane.writes);
  lane.writes.clear();
  lane.in_warp = 0;
  lane.async_fences.known_in_warp = lane.async_fences.known_in_block = lane.async_fences.made;
}

void Grid::publish_block(Cta& cta) {
  for (const auto& lane : cta.lanes) publish_lane(*lane);
}

void Grid::publish_cluster(std::span<Cta* const> ctas) {
  std::vector<Write> writes;  // to global memory
  for (Cta* cta : ctas) {
    publish_block(*cta);
    for (const Write& write : cta->writes)
      write.memory->publish(write.offset, write.bytes, write.writer, Visible::cluster);
    writes.insert(writes.end(), cta->writes.begin(), cta->writes.end());
    for (auto& [address, barrier] : cta->barriers) barrier.known_in_cluster = barrier.fenced;
  }
  for (Cta* cta : ctas) cta->writes = writes;
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
  count_access(site);
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
  // Units that may overwrite the bytes need a transaction barrier.
  if (!cta().barriers.empty())
    cta().async->read(from, bytes, static_cast<unsigned>(lane_->thread), lane_->async_fences.made);
}

void Grid::check_free(const char* verb, Cta& cta, unsigned address, unsigned bytes, const Site& site) {
  if (cta.shared->taken(address, bytes))
    fail(site, shared_text(verb, address, bytes) + " that a copy has not brought yet");
  if (cta.async->held(address, bytes))
    fail(site, shared_text(verb, address, bytes) + " that are still read by what nobody has waited for");
}

void Grid::shared_write(unsigned to, const void* from, unsigned bytes, const Site& site) {
  check_shared("writes", to, bytes, site);
  check_free("writes", cta(), to, bytes, site);
  TrackedMemory& shared = *cta().shared;
  shared.write(to, from, bytes, lane_->id, Visible::thread);
  keep(shared, to, bytes);
}

// What a CTA's threads have fenced is not asked across CTAs: no order between them is modelled.
unsigned Grid::known_fences(const Lane& of) const {
  const AsyncFences& fences = of.async_fences;
  if (&of == lane_ || of.warp->cta != lane_->warp->cta) return fences.made;
  return of.warp == lane_->warp ? fences.known_in_warp : fences.known_in_block;
}

bool Grid::unfenced(const Cta& cta, std::size_t at) const {
  const unsigned needed = cta.async->needs(at);
  return needed > 0 && known_fences(*cta.lanes[cta.shared->writer(at) % static_cast<unsigned>(launch_.block)]) < needed;
}

// A unit sees what its commander sees, less what was written with no fence since.
std::optional<std::string> Grid::hidden_from_units(unsigned address, unsigned bytes) {
  const Cta& block = cta();
  if (auto why = block.shared->hidden(address, bytes, lane_->id)) return why;
  for (std::size_t at = address; at < address + bytes; ++at)
    if (unfenced(block, at)) return "that were written with no async_fence before the barrier";
  return std::nullopt;
}

// ---- global memory

GlobalMemory::Place Grid::check_global(const char* verb, const void* address, unsigned bytes, bool writes,
                                       const Site& site) {
  if (launch_.dependent && !lane_->prerequisites)
    fail(site, std::string(verb) + " global memory with no wait_for_prerequisites before");
  count_access(site);
  GlobalMemory::Place place = memory_.find(address, bytes, writes);
  if (!place.fault.empty()) fail(site, std::string(verb) + ' ' + place.fault);
  return place;
}

void Grid::wait_for_prerequisites() { lane_->prerequisites = true; }

void Grid::note_output(const TrackedMemory& memory, std::size_t offset) {
  if (!memory.written(offset)) turns_ = 0;
}

void Grid::memory_changed() {
  ++version_;
  if (asleep_ == 0) return;
  asleep_ = 0;
  for (const auto& cta : resident_)
    for (const auto& lane : cta->lanes)
      if (lane->state == State::asleep) lane->state = State::ready;
}

// PTX ISA, "ld.global.nc": of memory that is read-only for the whole launch; a cache may keep what was there before.
void Grid::constant_read(void* to, const void* from, unsigned bytes, const Site& site) {
  if (check_global("reads", from, bytes, false, site).memory != nullptr)
    fail(site, "reads " + memory_.text(from, bytes) + " as if nobody wrote it during the launch");
  global_read(to, from, bytes, site);
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
  note_output(*place.memory, place.offset);
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
  check_free("copies", cta(), to, bytes, site);
  TrackedMemory& shared = *cta().shared;
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
