// What emulated hardware does for the threads of a kernel. The wrappers of hardware.hpp are written in these terms and
// emulate.hpp runs them; this interface is all that a compiled kernel and the machine under it share.
#pragma once

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
};

// Who waits for one another at a barrier, and sees afterwards what the others wrote before it.
enum class Scope : unsigned char { warp, block };

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

 protected:
  ~Machine() = default;
};

// The machine that runs the calling OS thread's kernel. A program has one such place; so has each object that
// object.hpp is compiled into.
Machine*& running();

}  // namespace ditune::emulation
