// SPDX-License-Identifier: Apache-2.0
// What stands for all kernels of a kind where all are too many: few configs, and the operations that they are run on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "generator/search_space.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune::test {

// A kernel and what it is run on, legal. The seed gives the operands and the order in which warps run.
struct Case {
  KernelConfig config;
  Target target;
  std::uint64_t seed = 0;
  OperandCase operands = OperandCase::plain;
};

// What a kind brings to its sample: a function for each kind, in kernels/KIND/sample.hpp.
struct KindSample {
  std::vector<Operation> typical;  // that between them bring candidates of every kind
  std::vector<Operation> fused;    // few that between them have all that can be fused: their sizes do not count
  std::vector<Operation> awkward;  // of sizes that divide nothing, with nothing fused
  // The sizes, and with what else is fused as many more columns as that needs.
  Operation (*with)(const Operation& sizes, const Operation& fused);
  double (*effort)(const Case& one);  // of its emulation, about
  double most_effort;                 // of a case, unless its config takes no problem that is easier
  void (*lengthen)(Case& one);        // as extreme values need it

  std::size_t hands;     // of a config, each with something else fused
  std::size_t problems;  // of a hand, at most
  std::size_t runs;      // of a hand: each on another case of operands, with another seed
};

// The candidates of the operations on the devices, each once, in order.
std::vector<KernelConfig> all_candidates(std::span<const Operation> operations, std::span<const DeviceInfo> devices);

// Few of the candidates that between them have every value of every field, and every pair of values of two fields, that
// some candidate has. Fields of different families make no pair.
std::vector<KernelConfig> covering_configs(std::span<const KernelConfig> candidates);

// Few of the operations that between them have every pair of values of two fields of what is fused.
std::vector<Operation> covering_fused(std::span<const Operation> operations);

// A card of each kind, those first that allow a kernel least.
std::vector<DeviceInfo> sample_cards();

// The covering configs of the typical operations on the cards, each with a few of what can be fused and on a few of the
// awkward sizes, as `ditune verify --on cpu` would run them. They are dealt out such that they meet as many values of
// fields as they can. Each config runs every case of operands, and where it has several hands some of them twice, with
// another seed. Cases that share an object are apart: who runs several at once need not wait for it.
std::vector<Case> covering_cases(const KindSample& sample);

// The command that runs the case again: "ditune verify --on cpu ...".
std::string replay(const Case& one);

}  // namespace ditune::test
