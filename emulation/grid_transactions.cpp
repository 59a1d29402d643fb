// SPDX-License-Identifier: Apache-2.0
// Transaction barriers: who may use them, and what the end of a phase brings.
#include <cstring>

#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr unsigned kBarrierBytes = 8;
constexpr unsigned char kBarrierImage[kBarrierBytes] = {0xb7, 0xb7, 0xb7, 0xb7, 0xb7, 0xb7, 0xb7, 0xb7};

std::string name(unsigned address) { return "the transaction barrier at shared address " + std::to_string(address); }

}  // namespace

void Grid::transaction_init(unsigned address, int arrivals, const Site& site) {
  Cta& block = cta();
  check_shared("initializes", address, kBarrierBytes, site);
  check_free("initializes", block, address, kBarrierBytes, site);
  if (arrivals < 1 || arrivals > TransactionBarrier::kMost)
    fail(site, "initializes " + name(address) + " for " + std::to_string(arrivals) + " arrivals");
  if (block.barriers.contains(address)) fail(site, "initializes " + name(address) + ", which is one already");
  block.barriers.emplace(address, SharedBarrier{TransactionBarrier(arrivals), lane_->id});
  block.shared->write(address, kBarrierImage, kBarrierBytes, lane_->id, Visible::thread);
  keep(*block.shared, address, kBarrierBytes);
}

void Grid::transaction_init_fence(const Site&) {
  for (auto& [address, barrier] : cta().barriers)
    if (barrier.initialized_by == lane_->id) barrier.fenced = true;
}

SharedBarrier& Grid::barrier_at(Cta& cta, unsigned address, const Site& site) {
  const auto found = cta.barriers.find(address);
  if (found == cta.barriers.end()) fail(site, "uses " + name(address) + ", which is not initialized");
  if (const auto why = cta.shared->hidden(address, kBarrierBytes, lane_->id))
    fail(site, "uses " + name(address) + ", " + *why);
  if (std::memcmp(cta.shared->data() + address, kBarrierImage, kBarrierBytes) != 0)
    fail(site, "uses " + name(address) + ", which was overwritten");
  return found->second;
}

void Grid::check_reachable(const Cta& cta, const SharedBarrier& barrier, unsigned address, const Site& site) {
  const bool remote = &cta != lane_->warp->cta;
  if (!barrier.fenced) fail(site, "uses " + name(address) + ", initialized with no transaction_init_fence since");
  if (remote && !barrier.known_in_cluster)
    fail(site, "uses " + name(address) + " of block " + std::to_string(cta.block) +
                   ", initialized with no cluster_barrier since");
}

void Grid::transaction_arrive(unsigned address, int bytes, const Site& site) {
  SharedBarrier& barrier = barrier_at(cta(), address, site);
  barrier.writes.insert(barrier.writes.end(), lane_->writes.begin(), lane_->writes.end());
  for (Lane* lane : lane_->warp->lanes)
    if (const unsigned known = known_fences(*lane); known > lane->async_fences.known_in_block)
      barrier.async_fences.emplace_back(lane, known);
  arrive(cta(), address, barrier, bytes, site);
}

void Grid::transaction_arrive_at(unsigned address, int rank, const Site& site) {
  if (rank < 0 || rank >= launch_.cluster)
    fail(site, "signals CTA " + std::to_string(rank) + " of a cluster of " + std::to_string(launch_.cluster));
  Cta& target = *cta().mates[static_cast<std::size_t>(rank)];
  if (target.over()) fail(site, "signals block " + std::to_string(target.block) + ", which has ended");
  SharedBarrier& barrier = barrier_at(target, address, site);
  check_reachable(target, barrier, address, site);
  arrive(target, address, barrier, 0, site);
}

void Grid::arrive(Cta& cta, unsigned address, SharedBarrier& barrier, int bytes, const Site& site) {
  if (const std::string wrong = barrier.barrier.arrive(bytes); !wrong.empty())
    fail(site, "brings " + name(address) + ' ' + wrong);
  if (barrier.barrier.phase_over()) end_phase(cta, address, barrier);
  if (random_() % 2 == 0) end_turn();  // who waited for it may go on before this thread does anything else
}

void Grid::end_phase(Cta& cta, unsigned address, SharedBarrier& barrier) {
  barrier.barrier.next_phase();
  publish(cta, barrier.writes);
  for (const auto& [lane, fences] : barrier.async_fences) {
    AsyncFences& of = lane->async_fences;
    of.known_in_warp = std::max(of.known_in_warp, fences);
    of.known_in_block = std::max(of.known_in_block, fences);
  }
  for (const BulkLoad& load : barrier.landed) {
    const auto bytes = static_cast<unsigned>(load.data.size());
    cta.shared->write(load.address, load.data.data(), bytes, load.lane->id, Visible::all);
    cta.async->brought(load.address, bytes);
  }
  barrier.writes.clear();
  barrier.async_fences.clear();
  barrier.landed.clear();
  for (const auto& lane : cta.lanes)
    if (lane->state == State::at_phase && lane->awaited == address) lane->state = State::ready;
}

// Looked at again after each phase: a thread that comes too late for one waits for the next but one.
void Grid::transaction_wait(unsigned address, unsigned parity, const Site& site) {
  if (parity > 1) fail(site, "waits for a phase of parity " + std::to_string(parity));
  const SharedBarrier& barrier = barrier_at(cta(), address, site);
  while (barrier.barrier.parity() == parity) {
    lane_->site = site;
    lane_->awaited = address;
    leave(State::at_phase);
  }
}

}  // namespace ditune::emulation
