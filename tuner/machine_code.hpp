// SPDX-License-Identifier: Apache-2.0
// What a GPU runs of a cubin, without the names and the unused variables that the cubin holds, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditune {

// Equal for two cubins if a GPU does the same with both: code, constants, parameters, shared memory, registers, launch
// bounds. Left out are names, notes, debug information and global variables: a new member of a struct changes mangled
// names and nothing else. None if the bytes are no sound cubin of one kernel, or if its code refers to what is left
// out. What it cannot see is a read of a global variable by way of .nv.constant4: kernels must have none.
std::optional<std::string> machine_code(std::string_view cubin);

}  // namespace ditune
