// SPDX-License-Identifier: Apache-2.0
// Where threads wait for one another: warps, CTAs, parts of them, clusters.
#include <algorithm>
#include <cstring>

#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr unsigned kMeetingsPerTurn = 8;                         // of a warp, on average, before another one may run
constexpr int kRegistersOfSm = 64 * 1024, kMostRegisters = 256;  // of an SM since sm_50, of a thread

}  // namespace

void Grid::barrier(Scope scope, const Site& site) {
  switch (scope) {
    case Scope::warp:
      return meet_in_warp(site, true);
    case Scope::block:
      return meet_in_block(site);
    case Scope::cluster:
      return meet_in_cluster(site);
  }
}

const unsigned char* Grid::exchange(const void* mine, unsigned bytes, const Site& site) {
  // Two sets of slots in turn: a lane that is ahead fills the other one, and cannot be two ahead.
  unsigned char* const slots = lane_->warp->slots.data() + lane_->exchanges++ % 2 * (kWarp * kSlotBytes);
  std::memcpy(slots + static_cast<unsigned>(lane_->thread % kWarp) * kSlotBytes, mine, bytes);
  meet_in_warp(site, false);
  return slots;
}

void Grid::meet_in_warp(const Site& site, bool orders_memory) {
  Warp& warp = *lane_->warp;
  if (warp.waiting == 0) {
    warp.site = site;
  } else if (!same(warp.site, site)) {
    fail(site, "other lanes of the warp are at " + text(warp.site));
  }
  lane_->site = site;
  if (++warp.waiting < kWarp) {
    leave(State::at_warp);
    return;
  }
  warp.waiting = 0;
  conflicts_.settle(warp_number(warp));
  if (orders_memory) publish_warp(warp);
  for (Lane* lane : warp.lanes) lane->state = State::ready;
  if (random_() % kMeetingsPerTurn == 0) end_turn();
}

void Grid::check_together(State state, const Site& site) {
  for (const Lane* lane : lane_->warp->lanes) {
    if (lane->state == state && !same(lane->site, site))
      fail(site, "other lanes of the warp are at " + text(lane->site));
  }
}

void Grid::meet_in_block(const Site& site) {
  Cta& block = cta();
  check_together(State::at_block, site);
  lane_->site = site;
  if (++block.waiting < launch_.block) {
    leave(State::at_block);
    return;
  }
  block.waiting = 0;
  publish_block(block);
  for (const auto& lane : block.lanes) lane->state = State::ready;
  end_turn();
}

// ---- parts of a CTA

void Grid::named_barrier(int id, int threads, const Site& site) {
  if (id < 1 || id >= static_cast<int>(cta().named.size()))
    fail(site, "barrier " + std::to_string(id) + " is none of 1 to 15");
  if (threads < kWarp || threads % kWarp != 0 || threads > launch_.block)
    fail(site, std::to_string(threads) + " threads are no whole warps of the block");
  NamedBarrier& barrier = cta().named[static_cast<std::size_t>(id)];
  if (!barrier.warps.empty() && barrier.threads != threads)
    fail(site, "waits for " + std::to_string(threads) + " threads at barrier " + std::to_string(id) +
                   ", where others wait for " + std::to_string(barrier.threads));
  check_together(State::at_named, site);
  lane_->site = site;
  lane_->named = id;
  const auto here = [&](const Lane* lane) {
    return lane == lane_ || (lane->state == State::at_named && lane->named == id);
  };
  barrier.threads = threads;
  if (std::ranges::all_of(lane_->warp->lanes, here)) barrier.warps.push_back(lane_->warp);
  if (static_cast<int>(barrier.warps.size()) * kWarp < threads) {
    leave(State::at_named);
    return;
  }
  for (const Warp* warp : barrier.warps) {
    for (Lane* lane : warp->lanes) {
      publish_lane(*lane);
      lane->state = State::ready;
    }
    conflicts_.settle(warp_number(*warp));
  }
  barrier.warps.clear();
  end_turn();
}

Warpgroup& Grid::warpgroup(const Site& site) {
  const auto index = static_cast<std::size_t>(lane_->thread / kWarpgroupLanes);
  if (index >= cta().warpgroups.size()) fail(site, "needs four warps, of which the first is a multiple of four");
  return cta().warpgroups[index];
}

bool Grid::come_to_warpgroup(const Site& site) {
  Warpgroup& group = warpgroup(site);
  if (group.waiting == 0) {
    group.site = site;
  } else if (!same(group.site, site)) {
    fail(site, "other lanes of the warpgroup are at " + text(group.site));
  }
  lane_->site = site;
  if (++group.waiting < kWarpgroupLanes) {
    leave(State::at_warpgroup);
    return false;
  }
  group.waiting = 0;
  return true;
}

// The last of its lanes has come.
void Grid::leave_warpgroup() {
  const int first = lane_->thread / kWarpgroupLanes * kWarpgroupLanes;
  for (int thread = first; thread < first + kWarpgroupLanes; ++thread)
    cta().lanes[static_cast<std::size_t>(thread)]->state = State::ready;
  end_turn();
}

// ---- registers

// What ptxas gives a kernel that moves registers: all that its launch bounds leave, in steps of 8.
int Grid::registers_at_launch() const {
  return std::min(kMostRegisters, kRegistersOfSm / std::max(1, launch_.block * launch_.ctas_per_sm) / 8 * 8);
}

Warpgroup& Grid::registers_of_warpgroup(const Site& site) {
  if (launch_.ctas_per_sm == 0) fail(site, "may have no effect: the kernel has no launch bounds");
  return warpgroup(site);
}

void Grid::lower_registers(int registers, const Site& site) {
  Warpgroup& group = registers_of_warpgroup(site);
  if (registers > group.registers)
    fail(site, "lowers the registers of a thread to " + std::to_string(registers) + ", of which it has " +
                   std::to_string(group.registers));
  if (!come_to_warpgroup(site)) return;
  cta().spare_registers += (group.registers - registers) * kWarpgroupLanes;
  group.registers = registers;
  for (const auto& lane : cta().lanes)
    if (lane->state == State::at_registers) lane->state = State::ready;
  leave_warpgroup();
}

// A thread that has more already keeps them: ptxas gives a kernel no more at its launch than the most that it raises
// to.
void Grid::raise_registers(int registers, const Site& site) {
  Warpgroup& group = registers_of_warpgroup(site);
  if (!come_to_warpgroup(site)) return;
  const int more = std::max(0, registers - group.registers);
  for (;;) {
    group.lacks = more * kWarpgroupLanes - cta().spare_registers;
    if (group.lacks <= 0) break;
    lane_->site = site;
    leave(State::at_registers);
  }
  cta().spare_registers -= more * kWarpgroupLanes;
  group.registers += more;
  leave_warpgroup();
}

// ---- clusters

void Grid::meet_in_cluster(const Site& site) {
  check_together(State::at_cluster, site);
  lane_->site = site;
  lane_->state = State::at_cluster;
  ++cta().waiting_in_cluster;
  if (complete_cluster_meeting(cta())) {
    end_turn();
  } else {
    leave(State::at_cluster);
  }
}

// If all threads that have not ended are there (PTX ISA, "barrier.cluster").
bool Grid::complete_cluster_meeting(Cta& cta) {
  int waiting = 0, ended = 0;
  for (const Cta* mate : cta.mates) {
    waiting += mate->waiting_in_cluster;
    ended += mate->ended;
  }
  if (waiting == 0 || waiting + ended < launch_.block * launch_.cluster) return false;
  publish_cluster(cta.mates);
  for (Cta* mate : cta.mates) {
    mate->waiting_in_cluster = 0;
    for (const auto& lane : mate->lanes)
      if (lane->state == State::at_cluster) lane->state = State::ready;
  }
  return true;
}

}  // namespace ditune::emulation
