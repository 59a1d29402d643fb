// SPDX-License-Identifier: Apache-2.0
// Family passes_s8: a CTA reads a row again for each sum that is taken of it, from L2 as a rule.
#pragma once

#include "hopper.cuh"
#include "passes_s8_config.cuh"
#include "row.cuh"

namespace ditune {

template <PassesS8Config config, Prologue prologue>
DITUNE_DEVICE void passes_s8(const QuantizeArgs& args) {
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();
  constexpr RowLayout kLayout{config.threads, 0, unit_of(prologue.rotate), config.load == kOctet};
  using Source = Columns<prologue, kLayout.aligned>;
  const long long row = block_index();
  const Source columns(args, table_row<prologue>(args, row));
  RowThreads<config.threads> threads(thread_index(), 0);
  Row<kLayout, prologue, Source> its(args, row, {args, row}, threads, columns);
  if constexpr (config.launch == Launch::dependent) launch_dependents();
  its.finish();
}

}  // namespace ditune
