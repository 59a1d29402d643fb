#include "emulation/grid.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr int kSpeeds[] = {1, 4, 16};
constexpr unsigned kMeetingsPerTurn = 8;  // of a warp, on average, before another one may run

bool same(const Site& a, const Site& b) { return a.line == b.line && std::strcmp(a.wrapper, b.wrapper) == 0; }

}  // namespace

Grid::Grid(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread)
    : launch_(launch), thread_(thread), memory_(memory, launch.block), random_(launch.seed) {
  // No order of CTAs is promised.
  waiting_blocks_.resize(static_cast<std::size_t>(launch.grid));
  std::iota(waiting_blocks_.begin(), waiting_blocks_.end(), 0);
  std::ranges::shuffle(waiting_blocks_, random_);
}

Report Grid::run() {
  for (admit(); !resident_.empty(); admit()) {
    Warp* const warp = pick();
    if (warp == nullptr) {
      fault_ = stuck();
      break;
    }
    lane_ = *std::ranges::find(warp->lanes, State::ready, &Lane::state);
    scheduler_.switch_to(lane_->fiber);
    if (exception_) std::rethrow_exception(exception_);
    if (!fault_.empty()) break;
    retire();
  }
  if (fault_.empty()) {
    if (const auto leftover = memory_.leftover()) fault_ = launch_.kernel + ": " + *leftover;
  }
  return {.fault = fault_, .shared = conflicts_.traffic()};
}

// ---- CTAs

void Grid::admit() {
  while (!waiting_blocks_.empty() && static_cast<int>(resident_.size()) < launch_.resident) {
    if (spare_.empty()) {
      spare_.push_back(std::make_unique<Cta>());
      Cta& cta = *spare_.back();
      cta.ordinal = static_cast<int>(resident_.size());
      cta.warps.resize(static_cast<std::size_t>(launch_.block / kWarp));
      cta.bytes.resize(launch_.shared_bytes);
      cta.shared.emplace(cta.bytes.data(), cta.bytes.size(), launch_.block, Visible::nobody);
      for (int thread = 0; thread < launch_.block; ++thread) cta.lanes.push_back(std::make_unique<Lane>());
    }
    start(*spare_.back(), waiting_blocks_.back());
    resident_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    waiting_blocks_.pop_back();
  }
}

void Grid::start(Cta& cta, int block) {
  cta.block = block;
  cta.waiting = cta.ended = 0;
  cta.writes.clear();
  cta.shared->forget();
  for (int thread = 0; thread < launch_.block; ++thread) {
    Lane& lane = *cta.lanes[static_cast<std::size_t>(thread)];
    Warp& warp = cta.warps[static_cast<std::size_t>(thread / kWarp)];
    warp.lanes[static_cast<std::size_t>(thread % kWarp)] = &lane;
    lane.warp = &warp;
    lane.thread = thread;
    lane.id = static_cast<unsigned>(block) * static_cast<unsigned>(launch_.block) + static_cast<unsigned>(thread);
    lane.state = State::ready;
    lane.polled = nullptr;
    lane.groups.clear();
    lane.writes.clear();
    lane.fiber.restart(&Grid::enter, this);
  }
  for (Warp& warp : cta.warps) {
    warp.cta = &cta;
    warp.index = static_cast<int>(&warp - cta.warps.data());
    warp.waiting = 0;
    warp.speed = kSpeeds[random_() % std::size(kSpeeds)];
  }
}

void Grid::retire() {
  std::erase_if(resident_, [&](std::unique_ptr<Cta>& cta) {
    if (cta->ended < launch_.block) return false;
    for (const Warp& warp : cta->warps) conflicts_.settle(warp_number(warp));
    spare_.push_back(std::move(cta));
    return true;
  });
}

// ---- turns

// One of the warps that can run, each as often as its speed says; null if none can.
Warp* Grid::pick() {
  std::vector<Warp*> able;
  int total = 0;
  for (const auto& cta : resident_) {
    for (Warp& warp : cta->warps) {
      if (std::ranges::find(warp.lanes, State::ready, &Lane::state) == warp.lanes.end()) continue;
      able.push_back(&warp);
      total += warp.speed;
    }
  }
  if (able.empty()) return nullptr;
  int drawn = static_cast<int>(random_() % static_cast<unsigned>(total));
  for (Warp* warp : able) {
    if (drawn < warp->speed) return warp;
    drawn -= warp->speed;
  }
  return able.back();
}

void Grid::enter(void* argument) {
  Grid& grid = *static_cast<Grid*>(argument);
  Lane& self = *grid.lane_;
  bool stopped = true;
  try {
    grid.thread_();
    if (!self.copies.empty()) grid.fail(self.copies.front().site, "is never waited for");
    stopped = false;
  } catch (const Stop&) {
  } catch (...) {
    grid.exception_ = std::current_exception();
  }
  if (stopped) self.fiber.exit_to(grid.scheduler_);  // from out of the handlers, so that the exception ends
  self.state = State::ended;
  ++self.warp->cta->ended;
  self.fiber.exit_to(grid.next());
}

// Whom the running lane makes way for: the next of its warp that can run, else the scheduler.
Fiber& Grid::next() {
  const auto& lanes = lane_->warp->lanes;
  for (int step = 1; step < kWarp; ++step) {
    Lane* const other = lanes[static_cast<std::size_t>((lane_->thread + step) % kWarp)];
    if (other->state != State::ready) continue;
    lane_ = other;
    return other->fiber;
  }
  return scheduler_;
}

void Grid::leave(State state) {
  Lane& self = *lane_;
  self.state = state;
  self.fiber.switch_to(next());
}

void Grid::end_turn() { lane_->fiber.switch_to(scheduler_); }

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

void Grid::meet_in_block(const Site& site) {
  Cta& block = cta();
  for (const Lane* lane : lane_->warp->lanes) {
    if (lane->state == State::at_block && !same(lane->site, site))
      fail(site, "other lanes of the warp are at " + text(lane->site));
  }
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

void Grid::barrier(Scope scope, const Site& site) {
  if (scope == Scope::warp) {
    meet_in_warp(site, true);
  } else {
    meet_in_block(site);
  }
}

const unsigned char* Grid::exchange(const void* mine, unsigned bytes, const Site& site) {
  // Two sets of slots in turn: a lane that is ahead fills the other one, and cannot be two ahead.
  unsigned char* const slots = lane_->warp->slots.data() + lane_->exchanges++ % 2 * (kWarp * kSlotBytes);
  std::memcpy(slots + static_cast<unsigned>(lane_->thread % kWarp) * kSlotBytes, mine, bytes);
  meet_in_warp(site, false);
  return slots;
}

ThreadPlace Grid::place() const {
  return {.thread = lane_->thread, .block = lane_->warp->cta->block, .grid = launch_.grid};
}

// ---- faults

std::string Grid::sentence(const Lane& lane, const Site& site, const std::string& what) const {
  return launch_.kernel + ": " + text(site) + ", block " + std::to_string(lane.warp->cta->block) + ", warp " +
         std::to_string(lane.warp->index) + ", lane " + std::to_string(lane.thread % kWarp) + ": " + what;
}

void Grid::fail(const Site& site, const std::string& what) {
  fault_ = sentence(*lane_, site, what);
  throw Stop{};
}

// No thread can run: somebody waits for one that will not come.
std::string Grid::stuck() const {
  const auto whereabouts = [](const Lane& lane) {
    return "warp " + std::to_string(lane.warp->index) + ", lane " + std::to_string(lane.thread % kWarp) +
           (lane.state == State::ended ? " has ended" : " waits at " + text(lane.site));
  };
  for (const State state : {State::at_warp, State::at_block}) {
    for (const auto& cta : resident_) {
      const auto waiting = std::ranges::find_if(cta->lanes, [state](const auto& lane) { return lane->state == state; });
      if (waiting == cta->lanes.end()) continue;
      const Lane& lane = **waiting;
      for (const auto& other : cta->lanes) {
        const bool awaited = state == State::at_block || other->warp == lane.warp;
        if (awaited && other->state != state)
          return sentence(lane, lane.site, "is not reached by all: " + whereabouts(*other));
      }
    }
  }
  for (const auto& cta : resident_) {
    for (const auto& lane : cta->lanes)
      if (lane->state == State::asleep)
        return sentence(*lane, lane->site, "waits for a value that no thread will write");
  }
  return launch_.kernel + ": no thread can run";
}

}  // namespace ditune::emulation
