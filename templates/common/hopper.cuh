// SPDX-License-Identifier: Apache-2.0
// The hardware that sm_90a adds, as thin named wrappers: see hardware.cuh. Section names are those of the PTX ISA 9.0
// manual.
#pragma once

#include "hardware.cuh"
#include "tensor_map.cuh"

namespace ditune {

// "Matrix Descriptor Format" of wgmma: rows of 128 bytes, swizzled by 128, groups of 8 rows 1024 bytes apart. A K step
// of 32 bytes further on is 32 bytes further on.
DITUNE_HOST_DEVICE unsigned long long matrix_descriptor(SharedAddress address) {
  return static_cast<unsigned long long>(address >> 4 & 0x3fff) | 1ULL << 16 | 64ULL << 32 | 1ULL << 62;
}

}  // namespace ditune

#ifndef __CUDACC__
#include "emulation/hopper.hpp"
#else

namespace ditune {

// ---- warpgroups and clusters

// "setmaxnreg": all warps of a warpgroup.
template <int Registers>
DITUNE_DEVICE void raise_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers>
DITUNE_DEVICE void lower_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}

// "bar, barrier": `threads` threads, whole warps, meet at barrier `id` (1 to 15).
DITUNE_DEVICE void named_barrier(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// The value of the warp's first lane: what the compiler then knows to be the same in all of them ("shfl.sync").
DITUNE_DEVICE int warp_uniform(int value) { return __shfl_sync(0xffffffff, value, 0); }

// "Special Registers": %cluster_ctarank
DITUNE_DEVICE int cluster_rank() {
  int rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// "barrier.cluster": all threads of all CTAs of the cluster.
DITUNE_DEVICE void cluster_barrier() {
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// ---- dependent launches ("griddepcontrol")

// Until the grids before this one on the stream have ended: what they wrote is there, what they read may be written.
DITUNE_DEVICE void wait_for_prerequisites() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
// The grid behind this one may start once every CTA has come here or ended.
DITUNE_DEVICE void launch_dependents() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }

// ---- transaction barriers, 8 bytes of shared memory ("mbarrier")

DITUNE_DEVICE void transaction_init(SharedAddress barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
// What was initialized is there for the cluster and for asynchronous copies.
DITUNE_DEVICE void transaction_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

DITUNE_DEVICE void transaction_arrive(SharedAddress barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// The same barrier of another CTA of the cluster ("mapa").
DITUNE_DEVICE void transaction_arrive_at(SharedAddress barrier, int rank) {
  asm volatile(
      "{\n\t.reg .b32 remote;\n\tmapa.shared::cluster.u32 remote, %0, %1;\n\t"
      "mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [remote];\n\t}" ::"r"(barrier),
      "r"(rank)
      : "memory");
}
// Arrives, and the phase waits for `bytes` more bytes.
DITUNE_DEVICE void transaction_expect(SharedAddress barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Until the phase of this parity has completed.
DITUNE_DEVICE void transaction_wait(SharedAddress barrier, unsigned parity) {
  asm volatile(
      "{\n\t.reg .pred done;\nwait:\n\t"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t"
      "@!done bra wait;\n\t}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

// ---- bulk copies ("cp.async.bulk", "cp.async.bulk.tensor", "Async Proxy")

// What this thread wrote to shared memory is there for asynchronous copies.
DITUNE_DEVICE void async_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

DITUNE_DEVICE void prefetch_map(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<unsigned long long>(&map)) : "memory");
}

// The box from (row, column) on, in elements; its bytes arrive at `barrier`.
DITUNE_DEVICE void load_box(SharedAddress destination, const TensorMap& map, int row, int column,
                            SharedAddress barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
          destination),
      "l"(reinterpret_cast<unsigned long long>(&map)), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}
// The same into the same place of every CTA of the cluster whose bit is set, and at their barriers.
DITUNE_DEVICE void load_box_multicast(SharedAddress destination, const TensorMap& map, int row, int column,
                                      SharedAddress barrier, unsigned ranks) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, "
      "%3}], [%4], %5;" ::"r"(destination),
      "l"(reinterpret_cast<unsigned long long>(&map)), "r"(column), "r"(row), "r"(barrier),
      "h"(static_cast<unsigned short>(ranks))
      : "memory");
}
// `bytes`, a multiple of 16, as are both addresses.
DITUNE_DEVICE void load_bytes(SharedAddress destination, const void* source, int bytes, SharedAddress barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(destination),
      "l"(source), "r"(bytes), "r"(barrier)
      : "memory");
}

DITUNE_DEVICE void store_box(const TensorMap& map, int row, int column, SharedAddress source) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(
                   reinterpret_cast<unsigned long long>(&map)),
               "r"(column), "r"(row), "r"(source)
               : "memory");
}
DITUNE_DEVICE void store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// Until at most Pending of this thread's groups of stores still read shared memory.
template <int Pending>
DITUNE_DEVICE void store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(Pending) : "memory");
}

// Two adjacent words.
DITUNE_DEVICE void shared_load_pair(unsigned (&v)[2], SharedAddress address) {
  asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];" : "=r"(v[0]), "=r"(v[1]) : "r"(address) : "memory");
}

// ---- matrices

// Four 8x8 matrices of 16-bit elements: lane l gives the address of row l % 8 of matrix l / 8, and r[i] holds bytes
// 4 * (l % 4) to + 3 of row l / 4 of matrix i ("stmatrix").
DITUNE_DEVICE void store_matrix_x4(SharedAddress row, const unsigned (&r)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(row), "r"(r[0]), "r"(r[1]),
               "r"(r[2]), "r"(r[3])
               : "memory");
}

// "wgmma.fence", "wgmma.commit_group", "wgmma.wait_group"
DITUNE_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DITUNE_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending>
DITUNE_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

// The first 16, 24, ... 128 accumulators: their names in the instruction, and the operands.
#define DITUNE_D_16 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define DITUNE_D_24 DITUNE_D_16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define DITUNE_D_32 DITUNE_D_24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define DITUNE_D_40 DITUNE_D_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define DITUNE_D_48 DITUNE_D_40 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define DITUNE_D_56 DITUNE_D_48 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define DITUNE_D_64 DITUNE_D_56 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define DITUNE_D_72 DITUNE_D_64 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define DITUNE_D_80 DITUNE_D_72 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define DITUNE_D_88 DITUNE_D_80 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define DITUNE_D_96 DITUNE_D_88 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define DITUNE_D_104 DITUNE_D_96 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define DITUNE_D_112 DITUNE_D_104 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define DITUNE_D_120 DITUNE_D_112 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define DITUNE_D_128 DITUNE_D_120 ", %120, %121, %122, %123, %124, %125, %126, %127"
#define DITUNE_R8(i)                                                                                          \
  "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3]), "+r"(d[i + 4]), "+r"(d[i + 5]), "+r"(d[i + 6]), \
      "+r"(d[i + 7])
#define DITUNE_R_16 DITUNE_R8(0), DITUNE_R8(8)
#define DITUNE_R_24 DITUNE_R_16, DITUNE_R8(16)
#define DITUNE_R_32 DITUNE_R_24, DITUNE_R8(24)
#define DITUNE_R_40 DITUNE_R_32, DITUNE_R8(32)
#define DITUNE_R_48 DITUNE_R_40, DITUNE_R8(40)
#define DITUNE_R_56 DITUNE_R_48, DITUNE_R8(48)
#define DITUNE_R_64 DITUNE_R_56, DITUNE_R8(56)
#define DITUNE_R_72 DITUNE_R_64, DITUNE_R8(64)
#define DITUNE_R_80 DITUNE_R_72, DITUNE_R8(72)
#define DITUNE_R_88 DITUNE_R_80, DITUNE_R8(80)
#define DITUNE_R_96 DITUNE_R_88, DITUNE_R8(88)
#define DITUNE_R_104 DITUNE_R_96, DITUNE_R8(96)
#define DITUNE_R_112 DITUNE_R_104, DITUNE_R8(104)
#define DITUNE_R_120 DITUNE_R_112, DITUNE_R8(112)
#define DITUNE_R_128 DITUNE_R_120, DITUNE_R8(120)
// `r` accumulators, and what the operands behind them are called.
#define DITUNE_WGMMA(n, r, second, third)                                                                       \
  if constexpr (N == n) {                                                                                       \
    asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %" #third ", 0;\n\twgmma.mma_async.sync.aligned.m64n" #n \
                 "k32.s32.s8.s8 {" DITUNE_D_##r "}, %" #r ", %" #second ", p;\n\t}"                             \
                 : DITUNE_R_##r                                                                                 \
                 : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)));                                          \
  }

// d = a * b (+ d), 64 x N of int32, of 64 x 32 and N x 32 int8 in shared memory ("wgmma.mma_async"). Of thread t of the
// warpgroup, with lane l = t % 32: d[4 j] and d[4 j + 1] are columns 8 j + 2 (l % 4) and the next of row 16 (t / 32) +
// l / 4, d[4 j + 2] and d[4 j + 3] of the row 8 below ("Register Fragments for wgmma.mma_async.m64nNk32").
template <int N>
DITUNE_DEVICE void wgmma_m64k32_s8(int (&d)[N / 2], unsigned long long a, unsigned long long b, bool accumulate) {
  static_assert(N % 16 == 0 && N >= 32 && N <= 256);
  DITUNE_WGMMA(32, 16, 17, 18)
  DITUNE_WGMMA(48, 24, 25, 26)
  DITUNE_WGMMA(64, 32, 33, 34)
  DITUNE_WGMMA(80, 40, 41, 42)
  DITUNE_WGMMA(96, 48, 49, 50)
  DITUNE_WGMMA(112, 56, 57, 58)
  DITUNE_WGMMA(128, 64, 65, 66)
  DITUNE_WGMMA(144, 72, 73, 74)
  DITUNE_WGMMA(160, 80, 81, 82)
  DITUNE_WGMMA(176, 88, 89, 90)
  DITUNE_WGMMA(192, 96, 97, 98)
  DITUNE_WGMMA(208, 104, 105, 106)
  DITUNE_WGMMA(224, 112, 113, 114)
  DITUNE_WGMMA(240, 120, 121, 122)
  DITUNE_WGMMA(256, 128, 129, 130)
}

#undef DITUNE_D_16
#undef DITUNE_D_24
#undef DITUNE_D_32
#undef DITUNE_D_40
#undef DITUNE_D_48
#undef DITUNE_D_56
#undef DITUNE_D_64
#undef DITUNE_D_72
#undef DITUNE_D_80
#undef DITUNE_D_88
#undef DITUNE_D_96
#undef DITUNE_D_104
#undef DITUNE_D_112
#undef DITUNE_D_120
#undef DITUNE_D_128
#undef DITUNE_R8
#undef DITUNE_R_16
#undef DITUNE_R_24
#undef DITUNE_R_32
#undef DITUNE_R_40
#undef DITUNE_R_48
#undef DITUNE_R_56
#undef DITUNE_R_64
#undef DITUNE_R_72
#undef DITUNE_R_80
#undef DITUNE_R_88
#undef DITUNE_R_96
#undef DITUNE_R_104
#undef DITUNE_R_112
#undef DITUNE_R_120
#undef DITUNE_R_128
#undef DITUNE_WGMMA

}  // namespace ditune

#endif
