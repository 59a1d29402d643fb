// SPDX-License-Identifier: Apache-2.0
// The hardware of hardware.cuh on the CPU. What an instruction does is written here, lane by lane; what the machine
// under it does is behind machine.hpp.
#pragma once

// Each kernel's object compiles this anew: <algorithm> or <cmath> alone would take half of the time.
#include <cstring>
#include <source_location>

#include "emulation/machine.hpp"
#include "emulation/numbers.hpp"

#define DITUNE_DEVICE inline
#define DITUNE_DEVICE_CALL inline
#define DITUNE_UNROLL
#define DITUNE_NO_UNROLL
#define DITUNE_ASSUME(condition)  // nothing: what is wrong about it is seen
// What an emitted stub says to nvcc.
#define __global__
#define __grid_constant__
// Kept for object.hpp: this ends a declaration, says the bounds, and begins the kernel's own.
#define __launch_bounds__(...)                       \
  ditune_has_launch_bounds();                        \
  namespace ditune::emulation::stub {                \
  constexpr LaunchBounds kLaunchBounds{__VA_ARGS__}; \
  }                                                  \
  extern "C" void

namespace ditune {

using SharedAddress = unsigned;

struct alignas(16) Vec16 {
  unsigned word[4];
};

namespace emulation {

using Where = std::source_location;

inline Machine& machine() { return *running(); }
inline Site site(const char* wrapper, const Where& where) {
  return {wrapper, where.file_name(), static_cast<int>(where.line())};
}

// What every lane of the warp brought to one instruction.
template <class T>
class WarpExchange {
 public:
  static_assert(sizeof(T) <= kSlotBytes);
  WarpExchange(const T& mine, const Site& site) : slots_(machine().exchange(&mine, sizeof(T), site)) {}
  T of(int lane) const {
    T value;
    std::memcpy(&value, slots_ + static_cast<unsigned>(lane) * kSlotBytes, sizeof(T));
    return value;
  }

 private:
  const unsigned char* slots_;
};

}  // namespace emulation

// Every wrapper, those of hopper.hpp too, takes its caller's place in the source last.
#define DITUNE_WHERE const emulation::Where& where = emulation::Where::current()
#define DITUNE_SITE emulation::site(__func__, where)

inline int thread_index() { return emulation::machine().place().thread; }
inline unsigned block_index() { return static_cast<unsigned>(emulation::machine().place().block); }
inline unsigned grid_size() { return static_cast<unsigned>(emulation::machine().place().grid); }

inline void block_barrier(DITUNE_WHERE) { emulation::machine().barrier(emulation::Scope::block, DITUNE_SITE); }
inline void warp_barrier(DITUNE_WHERE) { emulation::machine().barrier(emulation::Scope::warp, DITUNE_SITE); }
inline void device_fence(DITUNE_WHERE) { emulation::machine().fence(DITUNE_SITE); }

template <class T>
inline T shuffle_xor(T v, int mask, DITUNE_WHERE) {
  const emulation::WarpExchange<T> lanes(v, DITUNE_SITE);
  return lanes.of((thread_index() % emulation::kWarp) ^ mask);
}

inline unsigned warp_largest(unsigned v, DITUNE_WHERE) {
  const emulation::WarpExchange<unsigned> lanes(v, DITUNE_SITE);
  unsigned largest = v;
  for (int lane = 0; lane < emulation::kWarp; ++lane) largest = largest < lanes.of(lane) ? lanes.of(lane) : largest;
  return largest;
}

inline SharedAddress shared_memory() { return 0; }
template <int Bytes>
inline void shared_store_vec(SharedAddress address, const Vec16& v, DITUNE_WHERE) {
  emulation::machine().shared_write(address, v.word, Bytes, DITUNE_SITE);
}
inline void shared_store(SharedAddress address, unsigned v, DITUNE_WHERE) {
  emulation::machine().shared_write(address, &v, 4, DITUNE_SITE);
}
inline void shared_store_half(SharedAddress address, unsigned short v, DITUNE_WHERE) {
  emulation::machine().shared_write(address, &v, 2, DITUNE_SITE);
}
inline Vec16 shared_load_vec16(SharedAddress address, DITUNE_WHERE) {
  Vec16 v;
  emulation::machine().shared_read(v.word, address, 16, DITUNE_SITE);
  return v;
}
inline unsigned shared_load(SharedAddress address, DITUNE_WHERE) {
  unsigned v;
  emulation::machine().shared_read(&v, address, 4, DITUNE_SITE);
  return v;
}

template <class T>
inline T global_load(const T* p, DITUNE_WHERE) {
  T v;
  emulation::machine().constant_read(&v, p, sizeof(T), DITUNE_SITE);
  return v;
}
inline Vec16 global_load_vec16(const void* p, DITUNE_WHERE) {
  Vec16 v;
  emulation::machine().constant_read(v.word, p, 16, DITUNE_SITE);
  return v;
}
template <class T>
inline T global_read(const T* p, DITUNE_WHERE) {
  T v;
  emulation::machine().global_read(&v, p, sizeof(T), DITUNE_SITE);
  return v;
}
template <int Bytes>
inline Vec16 global_read_vec(const void* p, DITUNE_WHERE) {
  Vec16 v{};
  emulation::machine().global_read(v.word, p, Bytes, DITUNE_SITE);
  return v;
}
inline void prefetch(const void* p, DITUNE_WHERE) { emulation::machine().global_touch(p, DITUNE_SITE); }
template <class T>
inline void global_store(T* p, T value, DITUNE_WHERE) {
  emulation::machine().global_write(p, &value, sizeof(T), DITUNE_SITE);
}
template <int Bytes>
inline void global_store_vec(void* p, const Vec16& v, DITUNE_WHERE) {
  emulation::machine().global_write(p, v.word, Bytes, DITUNE_SITE);
}
inline Vec16 global_load_l2_vec16(const void* p, DITUNE_WHERE) {
  Vec16 v;
  emulation::machine().global_read(v.word, p, 16, DITUNE_SITE);
  return v;
}
inline int global_load_acquire(const int* p, DITUNE_WHERE) { return emulation::machine().atomic_read(p, DITUNE_SITE); }
inline int global_atomic_add(int* p, int value, DITUNE_WHERE) {
  return emulation::machine().atomic_update(
      p, value, [](int a, int b) { return a + b; }, DITUNE_SITE);
}

template <int Bytes>
inline void copy_async(SharedAddress destination, const void* source, bool valid, DITUNE_WHERE) {
  emulation::machine().copy(destination, valid ? source : nullptr, Bytes, DITUNE_SITE);
}
inline void copy_async_commit() { emulation::machine().commit_copies(); }
template <int Pending>
inline void copy_async_wait() {
  emulation::machine().wait_copies(Pending);
}

// A lane reads the row whose address it gives, and hands it round.
inline void load_matrix_x4(unsigned (&r)[4], SharedAddress row, DITUNE_WHERE) {
  Vec16 mine;
  emulation::machine().shared_read(mine.word, row, 16, DITUNE_SITE);
  const emulation::WarpExchange<Vec16> rows(mine, DITUNE_SITE);
  const int lane = thread_index() % emulation::kWarp;
  for (int i = 0; i < 4; ++i) r[i] = rows.of(i * 8 + lane / 4).word[lane % 4];
}

inline void mma_m16n8k32_s8(int (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, DITUNE_WHERE) {
  struct Operands {
    signed char a[4][4];
    signed char b[2][4];
  } mine;
  std::memcpy(mine.a, a, sizeof(mine.a));
  std::memcpy(mine.b[0], &b0, 4);
  std::memcpy(mine.b[1], &b1, 4);
  const emulation::WarpExchange<Operands> operands(mine, DITUNE_SITE);
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

inline float to_float(int v) { return static_cast<float>(v); }
inline float multiply(float a, float b) { return a * b; }
inline float add(float a, float b) { return a + b; }
inline float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float divide(float a, float b) { return a / b; }
inline float square_root(float v) { return __builtin_sqrtf(v); }
inline float absolute(float v) { return emulation::float_of(emulation::bits_of(v) & 0x7fffffff); }
inline float maximum(float a, float b) { return emulation::maximum(a, b); }
inline float minimum(float a, float b) { return -emulation::maximum(-a, -b); }
inline unsigned float_bits(float v) { return emulation::bits_of(v); }
inline float float_from_bits(unsigned v) { return emulation::float_of(v); }
inline unsigned pack_bf16(float low, float high) {
  return emulation::bf16_from_float(low) | static_cast<unsigned>(emulation::bf16_from_float(high)) << 16;
}
inline unsigned pack_f16(float low, float high) {
  return emulation::f16_from_float(low) | static_cast<unsigned>(emulation::f16_from_float(high)) << 16;
}
inline unsigned pack_bytes(unsigned a, unsigned b, unsigned c, unsigned d) {
  return (a & 0xff) | (b & 0xff) << 8 | (c & 0xff) << 16 | d << 24;
}
inline float float_from_f16(unsigned short v) { return emulation::float_from_f16(v); }

}  // namespace ditune
