// SPDX-License-Identifier: Apache-2.0
// What emulated hardware does for the threads of a kernel. The wrappers of hardware.hpp are written in these terms and
// emulate.hpp runs them; this interface is all that a compiled kernel and the machine under it share.
#pragma once

namespace ditune {
struct TensorMapSpec;
}

namespace ditune::emulation {

inline constexpr int kWarp = 32;            // lanes
inline constexpr unsigned kSlotBytes = 64;  // that a lane can give to an exchange

// A call of a wrapper in a kernel's source.
struct Site {
  const char* wrapper;  // "load_matrix_x4"
  const char* file;
  int line;
};

// Which thread is running. Threads of a CTA and CTAs of a grid are counted along one dimension.
struct ThreadPlace {
  int thread, block, grid;
  int rank;  // of the CTA in its cluster
};

// Who waits for one another at a barrier, and sees afterwards what the others wrote before it.
enum class Scope : unsigned char { warp, block, cluster };

// One product of a warpgroup's matrices, as each of its lanes asks for it: d, of which the lane has n / 2 registers, is
// a * b (+ d), 64 x n of int32, of 64 x 32 and n x 32 int8 where the descriptors say.
struct MatrixProduct {
  int* d;
  int n;
  unsigned long long a, b;
  bool accumulate;
};

// A box of a matrix, from (row, column) on, that a unit brings to shared memory.
struct BoxLoad {
  unsigned to;
  const TensorMapSpec& map;
  int row, column;
  unsigned barrier;
  unsigned ranks;  // a bit for each CTA of the cluster that gets it
};

// What a kernel says of its launches, for which the compiler leaves registers. None: 0 CTAs.
struct LaunchBounds {
  int threads = 0;
  int ctas_per_sm = threads > 0 ? 1 : 0;
};

// A fault ends the launch: the call that found it does not return. Accesses are of 1 to 16 bytes, aligned to their
// size.
class Machine {
 public:
  virtual ThreadPlace place() const = 0;

  // All threads of the scope have come here. Those of a warp must come to the same site.
  virtual void barrier(Scope scope, const Site& site) = 0;
  // All lanes of the warp have come here, each with up to kSlotBytes: lane l's begin at l * kSlotBytes of what is
  // returned, until this lane's next exchange. Orders no memory.
  virtual const unsigned char* exchange(const void* mine, unsigned bytes, const Site& site) = 0;

  // Shared memory. What a thread wrote is there for others once both came to a barrier.
  virtual void shared_read(void* to, unsigned from, unsigned bytes, const Site& site) = 0;
  virtual void shared_write(unsigned to, const void* from, unsigned bytes, const Site& site) = 0;

  // Global memory. What a thread wrote is there for other CTAs once it, or a thread behind a barrier, has fenced.
  virtual void constant_read(void* to, const void* from, unsigned bytes, const Site& site) = 0;  // of an input alone
  virtual void global_read(void* to, const void* from, unsigned bytes, const Site& site) = 0;
  virtual void global_write(void* to, const void* from, unsigned bytes, const Site& site) = 0;
  virtual void global_touch(const void* address, const Site& site) = 0;  // an address, no data
  virtual void fence(const Site& site) = 0;
  // Seen by all at once. A thread that reads the same value in the same place again sleeps until global memory changes.
  virtual int atomic_read(const int* from, const Site& site) = 0;
  // *to = combine(*to, operand), returns what was there.
  virtual int atomic_update(int* to, int operand, int (*combine)(int, int), const Site& site) = 0;

  // Asynchronous copies from global to shared memory. Until a wait brings them, their bytes are nobody's to read or
  // write. `from` null: zeros.
  virtual void copy(unsigned to, const void* from, unsigned bytes, const Site& site) = 0;
  virtual void commit_copies() = 0;                // the running thread's copies since the last commit: a group
  virtual void wait_copies(unsigned pending) = 0;  // brings all of its groups but the last `pending`

  // In a dependent launch: before it, global memory is not the thread's to touch.
  virtual void wait_for_prerequisites() = 0;

  // `threads` threads of the CTA, whole warps, have come to barrier `id` (1 to 15).
  virtual void named_barrier(int id, int threads, const Site& site) = 0;
  // All lanes of the warpgroup (four warps, the first of them a multiple of four) have come here, and have so many
  // registers each from now on: the CTA gets back what they had more, or gives what they lack once it has that. Orders
  // no memory.
  virtual void raise_registers(int registers, const Site& site) = 0;
  virtual void lower_registers(int registers, const Site& site) = 0;

  // Transaction barriers, 8 bytes of shared memory each. A phase is over once all arrivals are made and all bytes that
  // they expect have come; then these bytes, and what the arriving threads wrote before, are there for the CTA.
  virtual void transaction_init(unsigned barrier, int arrivals, const Site& site) = 0;
  virtual void transaction_init_fence(const Site& site) = 0;
  virtual void transaction_arrive(unsigned barrier, int bytes, const Site& site) = 0;    // expects `bytes` more
  virtual void transaction_arrive_at(unsigned barrier, int rank, const Site& site) = 0;  // of that CTA; orders nothing
  // Until the phase that is not over has the other parity.
  virtual void transaction_wait(unsigned barrier, unsigned parity, const Site& site) = 0;

  // Bulk copies, which a unit makes on its own. What a thread wrote to shared memory is there for units once it has
  // fenced, and so may a load overwrite what it wrote or read; until a store is waited for, its bytes must not be
  // written.
  virtual void async_fence(const Site& site) = 0;
  virtual void load_box(const BoxLoad& load, const Site& site) = 0;
  virtual void load_bytes(unsigned to, const void* from, unsigned bytes, unsigned barrier, const Site& site) = 0;
  virtual void store_box(const TensorMapSpec& map, int row, int column, unsigned from, const Site& site) = 0;
  virtual void commit_stores() = 0;
  virtual void wait_stores(unsigned pending) = 0;

  // Warpgroups' products. Until a wait brings them, d's registers are poison and a's and b's bytes must not be written.
  virtual void multiply(const MatrixProduct& product, const Site& site) = 0;
  virtual void fence_products(const Site& site) = 0;  // the lane has done with its registers
  virtual void commit_products(const Site& site) = 0;
  virtual void wait_products(unsigned pending, const Site& site) = 0;

 protected:
  ~Machine() = default;
};

// The machine that runs the calling OS thread's kernel. A program has one such place; so has each object that
// object.hpp is compiled into.
Machine*& running();

}  // namespace ditune::emulation
