// SPDX-License-Identifier: Apache-2.0
// Family wgmma_s8: the parts of K -> one CTA.
#pragma once

#include "gemm_args.cuh"
#include "hopper.cuh"
#include "wgmma_s8_config.cuh"
#include "wgmma_s8_output.cuh"
#include "wgmma_s8_work.cuh"

namespace ditune {

// Where the CTAs of a shared tile meet. The one with the first steps finishes the tile; each of the others leaves its
// sums, of which it has at most one tile's and those first of all, in a slab of its own. Integer sums are exact in any
// order.
template <WgmmaS8Config config>
struct StreamK {
  static constexpr long long kTileElements = static_cast<long long>(config.tile_m) * config.tile_n;
  static constexpr int kBlockVectors = config.tile_n / 8;  // of four sums that a thread has of a block
  static constexpr int kVectors = WarpgroupTile<config>::kBlocks * kBlockVectors;

  int* workspace;  // a slab for each CTA, then two flags for each
  const Consumer<config> consumer;

  // This thread's first vector in the slab of a CTA; the next lies behind those of all threads.
  DITUNE_DEVICE int* slab(unsigned cta) const {
    return workspace + cta * kTileElements + consumer.index * (kTileElements / 2) + consumer.thread * 4;
  }
  DITUNE_DEVICE int* flag(unsigned cta) const {
    return workspace + grid_size() * kTileElements + 2 * cta + consumer.index;
  }
  DITUNE_DEVICE void meet() const { named_barrier(1 + consumer.index, kWarpgroup); }

  DITUNE_DEVICE void leave(const WarpgroupTile<config>& sums) const {
    int* const mine = slab(block_index());
    DITUNE_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      Vec16 packed;
      DITUNE_UNROLL
      for (int c = 0; c < 4; ++c) {
        packed.word[c] = static_cast<unsigned>(sums.acc[i / kBlockVectors][i % kBlockVectors * 4 + c]);
      }
      global_store_vec<16>(mine + i * kWarpgroup * 4, packed);
    }
    meet();  // all threads' sums are out before the one signal
    if (consumer.thread == 0) {
      device_fence();
      global_atomic_add(flag(block_index()), 1);
    }
  }

  // Adds what the clusters behind this one did of the tile, and leaves it zero.
  DITUNE_DEVICE void collect(WarpgroupTile<config>& sums, const WorkWalk<config>& walk, const Segment& segment) const {
    unsigned reached = segment.tile * walk.k_steps + segment.steps;
    const unsigned last = (segment.tile + 1) * walk.k_steps;
    unsigned cta = block_index();
    for (unsigned cluster = walk.cluster + 1; reached < last; ++cluster) {
      cta -= cluster_size(config);  // clusters are counted backwards
      reached = walk.part_begin(cluster + 1);
      if (consumer.thread == 0) {
        while (global_load_acquire(flag(cta)) == 0) {
        }
        global_store(flag(cta), 0);
      }
      meet();
      add(sums, slab(cta));
    }
  }

  static DITUNE_DEVICE void add(WarpgroupTile<config>& sums, int* other) {
    constexpr int kBatch = 8;  // loads ahead of what waits for them
    DITUNE_UNROLL
    for (int first = 0; first < kVectors; first += kBatch) {
      Vec16 loaded[kBatch];
      DITUNE_UNROLL
      for (int i = first; i < kVectors && i < first + kBatch; ++i) {
        loaded[i - first] = global_load_l2_vec16(other + i * kWarpgroup * 4);
      }
      DITUNE_UNROLL
      for (int i = first; i < kVectors && i < first + kBatch; ++i) {
        global_store_vec<16>(other + i * kWarpgroup * 4, Vec16{});
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) {
          sums.acc[i / kBlockVectors][i % kBlockVectors * 4 + c] += static_cast<int>(loaded[i - first].word[c]);
        }
      }
    }
  }
};

}  // namespace ditune
