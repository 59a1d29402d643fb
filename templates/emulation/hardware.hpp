// The hardware of hardware.cuh on the CPU: CTAs one after another, the threads of a CTA as fibers that take turns at
// barriers and warp-wide operations. Sequential, deterministic, for tiny problems. Copies are done when they are
// issued.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#define DITUNE_DEVICE inline
#define DITUNE_UNROLL
#define DITUNE_NO_UNROLL
// What an emitted stub says to nvcc.
#define __global__
#define __grid_constant__
#define __launch_bounds__(...)

namespace ditune {

using SharedAddress = unsigned;

struct alignas(16) Vec16 {
  unsigned word[4];
};

namespace emulation {

inline constexpr int kWarp = 32;

// What the running thread sees. Set by run_grid before a thread runs.
struct Thread {
  int thread, block, grid;
  unsigned char* shared;  // the CTA's dynamic shared memory
  std::size_t shared_bytes;
  std::byte* exchange;  // the warp's: kWarp slots of kSlotBytes
};
inline constexpr std::size_t kSlotBytes = 64;

Thread& current();
// Blocks until all threads of the CTA, or of the warp, have called it. Throws std::logic_error where some have
// returned.
void block_wait();
void warp_wait();

// Runs kernel() for every thread of `grid` CTAs of `block` threads. Shared memory is filled with 0xa5 before each CTA.
void run_grid(int grid, int block, std::size_t shared_bytes, const std::function<void()>& kernel);

// Address of `bytes` of shared memory. Throws std::out_of_range beyond the end, or if it is not a multiple of `align`.
unsigned char* shared_at(SharedAddress address, std::size_t bytes, std::size_t align);

// `p`, if it is a multiple of `align`. Throws std::out_of_range where a GPU would fault.
const void* global_at(const void* p, std::size_t align);

// What every lane of the warp contributes to a warp-wide operation: lane -> T. Valid until the next operation.
template <class T>
class WarpExchange {
 public:
  static_assert(sizeof(T) <= kSlotBytes);
  explicit WarpExchange(const T& mine) {
    warp_wait();  // the slots' last readers are done
    std::memcpy(current().exchange + lane() * kSlotBytes, &mine, sizeof(T));
    warp_wait();
  }
  static std::size_t lane() { return static_cast<std::size_t>(current().thread % kWarp); }
  T of(int lane) const {
    T value;
    std::memcpy(&value, current().exchange + static_cast<std::size_t>(lane) * kSlotBytes, sizeof(T));
    return value;
  }
};

unsigned short bf16_from_float(float v);
unsigned short f16_from_float(float v);
float float_from_f16(unsigned short v);

}  // namespace emulation

DITUNE_DEVICE int thread_index() { return emulation::current().thread; }
DITUNE_DEVICE unsigned block_index() { return static_cast<unsigned>(emulation::current().block); }
DITUNE_DEVICE unsigned grid_size() { return static_cast<unsigned>(emulation::current().grid); }

DITUNE_DEVICE void block_barrier() { emulation::block_wait(); }
DITUNE_DEVICE void warp_barrier() { emulation::warp_wait(); }
DITUNE_DEVICE void device_fence() {}

DITUNE_DEVICE SharedAddress shared_memory() { return 0; }
template <int Bytes>
DITUNE_DEVICE void shared_store_vec(SharedAddress address, const Vec16& v) {
  std::memcpy(emulation::shared_at(address, Bytes, Bytes), v.word, Bytes);
}
DITUNE_DEVICE void shared_store(SharedAddress address, unsigned v) {
  std::memcpy(emulation::shared_at(address, 4, 4), &v, 4);
}
DITUNE_DEVICE Vec16 shared_load_vec16(SharedAddress address) {
  Vec16 v;
  std::memcpy(v.word, emulation::shared_at(address, 16, 16), 16);
  return v;
}
DITUNE_DEVICE unsigned shared_load(SharedAddress address) {
  unsigned v;
  std::memcpy(&v, emulation::shared_at(address, 4, 4), 4);
  return v;
}

template <class T>
DITUNE_DEVICE T global_load(const T* p) {
  return *p;
}
DITUNE_DEVICE Vec16 global_load_vec16(const void* p) {
  Vec16 v;
  std::memcpy(v.word, emulation::global_at(p, 16), 16);
  return v;
}
DITUNE_DEVICE void prefetch(const void*) {}
template <class T>
DITUNE_DEVICE void global_store(T* p, T value) {
  *p = value;
}
template <int Bytes>
DITUNE_DEVICE void global_store_vec(void* p, const Vec16& v) {
  emulation::global_at(p, Bytes);
  std::memcpy(p, v.word, Bytes);
}
DITUNE_DEVICE Vec16 global_load_l2_vec16(const void* p) { return global_load_vec16(p); }
DITUNE_DEVICE int global_load_acquire(const int* p) { return *p; }
DITUNE_DEVICE int global_atomic_add(int* p, int value) {
  const int old = *p;
  *p += value;
  return old;
}

template <int Bytes>
DITUNE_DEVICE void copy_async(SharedAddress destination, const void* source, bool valid) {
  unsigned char* to = emulation::shared_at(destination, Bytes, Bytes);
  if (valid) {
    std::memcpy(to, emulation::global_at(source, Bytes), Bytes);
  } else {
    std::memset(to, 0, Bytes);
  }
}
DITUNE_DEVICE void copy_async_commit() {}
template <int Pending>
DITUNE_DEVICE void copy_async_wait() {}

DITUNE_DEVICE void load_matrix_x4(unsigned (&r)[4], SharedAddress row) {
  const emulation::WarpExchange<SharedAddress> rows(row);
  const int lane = thread_index() % emulation::kWarp;
  for (int i = 0; i < 4; ++i) {
    const SharedAddress address = rows.of(i * 8 + lane / 4);
    std::memcpy(&r[i], emulation::shared_at(address, 16, 16) + lane % 4 * 4, 4);
  }
}

DITUNE_DEVICE void mma_m16n8k32_s8(int (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  struct Operands {
    std::int8_t a[4][4];
    std::int8_t b[2][4];
  } mine;
  std::memcpy(mine.a, a, sizeof(mine.a));
  std::memcpy(mine.b[0], &b0, 4);
  std::memcpy(mine.b[1], &b1, 4);
  const emulation::WarpExchange<Operands> operands(mine);
  const int lane = thread_index() % emulation::kWarp;
  for (int quad = 0; quad < 4; ++quad) {
    const Operands row = operands.of(lane / 4 * 4 + quad);
    for (int column = 0; column < 2; ++column) {
      const Operands other = operands.of((lane % 4 * 2 + column) * 4 + quad);
      for (int i = 0; i < 4; ++i) {
        d[column] += row.a[0][i] * other.b[0][i] + row.a[2][i] * other.b[1][i];
        d[2 + column] += row.a[1][i] * other.b[0][i] + row.a[3][i] * other.b[1][i];
      }
    }
  }
}

DITUNE_DEVICE float to_float(int v) { return static_cast<float>(v); }
DITUNE_DEVICE float multiply(float a, float b) { return a * b; }
DITUNE_DEVICE float add(float a, float b) { return a + b; }
DITUNE_DEVICE unsigned float_bits(float v) {
  unsigned bits;
  std::memcpy(&bits, &v, 4);
  return bits;
}
DITUNE_DEVICE float float_from_bits(unsigned v) {
  float f;
  std::memcpy(&f, &v, 4);
  return f;
}
DITUNE_DEVICE unsigned pack_bf16(float low, float high) {
  return emulation::bf16_from_float(low) | static_cast<unsigned>(emulation::bf16_from_float(high)) << 16;
}
DITUNE_DEVICE unsigned pack_f16(float low, float high) {
  return emulation::f16_from_float(low) | static_cast<unsigned>(emulation::f16_from_float(high)) << 16;
}
DITUNE_DEVICE float float_from_f16(unsigned short v) { return emulation::float_from_f16(v); }

}  // namespace ditune
