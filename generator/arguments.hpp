// SPDX-License-Identifier: Apache-2.0
// Whether a kernel takes given operands.
#pragma once

#include <cstdint>

#include "core/operands.hpp"
#include "ditune/config.hpp"

namespace ditune {

// What each operand's stride must be a multiple of, in elements.
Strides stride_multiples(const KernelConfig& config, const Operation& operation);

// Throws UsageError if a launch of (config, operation) with these arguments, which are of the operation's sizes, would
// be undefined: sizes out of range or none that the config takes, a null or misaligned pointer, a stride shorter than
// its row or not a multiple of what the config loads at once, an operand that the operation does not take (or lacks),
// no workspace though its plan has so many bytes of it.
void check_args(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                std::int64_t workspace_bytes);

// The same, and throws UsageError if an output or the workspace shares a byte with anything else, unless the table
// allows it, or if an operand would end behind the last address. Rows of one pitch may lie between one another.
void check_launch(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                  std::int64_t workspace_bytes);

// The same of arguments in host memory, where any size and stride will do, a pointer is aligned to its element alone,
// there is no workspace, and an index can be looked at: it must be a row of its table.
void check_on_host(const Operation& operation, const Arguments& arguments);

[[noreturn]] void refuse_multiple(const char* name, std::int64_t value, std::int64_t multiple);

// Throws UsageError. `name`: "K", "ldx".
inline void require_multiple(const char* name, std::int64_t value, std::int64_t multiple) {
  if (value % multiple != 0) refuse_multiple(name, value, multiple);
}

}  // namespace ditune
