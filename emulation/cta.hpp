// SPDX-License-Identifier: Apache-2.0
// The state of a CTA that runs: its lanes, warps and warpgroups, its memory, and what units do for it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "emulation/async_bytes.hpp"
#include "emulation/fiber.hpp"
#include "emulation/machine.hpp"
#include "emulation/tracked_memory.hpp"
#include "emulation/transaction_barrier.hpp"
#include "emulation/warpgroup_matrix.hpp"

namespace ditune::emulation {

enum class State : unsigned char {
  ready,
  at_warp,
  at_block,
  at_named,
  at_warpgroup,
  at_registers,  // until the CTA has enough of them
  at_cluster,
  at_phase,  // of a transaction barrier
  asleep,    // until global memory changes
  ended,
};

// Bytes that a thread wrote and that are not there for all yet.
struct Write {
  TrackedMemory* memory;
  std::size_t offset;
  unsigned bytes;
  unsigned writer;
};

struct Copy {
  unsigned to;
  unsigned bytes;
  unsigned char data[16];
  Site site;
};

struct Lane;
struct Warp;
struct Cta;

// Bulk copies under way.
struct BulkLoad {
  Lane* lane;  // that issued it
  Site site;
  Cta* to;
  unsigned address, barrier;
  std::vector<unsigned char> data;
};
struct BulkStore {
  struct Piece {
    TrackedMemory* memory;
    std::size_t offset;
    unsigned from, bytes;
  };
  Lane* lane;
  Site site;
  unsigned from, bytes;
  std::vector<Piece> pieces;
  bool landed = false;
};

// async_fences that a lane made, and those of them that others know of.
struct AsyncFences {
  unsigned made = 0, known_in_warp = 0, known_in_block = 0;
};

struct StoreGroups {
  std::deque<BulkStore> stores;  // not waited for, oldest first
  std::deque<unsigned> groups;   // how many of them each committed group has
  unsigned uncommitted = 0;
};

// A lane's part in its warpgroup's products, which are counted from the first on.
struct ProductGroups {
  unsigned fences = 0;
  std::deque<std::uint64_t> groups;  // how many products there were at each commit
  std::uint64_t done = 0;            // that are waited for
};

struct Lane {
  static constexpr std::size_t kStackBytes = 128 * 1024;

  Lane(const Stacks& stacks, std::size_t index) : fiber(stacks, index) {}

  Fiber fiber;
  Warp* warp = nullptr;
  int thread = 0;   // in the CTA
  unsigned id = 0;  // in the grid
  State state = State::ready;
  bool prerequisites = false;  // of the launch, have been waited for
  Site site{};                 // where it waits
  int named = 0;               // for which named barrier
  unsigned awaited = 0;        // or transaction barrier
  unsigned exchanges = 0;
  std::vector<Write> writes;    // since its last block barrier
  std::size_t in_warp = 0;      // the first of them that its warp does not see yet
  std::size_t most_writes = 0;  // before those that repeat others are left out
  std::deque<Copy> copies;      // not brought yet, oldest first
  std::deque<unsigned> groups;  // how many of them each committed group has
  unsigned uncommitted = 0;
  AsyncFences async_fences;
  StoreGroups stores;
  ProductGroups products;
  const int* polled = nullptr;  // what its last atomic read was of,
  std::uint64_t polled_at = 0;  // and the version of memory then
};

struct Warp {
  Cta* cta = nullptr;
  int index = 0;  // in the CTA
  std::array<Lane*, kWarp> lanes{};
  int waiting = 0;  // lanes that have come to
  Site site{};      // where all of them must come
  int speed = 1;    // turns that it gets for one of the slowest
  std::vector<unsigned char> slots = std::vector<unsigned char>(2 * kWarp * kSlotBytes);  // of two exchanges
};

// d of products: 64 x n of int32, spread over the registers of a warpgroup.
struct Accumulators {
  std::array<int*, kWarpgroupLanes> registers{};  // of each lane
  int n = 0;
  std::vector<int> value = {};                        // row-major
  std::uint64_t last = 0;                             // of the products that have it
  std::array<bool, kWarpgroupLanes> away = {};        // the lane's registers are poison until it waits
  std::array<unsigned, kWarpgroupLanes> fences = {};  // that the lane had made when they came back
};

struct Warpgroup {
  int waiting = 0;
  Site site{};
  int registers = 0;  // of a thread
  int lacks = 0;      // that the CTA does not have for it
  std::array<MatrixProduct, kWarpgroupLanes> asked{};
  std::deque<MatrixProduct> reading;   // products that nobody has waited for, oldest first
  std::uint64_t issued = 0, done = 0;  // products; their difference are those
  Site issued_at{};
  std::vector<Accumulators> accumulators;
};

struct NamedBarrier {
  int threads = 0;           // that the first one asked for
  std::vector<Warp*> warps;  // that have come, with all lanes
};

// A transaction barrier and what becomes visible when its phase is over.
struct SharedBarrier {
  TransactionBarrier barrier;
  unsigned initialized_by;  // a thread
  bool fenced = false;      // for units, and for other CTAs
  bool known_in_cluster = false;
  std::vector<Write> writes = {};                             // of the threads that arrived
  std::vector<std::pair<Lane*, unsigned>> async_fences = {};  // that they knew of
  std::vector<BulkLoad> landed = {};
};

struct Cta {
  explicit Cta(int threads) : stacks(static_cast<std::size_t>(threads), Lane::kStackBytes) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(threads); ++i)
      lanes.push_back(std::make_unique<Lane>(stacks, i));
  }

  Stacks stacks;
  int block = 0;
  int ordinal = 0;          // among the resident ones
  std::vector<Cta*> mates;  // of its cluster, by rank; itself too
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<Warp> warps;
  std::vector<Warpgroup> warpgroups;
  int waiting = 0;             // threads at the block's barrier,
  int waiting_in_cluster = 0;  // and at the cluster's
  int ended = 0;
  int spare_registers = 0;  // that warpgroups gave back
  std::vector<unsigned char> bytes;
  std::optional<TrackedMemory> shared;
  std::optional<AsyncBytes> async;  // of the same bytes
  std::vector<Write> writes;        // to global memory, there for the block and not fenced
  std::array<NamedBarrier, 16> named;
  std::map<unsigned, SharedBarrier> barriers;  // by shared address

  bool over() const { return ended == static_cast<int>(lanes.size()); }
};

}  // namespace ditune::emulation
