// SPDX-License-Identifier: Apache-2.0
// One variant of the family staged_s8, and how it is launched. Rows come to shared memory while those before them are
// worked on. Shared by host and device; C++17.
#pragma once

#include "column_terms.cuh"
#include "launch_plan.cuh"
#include "prologue_spec.cuh"
#include "quantize_layout.cuh"

namespace ditune {

enum class RowCopy : unsigned char {
  bulk,   // by bulk copies, which one thread asks for: sm_90
  async,  // 16 bytes by each thread
};

// Where a row finds what the parameters make of its columns.
enum class StagedColumns : unsigned char {
  memory,  // it makes them of the parameters anew
  shared,  // in shared memory, where the row before left them
};

struct StagedS8Config {
  int threads = 0;  // of a CTA, which has one row after the other: a power of two, 32 or more
  int octets = 0;   // of 8 columns, that a thread keeps
  int stages = 2;   // rows in shared memory
  RowCopy copy = RowCopy::bulk;
  StagedColumns columns = StagedColumns::memory;
  int ctas = 1;  // on an SM
  Launch launch = Launch::serial;

  static constexpr int load = kOctet;
};

DITUNE_HOST_DEVICE int threads(const StagedS8Config& c) { return c.threads; }

// What a row of `k` columns is made of: x, x2 and y in turn, each in whole 16 bytes.
DITUNE_HOST_DEVICE long long stage_bytes(const Prologue& p, long long k) {
  const long long branch = p.residual == Branch::none ? 0 : k;
  return (first_columns(p, k) + second_columns(p, k) + branch) * input_bytes(p.x);
}

// Shared memory: the threads' scratch, a barrier for each stage, the columns, the stages.
DITUNE_HOST_DEVICE int columns_begin(const StagedS8Config& c) { return scratch_bytes(c.threads) + 16 * c.stages; }
DITUNE_HOST_DEVICE int stages_begin(const StagedS8Config& c, const Prologue& p) {
  return columns_begin(c) + (c.columns == StagedColumns::shared ? column_bytes(p, c.threads, c.octets) : 0);
}

DITUNE_HOST_DEVICE long long shared_bytes(const StagedS8Config& c, const Prologue& p, long long k) {
  return stages_begin(c, p) + c.stages * stage_bytes(p, k);
}

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const StagedS8Config& c, const Prologue& p, long long m, long long k,
                                          int sms) {
  LaunchPlan plan;
  const long long resident = static_cast<long long>(sms) * c.ctas;
  plan.grid = resident < m ? resident : m;
  plan.block = threads(c);
  plan.shared_bytes = static_cast<int>(shared_bytes(c, p, k));
  plan.dependent = c.launch == Launch::dependent;
  return plan;
}

}  // namespace ditune
