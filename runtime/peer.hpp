// SPDX-License-Identifier: Apache-2.0
// What ditune is timed beside.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/cuda.hpp"

namespace ditune {

// One way to do what an operation does, or a bound of it, with operands of its own in its own types.
struct Peer {
  std::string name;                  // "cublaslt int8->int32"
  std::string reason;                // why it cannot be timed; empty: it can
  int algorithms = 0;                // among which it may choose
  std::vector<std::string> configs;  // of the algorithms, if they are ditune's
  int sets = 0;                      // operand sets, enough to rotate beyond L2
  // Enqueues it once. Holds the operands: they live as long as the last copy of this function.
  std::function<void(int algorithm, int set, const Stream& stream)> launch;
};

}  // namespace ditune
