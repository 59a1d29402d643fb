// SPDX-License-Identifier: Apache-2.0
// Family mma_s8: the parts of K -> one CTA.
#pragma once

#include "gemm_args.cuh"
#include "hardware.cuh"
#include "mma_s8_config.cuh"
#include "mma_s8_tile.cuh"

namespace ditune {

// Where the CTAs of one tile meet. Each takes a rank when it starts: all but the last to start leave their sums in a
// slab of their own, which the last waits for (they are running, so it waits for nobody who waits for it), adds, and
// leaves zero. Integer sums are exact in any order.
template <MmaS8Config config>
struct SplitK {
  static constexpr long long kTileElements = static_cast<long long>(config.tile_m) * config.tile_n;
  static constexpr int kFinisher = config.split_k - 1;
  static constexpr int kPairs = WarpTile<config>::kTilesN / 2;

  int* slabs;    // [split_k - 1][tile elements]
  int* started;  // CTAs that have a rank
  int* done;     // CTAs whose slab is complete

  DITUNE_DEVICE SplitK(const GemmArgs& args, const CtaTile& tile) {
    const TileIndex tiles = tile_counts<config>(args);
    slabs = static_cast<int*>(args.workspace) + tile.index * kTileElements * kFinisher;
    started = static_cast<int*>(args.workspace) + tiles.m * tiles.n * kTileElements * kFinisher + 2 * tile.index;
    done = started + 1;
  }

  // For thread 0, which passes it on to finishes().
  DITUNE_DEVICE int rank() const { return thread_index() == 0 ? global_atomic_add(started, 1) : 0; }

  // Where a thread's sums (i, half, columns of tiles 2 * pair and 2 * pair + 1) lie behind its first: neighbouring
  // threads' lie side by side.
  static DITUNE_HOST_DEVICE int slab_offset(int i, int half, int pair) {
    return ((i * 2 + half) * kPairs + pair) * threads(config) * 4;
  }

  // `mine`: this thread's first sums in a slab.
  static DITUNE_DEVICE void store(const WarpTile<config>& sums, int* mine) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        const int half = v / kPairs, pair = v % kPairs;
        Vec16 packed;
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) {
          packed.word[c] = static_cast<unsigned>(sums.acc[i][2 * pair + c / 2][half * 2 + c % 2]);
        }
        global_store_vec<16>(mine + slab_offset(i, half, pair), packed);
      }
    }
  }

  // Loads ahead of what waits for them: a round trip to L2 for 16 rows, not one for each vector.
  static DITUNE_DEVICE void add(WarpTile<config>& sums, int* mine) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      Vec16 other[2 * kPairs];
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        other[v] = global_load_l2_vec16(mine + slab_offset(i, v / kPairs, v % kPairs));
      }
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        const int half = v / kPairs, pair = v % kPairs;
        global_store_vec<16>(mine + slab_offset(i, half, pair), Vec16{});
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) {
          sums.acc[i][2 * pair + c / 2][half * 2 + c % 2] += static_cast<int>(other[v].word[c]);
        }
      }
    }
  }

  // True in one CTA of the tile, which then holds the whole sums; the others have nothing more to do.
  DITUNE_DEVICE bool finishes(WarpTile<config>& sums, int rank) const {
    copy_async_wait<0>();
    block_barrier();  // nobody reads or fills the pipeline any more: its memory tells all threads the rank
    if (thread_index() == 0) shared_store(shared_memory(), static_cast<unsigned>(rank));
    block_barrier();
    rank = static_cast<int>(shared_load(shared_memory()));
    int* const mine = slabs + thread_index() * 4;
    if (rank != kFinisher) {
      store(sums, mine + rank * kTileElements);
      block_barrier();  // all threads' sums are out before the one signal
      if (thread_index() == 0) {
        device_fence();
        global_atomic_add(done, 1);
      }
      return false;
    }
    if (thread_index() == 0) {
      while (global_load_acquire(done) != kFinisher) {
      }
    }
    block_barrier();
    for (int part = 0; part < kFinisher; ++part) add(sums, mine + part * kTileElements);
    if (thread_index() == 0) {
      global_store(started, 0);
      global_store(done, 0);
    }
    return true;
  }
};

}  // namespace ditune
