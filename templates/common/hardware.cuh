// SPDX-License-Identifier: Apache-2.0
// All of the hardware that a kernel touches, as thin named wrappers. Kernels use nothing else, so that the same kernel
// runs on the CPU against emulation/hardware.hpp. Section numbers are those of the PTX ISA 9.0 manual's chapters by
// name.
#pragma once

#include "host_device.cuh"

#ifndef __CUDACC__
#include "emulation/hardware.hpp"
#else

#define DITUNE_DEVICE __device__ __forceinline__
#define DITUNE_DEVICE_CALL __device__ __noinline__
#define DITUNE_UNROLL _Pragma("unroll")
#define DITUNE_NO_UNROLL _Pragma("unroll 1")
// What the compiler cannot know; it leaves out what tests for it.
#define DITUNE_ASSUME(condition) __builtin_assume(condition)

namespace ditune {

// An address in the CTA's shared memory: the shared state space is 32 bits wide.
using SharedAddress = unsigned;

struct alignas(16) Vec16 {
  unsigned word[4];
};

// ---- where am I (PTX ISA, "Special Registers")

// Volatile: read again where it is needed, not kept in a register (with all that derives from it) across a main loop.
DITUNE_DEVICE int thread_index() {
  int index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}
// Not volatile: the compiler knows these are the same for all threads and keeps what derives from them in uniform
// registers.
DITUNE_DEVICE unsigned block_index() { return blockIdx.x; }
DITUNE_DEVICE unsigned grid_size() { return gridDim.x; }

// ---- barriers (PTX ISA, "bar, barrier", "bar.warp.sync", "membar, fence")

DITUNE_DEVICE void block_barrier() { __syncthreads(); }
DITUNE_DEVICE void warp_barrier() { __syncwarp(); }
DITUNE_DEVICE void device_fence() { __threadfence(); }

// The value of the lane whose index differs in the bits of `mask`. All lanes of the warp take part (PTX ISA,
// "shfl.sync").
DITUNE_DEVICE unsigned shuffle_xor(unsigned v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
DITUNE_DEVICE float shuffle_xor(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }

// The largest value of the warp's lanes ("redux.sync").
DITUNE_DEVICE unsigned warp_largest(unsigned v) {
  unsigned largest;
  asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(largest) : "r"(v));
  return largest;
}

// ---- shared memory

// Start of the CTA's dynamic shared memory, 1024-byte aligned so that address bits below the row pitch are the
// swizzle's.
DITUNE_DEVICE SharedAddress shared_memory() {
  extern __shared__ __align__(1024) unsigned char dynamic_shared[];
  return static_cast<SharedAddress>(__cvta_generic_to_shared(dynamic_shared));
}

// Stores the first Bytes (4, 8 or 16) of v.
template <int Bytes>
DITUNE_DEVICE void shared_store_vec(SharedAddress address, const Vec16& v) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  if constexpr (Bytes == 16) {
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(v.word[0]), "r"(v.word[1]),
                 "r"(v.word[2]), "r"(v.word[3])
                 : "memory");
  } else if constexpr (Bytes == 8) {
    asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(address), "r"(v.word[0]), "r"(v.word[1]) : "memory");
  } else {
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(v.word[0]) : "memory");
  }
}
DITUNE_DEVICE void shared_store(SharedAddress address, unsigned v) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(v) : "memory");
}
DITUNE_DEVICE void shared_store_half(SharedAddress address, unsigned short v) {
  asm volatile("st.shared.b16 [%0], %1;" ::"r"(address), "h"(v) : "memory");
}
DITUNE_DEVICE Vec16 shared_load_vec16(SharedAddress address) {
  Vec16 v;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.word[0]), "=r"(v.word[1]), "=r"(v.word[2]), "=r"(v.word[3])
               : "r"(address)
               : "memory");
  return v;
}
DITUNE_DEVICE unsigned shared_load(SharedAddress address) {
  unsigned v;
  asm volatile("ld.shared.b32 %0, [%1];" : "=r"(v) : "r"(address) : "memory");
  return v;
}

// ---- global memory. Operands are read-only for the whole launch.

template <class T>
DITUNE_DEVICE T global_load(const T* p) {
  return __ldg(p);
}
DITUNE_DEVICE Vec16 global_load_vec16(const void* p) {
  Vec16 v;
  asm volatile("ld.global.nc.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.word[0]), "=r"(v.word[1]), "=r"(v.word[2]), "=r"(v.word[3])
               : "l"(p));
  return v;
}
// What this launch may write, but not before it is read: in the coherent part of L1 (PTX ISA, "ld").
DITUNE_DEVICE unsigned short global_read(const unsigned short* p) {
  unsigned short v;
  asm volatile("ld.global.b16 %0, [%1];" : "=h"(v) : "l"(p) : "memory");
  return v;
}
DITUNE_DEVICE unsigned global_read(const unsigned* p) {
  unsigned v;
  asm volatile("ld.global.b32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
// The first Bytes (4, 8 or 16) at p; zeros behind them.
template <int Bytes>
DITUNE_DEVICE Vec16 global_read_vec(const void* p) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  Vec16 v{};
  if constexpr (Bytes == 16) {
    asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.word[0]), "=r"(v.word[1]), "=r"(v.word[2]), "=r"(v.word[3])
                 : "l"(p)
                 : "memory");
  } else if constexpr (Bytes == 8) {
    asm volatile("ld.global.v2.b32 {%0, %1}, [%2];" : "=r"(v.word[0]), "=r"(v.word[1]) : "l"(p) : "memory");
  } else {
    v.word[0] = global_read(static_cast<const unsigned*>(p));
  }
  return v;
}
// Brings the line of 128 bytes into L2 (PTX ISA, "prefetch, prefetchu").
DITUNE_DEVICE void prefetch(const void* p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }
template <class T>
DITUNE_DEVICE void global_store(T* p, T value) {
  *p = value;
}
// Stores the first Bytes (4, 8 or 16) of v.
template <int Bytes>
DITUNE_DEVICE void global_store_vec(void* p, const Vec16& v) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  if constexpr (Bytes == 16) {
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.word[0]), "r"(v.word[1]), "r"(v.word[2]),
                 "r"(v.word[3])
                 : "memory");
  } else if constexpr (Bytes == 8) {
    asm volatile("st.global.v2.b32 [%0], {%1, %2};" ::"l"(p), "r"(v.word[0]), "r"(v.word[1]) : "memory");
  } else {
    asm volatile("st.global.b32 [%0], %1;" ::"l"(p), "r"(v.word[0]) : "memory");
  }
}

// What other CTAs of this launch wrote is read past L1 (PTX ISA, "Cache Operators": .cg).
DITUNE_DEVICE Vec16 global_load_l2_vec16(const void* p) {
  Vec16 v;
  asm volatile("ld.global.cg.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.word[0]), "=r"(v.word[1]), "=r"(v.word[2]), "=r"(v.word[3])
               : "l"(p)
               : "memory");
  return v;
}
// PTX ISA, "ld": what the writer did before its fence is seen by whoever reads what it wrote after it.
DITUNE_DEVICE int global_load_acquire(const int* p) {
  int v;
  asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
// PTX ISA, "atom": relaxed, device scope.
DITUNE_DEVICE int global_atomic_add(int* p, int value) {
  int old;
  asm volatile("atom.relaxed.gpu.global.add.s32 %0, [%1], %2;" : "=r"(old) : "l"(p), "r"(value) : "memory");
  return old;
}

// ---- asynchronous copies, global to shared (PTX ISA, "cp.async", "cp.async.commit_group", "cp.async.wait_group")

// Copies Bytes (16, 8, 4) if `valid`, else fills with zeros and does not touch `source`.
template <int Bytes>
DITUNE_DEVICE void copy_async(SharedAddress destination, const void* source, bool valid) {
  const int source_bytes = valid ? Bytes : 0;
  if constexpr (Bytes == 16) {  // past L1: they are read once, from shared memory on
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(destination), "l"(source),
                 "r"(source_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(destination), "l"(source), "n"(Bytes),
                 "r"(source_bytes)
                 : "memory");
  }
}
DITUNE_DEVICE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most Pending of this thread's committed groups are in flight.
template <int Pending>
DITUNE_DEVICE void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

// ---- tensor cores

// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8 and receives, of matrix i
// in r[i], bytes 4 * (l % 4) to + 3 of row l / 4 (PTX ISA, "ldmatrix").
DITUNE_DEVICE void load_matrix_x4(unsigned (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}

// d += a * b, int8 x int8 -> int32, m16n8k32 (PTX ISA, "Matrix Fragments for mma.m16n8k32"). Of lane l, with g = l / 4
// and q = l % 4: a holds rows g, g + 8, g, g + 8 at k 4q..4q+3 (a[0], a[1]) and 16 + 4q.. (a[2], a[3]); b0 and b1 hold
// column g at the same k; d holds columns 2q, 2q + 1 of row g (d[0], d[1]) and of row g + 8 (d[2], d[3]).
DITUNE_DEVICE void mma_m16n8k32_s8(int (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// ---- arithmetic that the numerics contract fixes: round to nearest even, never contracted (PTX ISA, "cvt", "mul",
// "add", "fma", "div", "sqrt", "max", "min", "abs"). Subnormals are kept.

DITUNE_DEVICE float to_float(int v) { return __int2float_rn(v); }
DITUNE_DEVICE float multiply(float a, float b) { return __fmul_rn(a, b); }
DITUNE_DEVICE float add(float a, float b) { return __fadd_rn(a, b); }
// a * b + c, rounded once.
DITUNE_DEVICE float multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
DITUNE_DEVICE float divide(float a, float b) { return __fdiv_rn(a, b); }
DITUNE_DEVICE float square_root(float v) { return __fsqrt_rn(v); }
DITUNE_DEVICE float absolute(float v) { return fabsf(v); }
// NaN if an operand is NaN; +0 is more than -0.
DITUNE_DEVICE float maximum(float a, float b) {
  float v;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(v) : "f"(a), "f"(b));
  return v;
}
DITUNE_DEVICE float minimum(float a, float b) {
  float v;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(v) : "f"(a), "f"(b));
  return v;
}
DITUNE_DEVICE unsigned float_bits(float v) { return __float_as_uint(v); }
DITUNE_DEVICE float float_from_bits(unsigned v) { return __uint_as_float(v); }

// Two floats as packed bf16 or fp16, `low` in the low half.
DITUNE_DEVICE unsigned pack_bf16(float low, float high) {
  unsigned v;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
  return v;
}
DITUNE_DEVICE unsigned pack_f16(float low, float high) {
  unsigned v;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
  return v;
}
// The lowest bytes of four words, that of `a` lowest (PTX ISA, "prmt").
DITUNE_DEVICE unsigned pack_bytes(unsigned a, unsigned b, unsigned c, unsigned d) {
  return __byte_perm(__byte_perm(a, b, 0x0040), __byte_perm(c, d, 0x0040), 0x5410);
}
DITUNE_DEVICE float float_from_f16(unsigned short v) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(v));
  return f;
}

}  // namespace ditune

#endif
