// SPDX-License-Identifier: Apache-2.0
// Rows on their way to shared memory: a ring of stages, a row in each, and where a stage has what of its row.
#pragma once

#include "hopper.cuh"
#include "row_input.cuh"
#include "staged_s8_config.cuh"

namespace ditune {

// A row in a stage: RowInput reads it as it reads one of global memory.
template <Prologue p>
class StagedRow {
 public:
  DITUNE_DEVICE StagedRow(SharedAddress stage, long long k) : stage_(stage), k_(k) {}

  DITUNE_DEVICE SharedBytes first() const { return {stage_}; }
  DITUNE_DEVICE SharedBytes second() const { return first() + bytes(first_columns(p, k_)); }
  DITUNE_DEVICE SharedBytes branch() const { return second() + bytes(second_columns(p, k_)); }

 private:
  static DITUNE_DEVICE long long bytes(long long columns) { return columns * input_bytes(p.x); }

  SharedAddress stage_;
  long long k_;
};

template <StagedS8Config config, Prologue p>
class RowStages {
 public:
  // All threads of the CTA.
  DITUNE_DEVICE RowStages(const QuantizeArgs& args, int thread) : args_(args), thread_(thread) {
    if constexpr (kIsBulk) {
      if (thread_ == 0) {
        DITUNE_UNROLL
        for (int stage = 0; stage < config.stages; ++stage) transaction_init(barrier(stage), 1);
        transaction_init_fence();
      }
      block_barrier();
    }
  }

  // Asks for a row of X, if it is one; all threads, for each stage in turn.
  DITUNE_DEVICE void ask(int stage, long long row) const {
    if (row < args_.m) {
      if constexpr (kIsBulk) {
        if (thread_ == 0) {
          transaction_expect(barrier(stage), static_cast<int>(stage_bytes(p, args_.k)));
          copy_row(stage, row);
        }
      } else {
        copy_row(stage, row);
      }
    }
    if constexpr (!kIsBulk) copy_async_commit();
  }

  // Until the row of a stage has come, which had `round` rows before.
  DITUNE_DEVICE StagedRow<p> wait(int stage, unsigned round) const {
    if constexpr (kIsBulk) {
      transaction_wait(barrier(stage), round & 1);
    } else {
      copy_async_wait<config.stages - 1>();
      block_barrier();
    }
    return {place(stage), args_.k};
  }

  // When all threads have read the row of a stage, another may come there.
  DITUNE_DEVICE void free() const {
    if constexpr (kIsBulk) async_fence();
    block_barrier();
  }

 private:
  static constexpr bool kIsBulk = config.copy == RowCopy::bulk;

  DITUNE_DEVICE SharedAddress barrier(int stage) const {
    return shared_memory() + static_cast<SharedAddress>(scratch_bytes(config.threads) + 16 * stage);
  }
  DITUNE_DEVICE SharedAddress place(int stage) const {
    return shared_memory() +
           static_cast<SharedAddress>(stages_begin(config, p) + stage * static_cast<int>(stage_bytes(p, args_.k)));
  }

  DITUNE_DEVICE void copy_row(int stage, long long row) const {
    const GlobalRow<p> from(args_, row);
    const StagedRow<p> to(place(stage), args_.k);
    copy(stage, to.first(), from.first(), first_columns(p, args_.k));
    if constexpr (p.split > 0) copy(stage, to.second(), from.second(), second_columns(p, args_.k));
    if constexpr (p.residual != Branch::none) copy(stage, to.branch(), from.branch(), args_.k);
  }
  DITUNE_DEVICE void copy(int stage, SharedBytes to, const char* from, long long columns) const {
    const int bytes = static_cast<int>(columns) * input_bytes(p.x);
    if constexpr (kIsBulk) {
      load_bytes(to.address, from, bytes, barrier(stage));
    } else {
      DITUNE_NO_UNROLL
      for (int at = 16 * thread_; at < bytes; at += 16 * config.threads)
        copy_async<16>(to.address + static_cast<SharedAddress>(at), from + at, true);
    }
  }

  const QuantizeArgs& args_;
  int thread_;
};

}  // namespace ditune
