// SPDX-License-Identifier: Apache-2.0
// The operands of the kind copy.
#pragma once

#include <cstddef>

#include "copy_args.cuh"
#include "operand.cuh"

namespace ditune {

struct CopyOperands {
  Operand rows[2];
  int count = 2;
};

inline CopyOperands copy_operands(CopyType type, const CopyArgs& args) {
  const bool is_s8 = type == CopyType::s8;
  return {{
      {"x",
       Role::input,
       is_s8 ? Element::s8 : Element::bf16,
       is_s8 ? Fill::left : Fill::addend,
       true,
       {args.m, args.k, args.ldx, "ldx"},
       args.x,
       {offsetof(CopyArgs, x), offsetof(CopyArgs, ldx)},
       0,
       0,
       "x or y is null"},
      {"y",
       Role::output,
       is_s8 ? Element::s8 : Element::bf16,
       Fill::none,
       true,
       {args.m, args.k, args.ldy, "ldy"},
       args.y,
       {offsetof(CopyArgs, y), offsetof(CopyArgs, ldy)},
       0,
       0,
       "x or y is null"},
  }};
}

}  // namespace ditune
