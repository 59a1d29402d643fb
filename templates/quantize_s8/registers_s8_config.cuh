// SPDX-License-Identifier: Apache-2.0
// One variant of the family registers_s8, and how it is launched. A row stays in the registers of its threads.
// Shared by host and device; C++17.
#pragma once

#include "column_terms.cuh"
#include "launch_plan.cuh"
#include "prologue_spec.cuh"
#include "quantize_layout.cuh"

namespace ditune {

enum class RowSchedule : unsigned char {
  each,        // a CTA for every row, or few
  persistent,  // as many as run at once: threads keep what their columns have in common
};
enum class KeptIn : unsigned char { registers, shared };  // shared memory

struct RegistersS8Config {
  int threads = 0;  // of a row: a power of two, 32 or more
  int octets = 0;   // of 8 columns, that a thread keeps
  int rows = 1;     // of a CTA
  int load = 8;     // columns that are read at once: 8, or 1 where rows or K are no multiples of 8
  int ctas = 1;     // on an SM at least: bounds the registers of a thread; of a persistent launch: so many
  RowSchedule schedule = RowSchedule::each;
  KeptIn columns = KeptIn::registers;  // of a persistent launch
  Launch launch = Launch::serial;
};

DITUNE_HOST_DEVICE int threads(const RegistersS8Config& c) { return c.threads * c.rows; }

// Shared memory: the scratch of each row's threads, then their columns.
DITUNE_HOST_DEVICE int shared_bytes(const RegistersS8Config& c, const Prologue& p) {
  return c.rows * scratch_bytes(c.threads) + (c.columns == KeptIn::shared ? column_bytes(p, threads(c), c.octets) : 0);
}

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const RegistersS8Config& c, const Prologue& p, long long m, long long,
                                          int sms) {
  LaunchPlan plan;
  const long long ctas = ceil_div(m, c.rows), resident = static_cast<long long>(sms) * c.ctas;
  plan.grid = c.schedule == RowSchedule::persistent && resident < ctas ? resident : ctas;
  plan.block = threads(c);
  plan.shared_bytes = shared_bytes(c, p);
  plan.dependent = c.launch == Launch::dependent;
  return plan;
}

}  // namespace ditune
