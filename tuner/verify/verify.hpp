// SPDX-License-Identifier: Apache-2.0
// Is a kernel right? Every bit of its output against the reference, on the device.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "generator/search_space.hpp"
#include "runtime/prepared_launch.hpp"
#include "tuner/verify/operands.hpp"
#include "tuner/verify/reference_kernels.hpp"

namespace ditune {

// Device memory that is all zero, for kernels that must leave it so; what is lent grows with what is asked for.
class Workspace {
 public:
  // At least `bytes` bytes of zeros. What was lent before a larger request is valid for whoever holds its buffer.
  void* zeros(std::size_t bytes, const Stream& stream);
  // Zero again, after a kernel that may not have left it so; as far as the device still can.
  void try_clean(const Stream& stream) noexcept;
  const std::shared_ptr<const DeviceBuffer>& buffer() const { return buffer_; }

 private:
  void clean(const Stream& stream);

  static constexpr std::size_t kGuardBytes = 4096;  // more than is asked for, zero too: it shows who writes beyond
  std::shared_ptr<const DeviceBuffer> buffer_ = std::make_shared<DeviceBuffer>();
};

// Holds the reference's result for set 0 of the operands. Where rows of Y are far apart (far_apart in
// operand_counts.hpp), what lies between them is not looked at.
class Verifier {
 public:
  // The kernels and operands must outlive this.
  Verifier(const Epilogue& epilogue, const ReferenceKernels& kernels, const Operands& operands, const Stream& stream);

  // Launches a kernel on set 0 twice, on poisoned outputs, and compares. Returns why it is wrong, or nothing. Throws
  // CudaError if it cannot be launched or fails. Whatever comes of it, the workspace, which is what the launch uses, is
  // zero afterwards.
  std::string failure(const PreparedLaunch& launch, Workspace& workspace, const Stream& stream) const;

 private:
  std::string failure_on(unsigned char poison, const PreparedLaunch& launch, const DeviceBuffer& workspace,
                         const Stream& stream) const;
  void poison_output(unsigned char poison, const Stream& stream) const;
  GemmArgs comparable(const Stream& stream) const;
  std::string describe(const Mismatch& mismatch, const GemmArgs& args, const Stream& stream) const;

  Epilogue epilogue_;
  const ReferenceKernels& kernels_;
  const Operands& operands_;
  DeviceBuffer expected_;  // [m, n], packed
  DeviceBuffer gathered_;  // the same of an output whose rows are far apart; else empty
};

}  // namespace ditune
