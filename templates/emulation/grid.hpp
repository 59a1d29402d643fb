// One launch while it runs: its resident CTAs, and whose turn it is.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "emulation/bank_conflicts.hpp"
#include "emulation/emulate.hpp"
#include "emulation/fiber.hpp"
#include "emulation/global_memory.hpp"
#include "emulation/machine.hpp"
#include "emulation/tracked_memory.hpp"

namespace ditune::emulation {

enum class State : unsigned char { ready, at_warp, at_block, asleep, ended };

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

struct Warp;

struct Lane {
  static constexpr std::size_t kStackBytes = 128 * 1024;

  Fiber fiber{kStackBytes};
  Warp* warp = nullptr;
  int thread = 0;   // in the CTA
  unsigned id = 0;  // in the grid
  State state = State::ready;
  Site site{};  // where it waits
  unsigned exchanges = 0;
  std::vector<Write> writes;    // since its last block barrier
  std::deque<Copy> copies;      // not brought yet, oldest first
  std::deque<unsigned> groups;  // how many of them each committed group has
  unsigned uncommitted = 0;
  const int* polled = nullptr;  // what its last atomic read was of,
  std::uint64_t polled_at = 0;  // and the version of memory then
};

struct Cta;

struct Warp {
  Cta* cta = nullptr;
  int index = 0;  // in the CTA
  std::array<Lane*, kWarp> lanes{};
  int waiting = 0;  // lanes that have come to
  Site site{};      // where all of them must come
  int speed = 1;    // turns that it gets for one of the slowest
  std::vector<unsigned char> slots = std::vector<unsigned char>(2 * kWarp * kSlotBytes);  // of two exchanges
};

struct Cta {
  int block = 0;
  int ordinal = 0;  // among the resident ones
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<Warp> warps;
  int waiting = 0;  // threads at the block's barrier
  int ended = 0;
  std::vector<unsigned char> bytes;
  std::optional<TrackedMemory> shared;
  std::vector<Write> writes;  // to global memory, there for the block and not fenced
};

class Grid final : public Machine {
 public:
  Grid(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread);
  Report run();

  ThreadPlace place() const override;
  void barrier(Scope scope, const Site& site) override;
  const unsigned char* exchange(const void* mine, unsigned bytes, const Site& site) override;
  void shared_read(void* to, unsigned from, unsigned bytes, const Site& site) override;
  void shared_write(unsigned to, const void* from, unsigned bytes, const Site& site) override;
  void global_read(void* to, const void* from, unsigned bytes, const Site& site) override;
  void global_write(void* to, const void* from, unsigned bytes, const Site& site) override;
  void global_touch(const void* address, const Site& site) override;
  void fence(const Site& site) override;
  int atomic_read(const int* from, const Site& site) override;
  int atomic_update(int* to, int operand, int (*combine)(int, int), const Site& site) override;
  void copy(unsigned to, const void* from, unsigned bytes, const Site& site) override;
  void commit_copies() override;
  void wait_copies(unsigned pending) override;

 private:
  struct Stop {};  // ends the thread that has found a fault

  // ---- turns (grid.cpp)
  void admit();
  void start(Cta& cta, int block);
  Warp* pick();
  void retire();
  static void enter(void* grid);
  Fiber& next();
  void leave(State state);
  void end_turn();
  void meet_in_warp(const Site& site, bool orders_memory);
  void meet_in_block(const Site& site);
  std::string stuck() const;
  std::string sentence(const Lane& lane, const Site& site, const std::string& what) const;
  [[noreturn]] void fail(const Site& site, const std::string& what);

  // ---- memory (grid_memory.cpp)
  // These two fail with a sentence that begins with `verb`, "reads".
  void check_shared(const char* verb, unsigned address, unsigned bytes, const Site& site);
  GlobalMemory::Place check_global(const char* verb, const void* address, unsigned bytes, bool writes,
                                   const Site& site);
  void keep(TrackedMemory& memory, std::size_t offset, unsigned bytes);
  void publish_warp(Warp& warp);
  void publish_block(Cta& cta);
  void memory_changed();

  Cta& cta() { return *lane_->warp->cta; }
  int warp_number(const Warp& warp) const { return warp.cta->ordinal * (launch_.block / kWarp) + warp.index; }

  const Launch& launch_;
  const std::function<void()>& thread_;
  GlobalMemory memory_;
  BankConflicts conflicts_;
  std::mt19937_64 random_;
  std::vector<int> waiting_blocks_;  // not started, the next one last
  std::vector<std::unique_ptr<Cta>> resident_;
  std::vector<std::unique_ptr<Cta>> spare_;  // ended ones, whose stacks serve again
  Fiber scheduler_;
  Lane* lane_ = nullptr;       // that runs
  std::uint64_t version_ = 1;  // of global memory
  int asleep_ = 0;
  std::string fault_;
  std::exception_ptr exception_;
};

}  // namespace ditune::emulation
