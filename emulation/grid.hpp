// SPDX-License-Identifier: Apache-2.0
// One launch while it runs: its resident CTAs, and whose turn it is.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "emulation/bank_conflicts.hpp"
#include "emulation/cta.hpp"
#include "emulation/emulate.hpp"
#include "emulation/fiber.hpp"
#include "emulation/global_memory.hpp"
#include "emulation/machine.hpp"

namespace ditune::emulation {

class Grid final : public Machine {
 public:
  Grid(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread);
  Report run();

  ThreadPlace place() const override;
  void barrier(Scope scope, const Site& site) override;
  const unsigned char* exchange(const void* mine, unsigned bytes, const Site& site) override;
  void shared_read(void* to, unsigned from, unsigned bytes, const Site& site) override;
  void shared_write(unsigned to, const void* from, unsigned bytes, const Site& site) override;
  void constant_read(void* to, const void* from, unsigned bytes, const Site& site) override;
  void global_read(void* to, const void* from, unsigned bytes, const Site& site) override;
  void global_write(void* to, const void* from, unsigned bytes, const Site& site) override;
  void global_touch(const void* address, const Site& site) override;
  void fence(const Site& site) override;
  int atomic_read(const int* from, const Site& site) override;
  int atomic_update(int* to, int operand, int (*combine)(int, int), const Site& site) override;
  void copy(unsigned to, const void* from, unsigned bytes, const Site& site) override;
  void commit_copies() override;
  void wait_copies(unsigned pending) override;
  void wait_for_prerequisites() override;
  void named_barrier(int id, int threads, const Site& site) override;
  void raise_registers(int registers, const Site& site) override;
  void lower_registers(int registers, const Site& site) override;
  void transaction_init(unsigned barrier, int arrivals, const Site& site) override;
  void transaction_init_fence(const Site& site) override;
  void transaction_arrive(unsigned barrier, int bytes, const Site& site) override;
  void transaction_arrive_at(unsigned barrier, int rank, const Site& site) override;
  void transaction_wait(unsigned barrier, unsigned parity, const Site& site) override;
  void async_fence(const Site& site) override;
  void load_box(const BoxLoad& asked, const Site& site) override;
  void load_bytes(unsigned to, const void* from, unsigned bytes, unsigned barrier, const Site& site) override;
  void store_box(const TensorMapSpec& map, int row, int column, unsigned from, const Site& site) override;
  void commit_stores() override;
  void wait_stores(unsigned pending) override;
  void multiply(const MatrixProduct& product, const Site& site) override;
  void fence_products(const Site& site) override;
  void commit_products(const Site& site) override;
  void wait_products(unsigned pending, const Site& site) override;

 private:
  struct Stop {};  // ends the thread that has found a fault

  // ---- turns (grid.cpp)
  void admit();
  Cta& seat();
  void start(Cta& cta, int block);
  Warp* pick();
  void retire();
  static void enter(void* grid);
  void run_warp(const Warp& warp);
  static void caught(void* grid, int signal);
  Fiber& next();
  void leave(State state);
  void end_turn();
  void check_finished();

  // ---- faults (grid_faults.cpp)
  std::string stuck() const;
  std::string sentence(const Lane& lane, const Site& site, const std::string& what) const;
  // Where no wrapper was called: tells the last one that the lane waited at.
  std::string sentence(const Lane& lane, const std::string& what) const;
  std::string endless() const;
  [[noreturn]] void fail(const Site& site, const std::string& what);

  // ---- meetings (grid_meetings.cpp)
  // The lanes of the warp that wait in the same way wait at the same site.
  void check_together(State state, const Site& site);
  void meet_in_warp(const Site& site, bool orders_memory);
  void meet_in_block(const Site& site);
  void meet_in_cluster(const Site& site);
  bool complete_cluster_meeting(Cta& cta);
  Warpgroup& warpgroup(const Site& site);
  bool come_to_warpgroup(const Site& site);  // the last of its lanes
  void leave_warpgroup();
  int registers_at_launch() const;  // of a thread
  Warpgroup& registers_of_warpgroup(const Site& site);

  // ---- memory (grid_memory.cpp)
  // These two fail with a sentence that begins with `verb`, "reads".
  void check_shared(const char* verb, unsigned address, unsigned bytes, const Site& site);
  GlobalMemory::Place check_global(const char* verb, const void* address, unsigned bytes, bool writes,
                                   const Site& site);
  void keep(TrackedMemory& memory, std::size_t offset, unsigned bytes);
  void publish(Cta& cta, std::span<const Write> writes);  // to the block
  void publish_lane(Lane& lane);                          // likewise
  void publish_warp(Warp& warp);
  void publish_block(Cta& cta);
  void publish_cluster(std::span<Cta* const> ctas);
  void memory_changed();
  void note_output(const TrackedMemory& memory, std::size_t offset);  // before it is written
  void count_access(const Site& site);
  // Before shared memory is written by whatever means.
  void check_free(const char* verb, Cta& cta, unsigned address, unsigned bytes, const Site& site);
  // How many of a lane's async_fences the running lane knows of.
  unsigned known_fences(const Lane& of) const;
  // A thread wrote the byte, and the running lane knows of no fence since.
  bool unfenced(const Cta& cta, std::size_t at) const;
  // Why bytes of this CTA's shared memory are not there for a unit that the running lane commands.
  std::optional<std::string> hidden_from_units(unsigned address, unsigned bytes);

  // ---- transaction barriers (grid_transactions.cpp)
  // That a thread of its CTA may use it; and that another CTA or a unit may.
  SharedBarrier& barrier_at(Cta& cta, unsigned address, const Site& site);
  void check_reachable(const Cta& cta, const SharedBarrier& barrier, unsigned address, const Site& site);
  void arrive(Cta& cta, unsigned address, SharedBarrier& barrier, int bytes, const Site& site);
  void end_phase(Cta& cta, unsigned address, SharedBarrier& barrier);

  // ---- bulk copies (grid_bulk_copies.cpp)
  void check_bulk(const char* verb, unsigned address, unsigned bytes, unsigned alignment, const Site& site);
  void check_handed_over(const Cta& cta, unsigned address, unsigned bytes, const Site& site);
  void issue(BulkLoad load);
  void land_any();
  void land(BulkLoad load);
  void land(BulkStore& store);

  // ---- warpgroups' products (grid_products.cpp)
  void check_operand(const char* name, unsigned long long descriptor, int rows, const Site& site);
  std::vector<signed char> operand(unsigned long long descriptor, int rows) const;
  void hold_operands(const MatrixProduct& product, bool held);
  void check_registers(const Warpgroup& group, const MatrixProduct& product, const Site& site);
  Accumulators& accumulators(Warpgroup& group, const Site& site);
  void issue(Warpgroup& group, const Site& site);

  Cta& cta() const { return *lane_->warp->cta; }
  int rank(const Cta& cta) const { return cta.block % launch_.cluster; }
  int warp_number(const Warp& warp) const { return warp.cta->ordinal * (launch_.block / kWarp) + warp.index; }

  const Launch& launch_;
  const std::function<void()>& thread_;
  GlobalMemory memory_;
  BankConflicts conflicts_;
  std::mt19937_64 random_;
  unsigned turns_per_landing_;
  std::vector<int> waiting_clusters_;  // not started, the next one last
  std::vector<std::unique_ptr<Cta>> resident_;
  std::vector<std::unique_ptr<Cta>> spare_;  // ended ones, whose stacks serve again
  Fiber scheduler_;
  Lane* lane_ = nullptr;            // that runs
  std::vector<BulkLoad> loads_;     // under way, as are
  std::vector<BulkStore*> stores_;  // which their lanes have
  long long box_bytes_ = 0;         // asked for so far
  std::uint64_t version_ = 1;       // of global memory
  int asleep_ = 0;
  long long turns_ = 0;     // since a thread began or ended or wrote output where there was none,
  long long most_turns_;    // and how many there may be
  long long accesses_ = 0;  // in this turn
  bool in_kernel_ = false;
  int signal_ = 0;  // that the kernel raised
  std::string fault_;
  std::exception_ptr exception_;
};

}  // namespace ditune::emulation
