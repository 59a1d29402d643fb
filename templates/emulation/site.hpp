// How a call of a wrapper is written in a fault.
#pragma once

#include <string>

#include "emulation/machine.hpp"

namespace ditune::emulation {

// "mma_s8.cuh" of "/tmp/x/mma_s8.cuh": where a source was compiled tells nobody anything.
inline std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// "load_matrix_x4 (mma_s8.cuh:35)"
inline std::string text(const Site& site) {
  return std::string(site.wrapper) + " (" + file_name(site.file) + ':' + std::to_string(site.line) + ')';
}

}  // namespace ditune::emulation
