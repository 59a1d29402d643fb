// SPDX-License-Identifier: Apache-2.0
// What is said of a launch that goes wrong: by the thread that found it, or where no thread can go on.
#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr long long kMostAccesses = 1 << 24;  // in a turn of a warp, between two waits

std::string thread_text(const Lane& lane) {
  return "block " + std::to_string(lane.warp->cta->block) + ", warp " + std::to_string(lane.warp->index) + ", lane " +
         std::to_string(lane.thread % kWarp);
}

}  // namespace

std::string Grid::sentence(const Lane& lane, const Site& site, const std::string& what) const {
  return launch_.kernel + ": " + text(site) + ", " + thread_text(lane) + ": " + what;
}

std::string Grid::sentence(const Lane& lane, const std::string& what) const {
  const std::string behind = lane.site.wrapper == nullptr ? "" : "behind " + text(lane.site) + ", ";
  return launch_.kernel + ": " + behind + thread_text(lane) + ": " + what;
}

std::string Grid::endless() const {
  return sentence(*lane_, "comes to no end: in " + std::to_string(most_turns_) +
                              " turns of warps no output was written where there was none");
}

void Grid::count_access(const Site& site) {
  if (++accesses_ > kMostAccesses)
    fail(site, "comes to no end: " + std::to_string(kMostAccesses) + " accesses to memory, and nobody was waited for");
}

void Grid::fail(const Site& site, const std::string& what) {
  fault_ = sentence(*lane_, site, what);
  throw Stop{};
}

namespace {

std::string whereabouts(const Lane& lane) {
  return "warp " + std::to_string(lane.warp->index) + ", lane " + std::to_string(lane.thread % kWarp) +
         (lane.state == State::ended ? " has ended" : " waits at " + text(lane.site));
}

bool awaits(const Lane& lane, const Lane& other) {
  switch (lane.state) {
    case State::at_warp:
      return other.warp == lane.warp;
    case State::at_warpgroup:
      return other.warp->cta == lane.warp->cta && other.thread / kWarpgroupLanes == lane.thread / kWarpgroupLanes;
    case State::at_block:
      return other.warp->cta == lane.warp->cta;
    default:  // the cluster, which does not wait for those that have ended
      return other.state != State::ended;
  }
}

// Why the meeting that the lane waits at does not take place.
std::string unreached(const Lane& lane) {
  const Cta& cta = *lane.warp->cta;
  if (lane.state == State::at_named) {
    const NamedBarrier& barrier = cta.named[static_cast<std::size_t>(lane.named)];
    std::string there =
        std::to_string(barrier.warps.size() * kWarp) + " of " + std::to_string(barrier.threads) + " threads are there";
    for (const auto& other : cta.lanes)
      if (other->state == State::at_named && other->named == lane.named)
        for (const Lane* mate : other->warp->lanes)
          if (mate->state != State::at_named) return there + ", " + whereabouts(*mate);
    return there;
  }
  for (const Cta* mate : cta.mates)
    for (const auto& other : mate->lanes)
      if (other->state != lane.state && awaits(lane, *other))
        return (mate == &cta ? "" : "block " + std::to_string(mate->block) + ", ") + whereabouts(*other);
  return "nobody is missing";
}

}  // namespace

// No thread can run: somebody waits for one that will not come.
std::string Grid::stuck() const {
  for (const auto& cta : resident_) {
    for (const auto& lane : cta->lanes) {
      if (lane->state != State::at_registers) continue;
      const Warpgroup& group = cta->warpgroups[static_cast<std::size_t>(lane->thread / kWarpgroupLanes)];
      return sentence(*lane, lane->site,
                      "waits for " + std::to_string(group.lacks) +
                          " registers more than the CTA has left, which nobody gives back");
    }
  }
  for (const State state : {State::at_warp, State::at_block, State::at_warpgroup, State::at_named, State::at_cluster}) {
    for (const auto& cta : resident_) {
      const auto waiting = std::ranges::find_if(cta->lanes, [state](const auto& lane) { return lane->state == state; });
      if (waiting == cta->lanes.end()) continue;
      return sentence(**waiting, (*waiting)->site, "is not reached by all: " + unreached(**waiting));
    }
  }
  for (const auto& cta : resident_) {
    for (const auto& lane : cta->lanes) {
      if (lane->state == State::asleep)
        return sentence(*lane, lane->site, "waits for a value that no thread will write");
    }
  }
  // Bytes that are missing explain arrivals that are.
  for (const bool bytes : {true, false}) {
    for (const auto& cta : resident_) {
      for (const auto& lane : cta->lanes) {
        if (lane->state != State::at_phase) continue;
        const TransactionBarrier& barrier = cta->barriers.at(lane->awaited).barrier;
        if (barrier.lacks_bytes() || !bytes)
          return sentence(*lane, lane->site, "waits for the end of a phase that lacks " + barrier.lacking());
      }
    }
  }
  return launch_.kernel + ": no thread can run";
}

}  // namespace ditune::emulation
