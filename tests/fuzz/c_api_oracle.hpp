// Which arguments a launch is defined with: said a second time, from the header alone and in integers that do not wrap.
#pragma once

#include <ditune/ditune.h>

#include <cstdint>

namespace ditune::fuzz {

bool is_legal(const ditune_problem& problem);

// For a legal problem and a kernel that needs so much workspace. A config may ask for more: multiples of K, N and
// strides.
bool is_legal(const ditune_args& args, const ditune_problem& problem, std::int64_t workspace_bytes);

}  // namespace ditune::fuzz
