// SPDX-License-Identifier: Apache-2.0
// What a CTA whose rows have the same columns may keep of them. Shared by host and device; C++17.
#pragma once

#include "prologue_spec.cuh"
#include "quantize_layout.cuh"

namespace ditune {

// Floats that the parameters make of a column.
DITUNE_HOST_DEVICE int column_terms(const Prologue& p) {
  return has_factor(p) + has_term(p) + is_gated(p) + (p.smooth == Smoothing::on);
}

// Of shared memory, for the columns of threads that have so many octets each.
DITUNE_HOST_DEVICE int column_bytes(const Prologue& p, int threads, int octets) {
  const int unit = unit_of(p.rotate), whole = (octets + unit - 1) / unit * unit;
  return 4 * kOctet * column_terms(p) * whole * threads;
}

}  // namespace ditune
