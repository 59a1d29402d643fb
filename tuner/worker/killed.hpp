// SPDX-License-Identifier: Apache-2.0
// Failures that say nothing about a candidate: its process was killed from outside, by the kernel where memory is short
// or by a person.
#pragma once

#include <string_view>

namespace ditune {

// What the failure of a candidate begins with whose process was lost; how the process ended follows
// (runtime/child_process.hpp).
inline constexpr std::string_view kCompilerLost = "the compiler ";
inline constexpr std::string_view kRunnerLost = "the process that ran it ";

// Whether it was a kill. Older databases call one a crash: "the compiler crashed (signal 9)".
bool was_killed(std::string_view failure);

}  // namespace ditune
