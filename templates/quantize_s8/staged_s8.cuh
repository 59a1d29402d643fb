// SPDX-License-Identifier: Apache-2.0
// Family staged_s8: a CTA has one row after the other. Rows come to shared memory while the ones before are worked on;
// from there on a row stays in registers, as in registers_s8.
#pragma once

#include "row.cuh"
#include "row_stages.cuh"
#include "shared_columns.cuh"

namespace ditune {

// Where a row finds what its columns have in common with those of other rows.
template <StagedS8Config config, Prologue prologue, RowLayout layout>
DITUNE_DEVICE auto staged_columns(int thread) {
  if constexpr (config.columns == StagedColumns::shared) {
    using Shared = SharedColumns<prologue, layout.aligned, config.threads, layout.units * layout.unit>;
    return ColumnsOfTable<Shared>(shared_memory() + static_cast<SharedAddress>(columns_begin(config)), thread);
  } else {
    return ColumnsAnew<Columns<prologue, layout.aligned>>();
  }
}

template <StagedS8Config config, Prologue prologue>
DITUNE_DEVICE void staged_s8(const QuantizeArgs& args) {
  constexpr int kUnit = unit_of(prologue.rotate);
  constexpr RowLayout kLayout{config.threads, (config.octets + kUnit - 1) / kUnit, kUnit, true};
  const int thread = thread_index();
  const RowStages<config, prologue> stages(args, thread);
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();

  const long long step = grid_size();
  long long row = block_index();
  DITUNE_UNROLL
  for (int stage = 0; stage < config.stages; ++stage) stages.ask(stage, row + stage * step);
  if constexpr (config.launch == Launch::dependent) launch_dependents();

  RowThreads<config.threads> threads(thread, 0);
  auto kept = staged_columns<config, prologue, kLayout>(thread);
  using Made = typename decltype(kept)::Made;
  const auto place_of = [&](int i) { return place_of_octet<kLayout>(thread, static_cast<int>(args.k), i); };
  int stage = 0;
  unsigned round = 0;
  for (; row < args.m; row += step) {
    const Made& columns = kept.of(args, table_row<prologue>(args, row), place_of);
    const StagedRow<prologue> from = stages.wait(stage, round);
    Row<kLayout, prologue, Made, StagedRow<prologue>> its(args, row, from, threads, columns);
    its.load();
    stages.free();
    stages.ask(stage, row + config.stages * step);
    its.finish();
    if (++stage == config.stages) stage = 0, ++round;
  }
}

}  // namespace ditune
