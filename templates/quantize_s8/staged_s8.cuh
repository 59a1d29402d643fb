// SPDX-License-Identifier: Apache-2.0
// Family staged_s8: a CTA has one row after the other. Rows come to shared memory while the ones before are worked on;
// from there on a row stays in registers, as in registers_s8.
#pragma once

#include "row.cuh"
#include "row_stages.cuh"

namespace ditune {

template <StagedS8Config config, Prologue prologue>
DITUNE_DEVICE void staged_s8(const QuantizeArgs& args) {
  constexpr int kUnit = unit_of(prologue.rotate);
  constexpr RowLayout kLayout{config.threads, (config.octets + kUnit - 1) / kUnit, kUnit, true};
  using Source = Columns<prologue, kLayout.aligned>;
  const int thread = thread_index();
  const RowStages<config, prologue> stages(args, thread);
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();

  const long long step = grid_size();
  long long row = block_index();
  DITUNE_UNROLL
  for (int stage = 0; stage < config.stages; ++stage) stages.ask(stage, row + stage * step);
  if constexpr (config.launch == Launch::dependent) launch_dependents();

  RowThreads<config.threads> threads(thread, 0);
  int stage = 0;
  unsigned round = 0;
  for (; row < args.m; row += step) {
    const Source columns(args, table_row<prologue>(args, row));
    const StagedRow<prologue> from = stages.wait(stage, round);
    Row<kLayout, prologue, Source, StagedRow<prologue>> its(args, row, from, threads, columns);
    its.load();
    stages.free();
    stages.ask(stage, row + config.stages * step);
    its.finish();
    if (++stage == config.stages) stage = 0, ++round;
  }
}

}  // namespace ditune
