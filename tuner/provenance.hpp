// Where results come from, as far as this program knows by itself.
#pragma once

#include <string>

#include "ditune/record.hpp"
#include "runtime/nvrtc.hpp"

namespace ditune {

// "2026-11-22T12:00:00Z"
std::string utc_now();

// Versions and the time; nothing of a GPU.
Provenance toolchain_provenance(const Nvrtc& nvrtc);

}  // namespace ditune
