// Random operands of a problem in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulation/emulate.hpp"
#include "gemm_args.cuh"
#include "tuner/operand_counts.hpp"

namespace ditune {

// Host memory of exactly `bytes` bytes, aligned as kernels want it: a memory checker sees every step beyond it. Null
// where it is empty.
class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(std::size_t bytes);
  std::byte* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t bytes_ = 0;
};

// All that a launch reads. X and W are random int8 over their whole range, -128 and 127 among them; scales and bias are
// positive and negative floats of several magnitudes, such that fp16 outputs do not overflow.
class HostOperands {
 public:
  HostOperands(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides, std::uint64_t seed);

  GemmArgs args() const;                           // null y and workspace
  std::vector<emulation::Region> regions() const;  // that an emulated kernel may read

 private:
  GemmProblem problem_;
  Strides strides_;
  HostBuffer x_, w_, sx_, sw_, bias_;
};

}  // namespace ditune
