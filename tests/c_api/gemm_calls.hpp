// SPDX-License-Identifier: Apache-2.0
// Calls of the C ABI for GEMMs, and a runtime that knows winners for them.
#pragma once

#include <ditune/ditune.h>

#include <cstdint>

#include "c_api/machine.hpp"

namespace ditune::test {

inline ditune_problem problem(std::int64_t m = 4096) {
  ditune_problem its{};
  its.size = sizeof its;
  its.m = m;
  its.n = its.k = 4608;
  return its;
}

inline ditune_args args() {
  ditune_args its{};
  its.size = sizeof its;
  its.x = address<void>(1);
  its.w = address<void>(2);
  its.y = address<void>(3);
  its.sx = address<void>(4);
  its.sw = address<void>(5);
  its.ldx = its.ldw = its.ldy = 4608;
  return its;
}

// With a residual, and a gate for each of four images.
inline ditune_problem gated_problem() {
  ditune_problem its = problem();
  its.residual = DITUNE_RESIDUAL_BF16;
  its.gate = DITUNE_GATE_TABLE;
  return its;
}

inline ditune_args gated_args() {
  ditune_args its = args();
  its.r = address<void>(8);
  its.g = address<void>(9);
  its.ldr = 4608, its.ldg = 4624;
  its.gates = 4, its.rows_per_gate = 1024;
  return its;
}

// A runtime of a database with the winners of 4096x4608x4608, plain and with a residual and gates.
struct Opened : OpenedRuntime {
  Opened()
      : OpenedRuntime({machine_winner(Gemm{4096, 4608, 4608}),
                       machine_winner(Gemm{4096, 4608, 4608, {.residual = Residual::bf16, .gate = Gate::table}})}) {}

  ditune_kernel prepare() const {
    const ditune_problem its = problem();
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_OK);
    return kernel;
  }
};

inline ditune_device device(const char* name, std::int32_t arch = 0, std::int32_t sms = 0) {
  ditune_device its{};
  its.size = sizeof its;
  its.name = name;
  its.arch = arch;
  its.sms = sms;
  return its;
}

}  // namespace ditune::test
