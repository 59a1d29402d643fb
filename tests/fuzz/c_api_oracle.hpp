// SPDX-License-Identifier: Apache-2.0
// Which arguments a call is defined with, and what its texts are: said a second time, from the header alone and in
// integers that do not wrap.
#pragma once

#include <ditune/ditune.h>

#include <array>
#include <cstdint>
#include <vector>

#include "c_api_machine.hpp"

namespace ditune::fuzz {

bool is_legal(const ditune_problem& problem);
bool is_legal(const ditune_quantize_problem& problem);

bool is_equal(const ditune_problem& a, const ditune_problem& b);
bool is_equal(const ditune_quantize_problem& a, const ditune_quantize_problem& b);

// A GPU of ditune's table, by a name that finds it.
struct Card {
  const char* name;
  std::int32_t arch, sms;
};
inline constexpr std::array kCards{Card{"NVIDIA GeForce RTX 3090", 86, 82}, Card{"rtx 3090", 86, 82},
                                   Card{"H100", 90, 132}};
// What finds none: many GPUs' first word, and no GPU's.
inline constexpr std::array kOtherNames{"RTX", "no\nsuch \xe9 card"};

// For a null or empty name, one of these, or one that is no GPU's.
bool is_legal(const ditune_device& device);

// One line of UTF-8 (RFC 3629), without control characters.
bool is_line(const char* text);

// What arguments are for: a kernel that needs so much workspace, or the host, which needs none and whose pointers are
// aligned to their elements alone.
struct Use {
  std::int64_t workspace_bytes = 0;
  bool is_on_host = false;
};

// For a legal problem. A config may ask for more: multiples of K, N and strides. Indices are not looked at.
bool is_legal(const ditune_args& args, const ditune_problem& problem, const Use& use);
bool is_legal(const ditune_quantize_args& args, const ditune_quantize_problem& problem, const Use& use);

// Whether a kernel was given what the caller asked for.
bool is_asked(const Launch& launch, const ditune_args& args, const ditune_problem& its);
bool is_asked(const Launch& launch, const ditune_quantize_args& args, const ditune_quantize_problem& its);

// Whether it needs more CTAs than a launch has, or may.
bool is_huge(const ditune_problem& problem);
bool is_huge(const ditune_quantize_problem& problem);

// Where arguments lie that are legal: what is read, and what is written.
struct Block {
  const void* data;
  __int128 rows, row_bytes, pitch;
  bool is_written;
};
std::vector<Block> blocks(const ditune_args& args, const ditune_problem& problem);
std::vector<Block> blocks(const ditune_quantize_args& args, const ditune_quantize_problem& problem);

bool is_legal_interleave(const void* gate, const void* up, const void* both, std::int64_t rows, std::int64_t row_bytes);

}  // namespace ditune::fuzz
