// SPDX-License-Identifier: Apache-2.0
// What stands for all kernels where all are too many: few configs, and the problems and epilogues that they are run on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "generator/search_space.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune::test {

// Problems that between them bring candidates of every kind: large and small tiles, parts of K, persistent CTAs, every
// width of loads.
std::vector<Gemm> typical_problems();

// The candidates of the problems on the devices, each once, in order.
std::vector<KernelConfig> all_candidates(std::span<const Gemm> problems, std::span<const DeviceInfo> devices);

// Few of the candidates that between them have every value of every field, and every pair of values of two fields, that
// some candidate has. Knows a family by the stub that is emitted for it alone; fields of different families make no
// pair.
std::vector<KernelConfig> covering_configs(std::span<const KernelConfig> candidates);

// Few of all epilogues, and of those with an op from a column on, that between them have every pair of values of two
// fields.
std::vector<Epilogue> covering_epilogues();

// A kernel and what it is run on, legal. The seed gives the operands and the order in which warps run.
struct Case {
  KernelConfig config;
  Target target;
  std::uint64_t seed = 0;
  OperandCase operands = OperandCase::plain;
};

// The covering configs of the typical problems on a card of each kind, each with two epilogues and on a few of a list
// of awkward problems, as `ditune verify --on cpu` would run them. Epilogues and problems are dealt out such that they
// meet as many values of fields as they can. Each config runs every case of operands, extreme values with a long K, and
// some of them twice, with another seed. Cases that share an object are apart: who runs several at once need not
// wait for it.
std::vector<Case> covering_cases();

// The command that runs the case again: "ditune verify --on cpu ...".
std::string replay(const Case& one);

}  // namespace ditune::test
