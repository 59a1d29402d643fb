// SPDX-License-Identifier: Apache-2.0
#include "emulation/embedded_emulation.hpp"

#include "embedded_files.hpp"

namespace ditune {

std::span<const EmbeddedFile> embedded_emulation() { return kEmbeddedFiles; }

}  // namespace ditune
