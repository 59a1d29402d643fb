// SPDX-License-Identifier: Apache-2.0
// How a call of a wrapper, and what it does, is written in a fault.
#pragma once

#include <cstring>
#include <string>

#include "emulation/machine.hpp"

namespace ditune::emulation {

// "mma_s8.cuh" of "/tmp/x/mma_s8.cuh": where a source was compiled tells nobody anything.
inline std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// "load_matrix_x4 (mma_s8.cuh:35)"
inline std::string text(const Site& site) {
  return std::string(site.wrapper) + " (" + file_name(site.file) + ':' + std::to_string(site.line) + ')';
}

// The same call, be it in two instantiations of a template.
inline bool same(const Site& a, const Site& b) { return a.line == b.line && std::strcmp(a.wrapper, b.wrapper) == 0; }

// "reads 4 bytes at shared address 8"
inline std::string shared_text(const char* verb, unsigned address, unsigned bytes) {
  return std::string(verb) + ' ' + std::to_string(bytes) + " bytes at shared address " + std::to_string(address);
}

}  // namespace ditune::emulation
