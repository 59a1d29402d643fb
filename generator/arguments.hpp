// SPDX-License-Identifier: Apache-2.0
// Whether a kernel takes given operands.
#pragma once

#include <cstdint>
#include <string_view>

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

// Throws UsageError if an output or the workspace of so many bytes shares a byte with anything else, unless the table
// allows it, or if an operand would end behind the last address. Rows of one pitch may lie between one another. The
// arguments must pass check_args.
void check_memory(const Operation& operation, const Arguments& arguments, std::int64_t workspace_bytes);

// Throws UsageError. `name`: "K", "ldx".
void require_multiple(std::string_view name, std::int64_t value, std::int64_t multiple);

}  // namespace ditune
