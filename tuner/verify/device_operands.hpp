// SPDX-License-Identifier: Apache-2.0
// Operands of an operation on the current device.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "core/operands.hpp"
#include "runtime/cuda.hpp"
#include "tuner/verify/operand_case.hpp"
#include "tuner/verify/reference_kernels.hpp"

namespace ditune {

// Several sets of everything a launch needs but the workspace, each allocation no larger than what the kernel may
// touch, so that a memory checker sees every step beyond. Inputs are as templates/common/verification.cuh fills them;
// extreme values are those of HostOperands. Each set has its own. Outputs have guard bands before and behind them.
class DeviceOperands {
 public:
  static constexpr std::size_t kGuardBytes = 4096;

  struct Wanted {
    Operation operation;
    Strides strides;
    int sets = 1;
    Contents contents = {};
  };
  DeviceOperands(const Wanted& wanted, const ReferenceKernels& kernels, const Stream& stream);

  int sets() const { return static_cast<int>(sets_.size()); }
  const Operation& operation() const { return operation_; }
  // Null workspace.
  const Arguments& arguments(int set) const { return sets_.at(static_cast<std::size_t>(set)).arguments; }
  // The guard bands of an output, a row of the table, with the output between them.
  const DeviceBuffer& guarded_output(int set, std::size_t row) const {
    return sets_.at(static_cast<std::size_t>(set)).buffers.at(row);
  }

 private:
  struct Set {
    Arguments arguments;
    std::vector<DeviceBuffer> buffers;  // by row of the table
  };
  Set allocate_set() const;
  void fill_random(const Set& set, std::mt19937_64& seeds, const ReferenceKernels& kernels, const Stream& stream) const;
  void copy_from_host(const Set& set, const Contents& contents, const Stream& stream) const;

  Operation operation_;
  Strides strides_;
  std::vector<Operand> operands_;  // without pointers
  std::vector<Set> sets_;
};

}  // namespace ditune
