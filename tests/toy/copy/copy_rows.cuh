// SPDX-License-Identifier: Apache-2.0
// Family copy_rows: a CTA copies some rows, its threads the elements of one after the other.
#pragma once

#include "copy_args.cuh"
#include "copy_rows_config.cuh"
#include "hardware.cuh"

namespace ditune {

template <CopyRowsConfig config, class T>
DITUNE_DEVICE void copy_row(const CopyArgs& args, long long row) {
  const T* x = static_cast<const T*>(args.x) + row * args.ldx;
  T* y = static_cast<T*>(args.y) + row * args.ldy;
  for (long long k = thread_index(); k < args.k; k += threads(config)) global_store(y + k, global_load(x + k));
}

template <CopyRowsConfig config, CopyType type>
DITUNE_DEVICE void copy_rows(const CopyArgs& args) {
  const long long first = static_cast<long long>(block_index()) * config.rows;
  for (long long row = first; row < first + config.rows && row < args.m; ++row) {
    if constexpr (type == CopyType::s8) {
      copy_row<config, signed char>(args, row);
    } else {
      copy_row<config, unsigned short>(args, row);
    }
  }
}

}  // namespace ditune
