// SPDX-License-Identifier: Apache-2.0
// PTX made ready to be embedded.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

// NVRTC's PTX in the first PTX ISA of its toolkit's major version, 9.0 for 9.2: the one that every driver of that major
// version knows, and so every driver that the linked CUDA runtime works with. A kernel that needs a newer one is
// refused when it is assembled. Without comments, indentation and constants that nothing refers to.
std::string portable_ptx(std::string_view ptx);

}  // namespace ditune
