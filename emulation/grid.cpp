// SPDX-License-Identifier: Apache-2.0
#include "emulation/grid.hpp"

#include <algorithm>
#include <numeric>

#include "emulation/signals.hpp"

namespace ditune::emulation {
namespace {

constexpr long long kLeastTurns = 1024, kTurnsPerByte = 2;  // of a warp
constexpr int kSpeeds[] = {1, 4, 16};
// Of warps, on average, while bulk copies are under way: of a launch with a memory that is fast, and of one where
// copies land once nobody can go on without them, which shows who does not wait.
constexpr unsigned kTurnsPerLanding[] = {4, 256};

// The turns that a launch may take until it is further on. Until then each CTA that runs computes at most a tile, in
// steps of 32 bytes of the inputs' rows: a warp then has about ten turns a step, and few beside.
long long most_turns(const Launch& launch, std::span<const Region> memory) {
  std::size_t row = 0;
  for (const Region& region : memory)
    if (region.use == Use::input) row = std::max(row, region.row_bytes);
  const int ctas = std::min(launch.grid, std::max(launch.resident, launch.cluster));
  return ctas * (launch.block / kWarp) * (kLeastTurns + kTurnsPerByte * static_cast<long long>(row));
}

}  // namespace

Grid::Grid(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread)
    : launch_(launch),
      thread_(thread),
      memory_(memory, launch.block, launch.cluster),
      random_(launch.seed),
      turns_per_landing_(kTurnsPerLanding[random_() % std::size(kTurnsPerLanding)]),
      most_turns_(most_turns(launch, memory)) {
  // No order of CTAs is promised.
  waiting_clusters_.resize(static_cast<std::size_t>(launch.grid / launch.cluster));
  std::iota(waiting_clusters_.begin(), waiting_clusters_.end(), 0);
  std::ranges::shuffle(waiting_clusters_, random_);
}

Report Grid::run() {
  const SignalTrap trap(&Grid::caught, this);
  for (admit(); !resident_.empty(); admit()) {
    const bool under_way = !loads_.empty() || !stores_.empty();
    Warp* const warp = pick();
    if (under_way && (warp == nullptr || random_() % turns_per_landing_ == 0)) {
      land_any();
      if (!fault_.empty()) break;
      continue;
    }
    if (warp == nullptr) {
      fault_ = stuck();
      break;
    }
    run_warp(*warp);
    if (exception_) std::rethrow_exception(exception_);
    if (!fault_.empty()) break;
    retire();
  }
  if (fault_.empty()) {
    if (const auto leftover = memory_.leftover()) fault_ = launch_.kernel + ": " + *leftover;
  }
  return {.fault = fault_, .shared = conflicts_.traffic(), .box_bytes = box_bytes_};
}

// Its turn: until it waits, or makes way for another.
void Grid::run_warp(const Warp& warp) {
  lane_ = *std::ranges::find(warp.lanes, State::ready, &Lane::state);
  if (++turns_ > most_turns_) {
    fault_ = endless();
    return;
  }
  accesses_ = 0;
  in_kernel_ = true;
  scheduler_.switch_to(lane_->fiber);
  in_kernel_ = false;
  if (signal_ != 0) fault_ = sentence(*lane_, signal_text(signal_));
}

// The lane's stack is left as it is: what the signal interrupted cannot be unwound.
void Grid::caught(void* argument, int signal) {
  Grid& grid = *static_cast<Grid*>(argument);
  if (!grid.in_kernel_) return;
  grid.signal_ = signal;
  grid.lane_->fiber.exit_to(grid.scheduler_);
}

// ---- CTAs

// All CTAs of a cluster run at once, however many are to be resident.
void Grid::admit() {
  const auto together = static_cast<std::size_t>(launch_.cluster), limit = static_cast<std::size_t>(launch_.resident);
  while (!waiting_clusters_.empty() && (resident_.empty() || resident_.size() + together <= limit)) {
    std::vector<Cta*> mates;
    for (int rank = 0; rank < launch_.cluster; ++rank) {
      mates.push_back(&seat());
      start(*mates.back(), waiting_clusters_.back() * launch_.cluster + rank);
    }
    for (Cta* cta : mates) cta->mates = mates;
    waiting_clusters_.pop_back();
  }
}

// A resident CTA that has not started.
Cta& Grid::seat() {
  if (spare_.empty()) {
    spare_.push_back(std::make_unique<Cta>(launch_.block));
    Cta& cta = *spare_.back();
    cta.ordinal = static_cast<int>(resident_.size());
    cta.warps.resize(static_cast<std::size_t>(launch_.block / kWarp));
    cta.warpgroups.resize(static_cast<std::size_t>(launch_.block / kWarpgroupLanes));
    cta.bytes.resize(launch_.shared_bytes);
    cta.shared.emplace(cta.bytes.data(), cta.bytes.size(), launch_.block, launch_.cluster, Visible::nobody);
    cta.async.emplace(cta.bytes.size());
  }
  resident_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  return *resident_.back();
}

void Grid::start(Cta& cta, int block) {
  turns_ = 0;
  cta.block = block;
  cta.waiting = cta.waiting_in_cluster = cta.ended = 0;
  cta.writes.clear();
  cta.shared->forget();
  cta.async->forget();
  cta.barriers.clear();
  cta.spare_registers = 0;
  for (Warpgroup& group : cta.warpgroups) {
    group = {};
    group.registers = registers_at_launch();
  }
  for (int thread = 0; thread < launch_.block; ++thread) {
    Lane& lane = *cta.lanes[static_cast<std::size_t>(thread)];
    Warp& warp = cta.warps[static_cast<std::size_t>(thread / kWarp)];
    warp.lanes[static_cast<std::size_t>(thread % kWarp)] = &lane;
    lane.warp = &warp;
    lane.thread = thread;
    lane.id = static_cast<unsigned>(block) * static_cast<unsigned>(launch_.block) + static_cast<unsigned>(thread);
    lane.state = State::ready;
    lane.site = {};
    lane.prerequisites = false;
    lane.polled = nullptr;
    lane.groups.clear();
    lane.writes.clear();
    lane.in_warp = 0;
    lane.async_fences = {};
    lane.stores = {};
    lane.products = {};
    lane.fiber.restart(&Grid::enter, this);
  }
  for (Warp& warp : cta.warps) {
    warp.cta = &cta;
    warp.index = static_cast<int>(&warp - cta.warps.data());
    warp.waiting = 0;
    warp.speed = kSpeeds[random_() % std::size(kSpeeds)];
  }
}

// A cluster's CTAs together: until the last of them has ended others may reach for them.
void Grid::retire() {
  std::erase_if(resident_, [&](std::unique_ptr<Cta>& cta) {
    const auto over = [](const Cta* mate) { return mate->over(); };
    const auto comes = [&](const BulkLoad& load) { return std::ranges::count(cta->mates, load.to) > 0; };
    if (!cta->over() || !std::ranges::all_of(cta->mates, over) || std::ranges::any_of(loads_, comes)) return false;
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
    grid.check_finished();
    stopped = false;
  } catch (const Stop&) {
  } catch (...) {
    grid.exception_ = std::current_exception();
  }
  if (stopped) self.fiber.exit_to(grid.scheduler_);  // from out of the handlers, so that the exception ends
  self.state = State::ended;
  grid.turns_ = 0;
  ++self.warp->cta->ended;
  grid.complete_cluster_meeting(*self.warp->cta);
  self.fiber.exit_to(grid.next());
}

// The running lane ends: what it commanded has been waited for.
void Grid::check_finished() {
  const char* const never = "is never waited for";
  if (!lane_->copies.empty()) fail(lane_->copies.front().site, never);
  if (!lane_->stores.stores.empty()) fail(lane_->stores.stores.front().site, never);
  const auto index = static_cast<std::size_t>(lane_->thread / kWarpgroupLanes);
  if (index >= cta().warpgroups.size()) return;
  const Warpgroup& group = cta().warpgroups[index];
  if (lane_->products.done < group.issued) fail(group.issued_at, never);
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

ThreadPlace Grid::place() const {
  return {.thread = lane_->thread, .block = cta().block, .grid = launch_.grid, .rank = rank(cta())};
}

}  // namespace ditune::emulation
