// SPDX-License-Identifier: Apache-2.0
// Operands of an operation in host memory.
#pragma once

#include <utility>
#include <vector>

#include "core/operands.hpp"
#include "emulation/emulate.hpp"
#include "tuner/verify/host_rows.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune {

// All that a launch reads, filled as host_fills.hpp says.
class HostOperands {
 public:
  HostOperands(const Operation& operation, const Strides& strides, const Contents& contents);

  const Arguments& arguments() const { return arguments_; }  // null outputs and workspace
  std::vector<emulation::Region> regions() const;            // that an emulated kernel may read

 private:
  Arguments arguments_;
  std::vector<std::pair<Operand, HostRows>> inputs_;
};

RowShape shape_of(const Operand& operand);
emulation::Region region_of(const Operand& operand, const HostRows& rows);

}  // namespace ditune
