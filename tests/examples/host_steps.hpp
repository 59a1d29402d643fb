// SPDX-License-Identifier: Apache-2.0
// Steps of examples/block.hpp on arrays of the host.
#pragma once

#include <cstring>
#include <vector>

#include "core/operands.hpp"
#include "examples/block.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune::test {

inline Arguments arguments_of(const example::Step& step) {
  return std::visit([](const auto& args) -> Arguments { return args; }, step.args);
}

// What the plain loop makes of it.
inline Outputs plain_outputs(const example::Step& step) { return plain_outputs(step.operation, arguments_of(step)); }

// Writes outputs, whose rows are packed, to where the step has them.
inline void store(const example::Step& step, const Outputs& outputs) {
  std::size_t next = 0;
  for (const Operand& operand : operands_of(step.operation, arguments_of(step))) {
    if (!operand.is_present || operand.role != Role::output) continue;
    const std::vector<std::byte>& bytes = outputs.at(next++);
    std::memcpy(const_cast<void*>(operand.data), bytes.data(), bytes.size());
  }
}

}  // namespace ditune::test
