// SPDX-License-Identifier: Apache-2.0
// Operands of a problem on the current device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "generator/search_space.hpp"
#include "runtime/cuda.hpp"
#include "tuner/verify/operand_case.hpp"
#include "tuner/verify/reference_kernels.hpp"

namespace ditune {

// Several sets of everything a launch needs but the workspace, each allocation no larger than what the kernel may
// touch, so that a memory checker sees every step beyond. X and W are random int8 as quantization makes them, with
// every value an int8 has among them; scales and bias are random floats; extreme values are those of HostOperands. Each
// set has its own. Y has guard bands before and behind it.
class Operands {
 public:
  static constexpr std::size_t kGuardBytes = 4096;

  Operands(const Gemm& gemm, const Strides& strides, int sets, const Contents& contents,
           const ReferenceKernels& kernels, const Stream& stream);

  int sets() const { return static_cast<int>(sets_.size()); }
  // Null workspace.
  GemmArgs args(int set) const;
  std::size_t output_bytes() const { return output_bytes_; }  // without guard bands
  // The guard bands of a set's Y with Y between them: kGuardBytes + output_bytes() + kGuardBytes.
  const DeviceBuffer& guarded_output(int set) const { return sets_.at(static_cast<std::size_t>(set)).y; }

 private:
  struct Set {
    DeviceBuffer x, w, sx, sw, bias, y;
  };
  Set allocate_set() const;
  void fill_random(const Set& set, std::mt19937_64& seeds, const ReferenceKernels& kernels, const Stream& stream) const;
  void copy_from_host(const Set& set, const Contents& contents, const Stream& stream) const;

  Gemm gemm_;
  Strides strides_;
  std::size_t output_bytes_ = 0;
  std::vector<Set> sets_;
};

}  // namespace ditune
