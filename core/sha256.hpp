// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4): names a cubin by its content.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

// 64 hex digits.
std::string sha256(std::string_view bytes);

}  // namespace ditune
