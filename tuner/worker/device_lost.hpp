// SPDX-License-Identifier: Apache-2.0
// The error of a device that does nothing any more for this process.
#pragma once

#include <string>
#include <utility>

#include "ditune/error.hpp"

namespace ditune {

// A kernel left the context unusable, an illegal address for instance: no call after it works, in this process.
class DeviceLost : public CudaError {
 public:
  // `reason`: in plain words, what the kernel is to blame for.
  DeviceLost(const std::string& what, const std::string& remedy, std::string reason)
      : CudaError(what, remedy), reason_(std::move(reason)) {}
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace ditune
