// SPDX-License-Identifier: Apache-2.0
// The emulated hardware's sources that a kernel is compiled with, embedded by CMake.
#pragma once

#include <span>

#include "templates/embedded.hpp"

namespace ditune {

// Names as in an include, less the folder: "hardware.hpp" is "emulation/hardware.hpp". Not among embedded_templates():
// no GPU's compiler gets them.
std::span<const EmbeddedFile> embedded_emulation();

}  // namespace ditune
