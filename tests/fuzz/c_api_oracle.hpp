// Which arguments a call is defined with, and what its texts are: said a second time, from the header alone and in
// integers that do not wrap.
#pragma once

#include <ditune/ditune.h>

#include <cstdint>

namespace ditune::fuzz {

bool is_legal(const ditune_problem& problem);

// One line of UTF-8 (RFC 3629), without control characters.
bool is_line(const char* text);

// For a legal problem and a kernel that needs so much workspace. A config may ask for more: multiples of K, N and
// strides.
bool is_legal(const ditune_args& args, const ditune_problem& problem, std::int64_t workspace_bytes);

}  // namespace ditune::fuzz
