// SPDX-License-Identifier: Apache-2.0
// Is a kernel right? Every bit of its output against the reference, on the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generator/search_space.hpp"
#include "runtime/prepared_launch.hpp"
#include "tuner/verify/device_operands.hpp"
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

// Holds the reference's results for set 0 of the operands. Where rows of an output are far apart (far_apart in
// operand_case.hpp), what lies between them is not looked at.
class Verifier {
 public:
  // The kernels and operands must outlive this.
  Verifier(const ReferenceKernels& kernels, const DeviceOperands& operands, const Stream& stream);

  // Launches a kernel on set 0 twice, on poisoned outputs, and compares. Returns why it is wrong, or nothing. Throws
  // CudaError if it cannot be launched or fails. Whatever comes of it, the workspace, which is what the launch uses, is
  // zero afterwards.
  std::string failure(const PreparedLaunch& launch, Workspace& workspace, const Stream& stream) const;

 private:
  struct Output {
    Operand operand;  // of set 0
    const DeviceBuffer* guarded;
    DeviceBuffer expected;  // rows without gaps
    DeviceBuffer gathered;  // the same, for one whose rows are far apart; else empty
  };
  // An output as it is compared: in its place, or the rows of it without what lies between them.
  struct Comparable {
    const unsigned char* data;
    std::int64_t stride;
  };

  std::string failure_on(unsigned char poison, const PreparedLaunch& launch, const DeviceBuffer& workspace,
                         const Stream& stream) const;
  std::string failure_of(const Output& output, unsigned char poison, const Stream& stream) const;

  static void poison(const Output& output, unsigned char poison, const Stream& stream);
  static Comparable comparable(const Output& output, const Stream& stream);
  static std::string describe(const Mismatch& mismatch, const Output& output, const Comparable& actual,
                              const Stream& stream);

  const ReferenceKernels& kernels_;
  std::vector<Output> outputs_;
};

}  // namespace ditune
