// SPDX-License-Identifier: Apache-2.0
// Family registers_s8: threads of a CTA have a row, or one of a few, and keep it in registers from step to step.
#pragma once

#include "hopper.cuh"
#include "registers_s8_config.cuh"
#include "row.cuh"
#include "shared_columns.cuh"

namespace ditune {

template <RegistersS8Config config, Prologue prologue>
class RegistersS8 {
 public:
  DITUNE_DEVICE explicit RegistersS8(const QuantizeArgs& args)
      : args_(args),
        row_of_cta_(config.rows == 1 ? 0 : thread_index() / config.threads),
        threads_(thread_index() - row_of_cta_ * config.threads, row_of_cta_) {}

  // A row.
  DITUNE_DEVICE void run_one() {
    const long long row = first_row();
    if (row >= args_.m) return;
    run(row, Source(args_, table_row<prologue>(args_, row)));
  }

  // One row after the other, with what their columns have in common.
  DITUNE_DEVICE void run_all() {
    if constexpr (config.columns == KeptIn::shared) {
      constexpr auto kBegin = static_cast<SharedAddress>(config.rows * scratch_bytes(config.threads));
      using Shared = SharedColumns<prologue, kLayout.aligned, threads(config), kOctets>;
      ColumnsOfTable<Shared> columns(shared_memory() + kBegin, thread_index());
      run_all(columns);
    } else {
      ColumnsOfTable<KeptColumns<prologue, kLayout.aligned, kOctets>> columns;
      run_all(columns);
    }
  }

 private:
  static constexpr int kUnit = unit_of(prologue.rotate);
  static constexpr RowLayout kLayout{config.threads, (config.octets + kUnit - 1) / kUnit, kUnit, config.load == kOctet};
  static constexpr int kOctets = kLayout.units * kLayout.unit;
  using Source = Columns<prologue, kLayout.aligned>;

  template <class ColumnsOfRow>
  DITUNE_DEVICE void run_all(ColumnsOfRow& columns) {
    const auto place_of = [&](int i) {
      return place_of_octet<kLayout>(threads_.index(), static_cast<int>(args_.k), i);
    };
    for (long long row = first_row(); row < args_.m; row += static_cast<long long>(grid_size()) * config.rows)
      run(row, columns.of(args_, table_row<prologue>(args_, row), place_of));
  }

  DITUNE_DEVICE long long first_row() const {
    return static_cast<long long>(block_index()) * config.rows + row_of_cta_;
  }

  template <class ColumnSource>
  DITUNE_DEVICE void run(long long row, const ColumnSource& columns) {
    Row<kLayout, prologue, ColumnSource> its(args_, row, {args_, row}, threads_, columns);
    its.load();
    if constexpr (config.launch == Launch::dependent) launch_dependents();
    its.finish();
  }

  const QuantizeArgs& args_;
  int row_of_cta_;
  RowThreads<config.threads> threads_;
};

template <RegistersS8Config config, Prologue prologue>
DITUNE_DEVICE void registers_s8(const QuantizeArgs& args) {
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();
  RegistersS8<config, prologue> its(args);
  if constexpr (config.schedule == RowSchedule::persistent) {
    its.run_all();
  } else {
    its.run_one();
  }
}

}  // namespace ditune
