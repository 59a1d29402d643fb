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

#define DITUNE_D0_15 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define DITUNE_D16_31 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define DITUNE_D32_47 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define DITUNE_D48_63 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define DITUNE_D64_79 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define DITUNE_D80_95 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define DITUNE_D96_111 "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define DITUNE_D112_127 "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define DITUNE_TO_32 DITUNE_D0_15 ", " DITUNE_D16_31
#define DITUNE_TO_64 DITUNE_TO_32 ", " DITUNE_D32_47 ", " DITUNE_D48_63
#define DITUNE_TO_96 DITUNE_TO_64 ", " DITUNE_D64_79 ", " DITUNE_D80_95
#define DITUNE_TO_128 DITUNE_TO_96 ", " DITUNE_D96_111 ", " DITUNE_D112_127
#define DITUNE_R8(i)                                                                                          \
  "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3]), "+r"(d[i + 4]), "+r"(d[i + 5]), "+r"(d[i + 6]), \
      "+r"(d[i + 7])
#define DITUNE_R16(i) DITUNE_R8(i), DITUNE_R8(i + 8)
#define DITUNE_R32(i) DITUNE_R16(i), DITUNE_R16(i + 16)
// `first`, `second`, `third`: the operands behind the accumulators.
#define DITUNE_WGMMA(n, registers, first, second, third, ...)                                               \
  asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %" third ", 0;\n\twgmma.mma_async.sync.aligned.m64n" n \
               "k32.s32.s8.s8 {" registers "}, %" first ", %" second ", p;\n\t}"                            \
               : __VA_ARGS__                                                                                \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)))

// d = a * b (+ d), 64 x N of int32, of 64 x 32 and N x 32 int8 in shared memory ("wgmma.mma_async"). Of thread t of the
// warpgroup, with lane l = t % 32: d[4 j] and d[4 j + 1] are columns 8 j + 2 (l % 4) and the next of row 16 (t / 32) +
// l / 4, d[4 j + 2] and d[4 j + 3] of the row 8 below ("Register Fragments for wgmma.mma_async.m64nNk32").
template <int N>
DITUNE_DEVICE void wgmma_m64k32_s8(int (&d)[N / 2], unsigned long long a, unsigned long long b, bool accumulate) {
  static_assert(N == 64 || N == 96 || N == 128 || N == 160 || N == 192 || N == 256);
  if constexpr (N == 64) {
    DITUNE_WGMMA("64", DITUNE_TO_32, "32", "33", "34", DITUNE_R32(0));
  } else if constexpr (N == 96) {
    DITUNE_WGMMA("96", DITUNE_TO_32 ", " DITUNE_D32_47, "48", "49", "50", DITUNE_R32(0), DITUNE_R16(32));
  } else if constexpr (N == 128) {
    DITUNE_WGMMA("128", DITUNE_TO_64, "64", "65", "66", DITUNE_R32(0), DITUNE_R32(32));
  } else if constexpr (N == 160) {
    DITUNE_WGMMA("160", DITUNE_TO_64 ", " DITUNE_D64_79, "80", "81", "82", DITUNE_R32(0), DITUNE_R32(32),
                 DITUNE_R16(64));
  } else if constexpr (N == 192) {
    DITUNE_WGMMA("192", DITUNE_TO_96, "96", "97", "98", DITUNE_R32(0), DITUNE_R32(32), DITUNE_R32(64));
  } else {
    DITUNE_WGMMA("256", DITUNE_TO_128, "128", "129", "130", DITUNE_R32(0), DITUNE_R32(32), DITUNE_R32(64),
                 DITUNE_R32(96));
  }
}

#undef DITUNE_D0_15
#undef DITUNE_D16_31
#undef DITUNE_D32_47
#undef DITUNE_D48_63
#undef DITUNE_D64_79
#undef DITUNE_D80_95
#undef DITUNE_D96_111
#undef DITUNE_D112_127
#undef DITUNE_TO_32
#undef DITUNE_TO_64
#undef DITUNE_TO_96
#undef DITUNE_TO_128
#undef DITUNE_R8
#undef DITUNE_R16
#undef DITUNE_R32
#undef DITUNE_WGMMA

}  // namespace ditune

#endif
