// SPDX-License-Identifier: Apache-2.0
// PTX made ready to be embedded.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

// NVRTC's PTX in the PTX ISA of CUDA 12.0: the one that every driver knows which ditune works with
// (runtime/cuda_api.hpp). A kernel that needs a newer one is refused when it is assembled. Without comments,
// indentation and constants that nothing refers to.
std::string portable_ptx(std::string_view ptx);

}  // namespace ditune
