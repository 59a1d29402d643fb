// SPDX-License-Identifier: Apache-2.0
// What compilers print.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

// The first line that a compiler marks as an error, the one to put in a message.
std::string first_error(std::string_view log);

// Whether what NVRTC prints is a failure of the machine's, not of the source.
bool tells_machine_failure(std::string_view log);

}  // namespace ditune
