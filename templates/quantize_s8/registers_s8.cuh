// SPDX-License-Identifier: Apache-2.0
// Family registers_s8: threads of a CTA have a row, or one of a few, and keep it in registers from step to step.
#pragma once

#include "hopper.cuh"
#include "registers_s8_config.cuh"
#include "row.cuh"

namespace ditune {

template <RegistersS8Config config, Prologue prologue>
class RegistersS8 {
 public:
  DITUNE_DEVICE explicit RegistersS8(const QuantizeArgs& args)
      : args_(args), thread_(thread_index() % config.threads), row_of_cta_(thread_index() / config.threads) {}

  // A row.
  DITUNE_DEVICE void run_one() const {
    const long long row = first_row();
    if (row >= args_.m) return;
    run(row, Source(args_, table_row<prologue>(args_, row)), 0);
  }

  // One row after the other, with what their columns have in common.
  DITUNE_DEVICE void run_all() const {
    long long table = -1;
    KeptColumns<prologue, kLayout.aligned, config.octets> columns;
    int turn = 0;
    for (long long row = first_row(); row < args_.m; row += static_cast<long long>(grid_size()) * config.rows) {
      const long long its = table_row<prologue>(args_, row);
      if (its != table) {
        table = its;
        columns.load(Source(args_, table),
                     [&](int i) { return octet_column<kLayout>(thread_, static_cast<int>(args_.k), i); });
      }
      run(row, columns, turn);
      turn ^= 1;
    }
  }

 private:
  static constexpr RowLayout kLayout{config.threads, config.octets, config.load == kOctet};
  using Source = Columns<prologue, kLayout.aligned>;

  DITUNE_DEVICE long long first_row() const {
    return static_cast<long long>(block_index()) * config.rows + row_of_cta_;
  }

  template <class ColumnSource>
  DITUNE_DEVICE void run(long long row, const ColumnSource& columns, int turn) const {
    Row<kLayout, prologue, ColumnSource> its(args_, row, RowThreads<config.threads>(thread_, row_of_cta_, turn),
                                             columns);
    its.load();
    if constexpr (config.launch == Launch::dependent) launch_dependents();
    its.finish();
  }

  const QuantizeArgs& args_;
  int thread_, row_of_cta_;
};

template <RegistersS8Config config, Prologue prologue>
DITUNE_DEVICE void registers_s8(const QuantizeArgs& args) {
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();
  const RegistersS8<config, prologue> its(args);
  if constexpr (config.schedule == RowSchedule::persistent) {
    its.run_all();
  } else {
    its.run_one();
  }
}

}  // namespace ditune
