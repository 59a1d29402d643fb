// SPDX-License-Identifier: Apache-2.0
// The operands of the kind quantize_s8: a row for each pointer of QuantizeArgs, in their order. The library's and the
// exported header's; C++17.
#pragma once

#include "operand.cuh"
#include "prologue_spec.cuh"
#include "quantize_args.cuh"

namespace ditune {

DITUNE_HOST_DEVICE Element element_of(InputType type) {
  return type == InputType::bf16 ? Element::bf16 : type == InputType::f16 ? Element::f16 : Element::f32;
}

DITUNE_HOST_DEVICE Element element_of(QuantizedType type) {
  return type == QuantizedType::s8 ? Element::s8 : type == QuantizedType::bf16 ? Element::bf16 : Element::f16;
}

struct QuantizeOperands {
  static constexpr int count = 15;
  Operand rows[count];

  const Operand* begin() const { return rows; }
  const Operand* end() const { return rows + count; }
};

// The arguments' sizes and strides count whether or not their pointers are set.
inline QuantizeOperands quantize_operands(const Prologue& p, const QuantizeArgs& args) {
  const auto offset = [&](const void* member) {
    return static_cast<unsigned char>(static_cast<const char*>(member) - reinterpret_cast<const char*>(&args));
  };
  const auto at = [&](const void* data, const void* stride) {
    return OperandOffsets{offset(data), stride ? offset(stride) : static_cast<unsigned char>(0)};
  };
  const Element input = element_of(p.x), parameter = p.parameters == ParameterType::f32 ? Element::f32 : input;
  const auto matrix = [&](const char* name, Role role, bool is_present, const OperandExtents& extents, const void* data,
                          OperandOffsets offsets, const char* if_wrong) {
    const Fill fill = role == Role::input ? Fill::addend : Fill::none;
    return Operand{name, role, input, fill, is_present, extents, data, offsets, 0, 0, if_wrong};
  };
  const auto of_table = [&](const char* name, bool is_present, const void* const& data) {
    const bool one = p.table == ModulationTable::all;
    const OperandExtents extents = one ? vector_of(args.k) : OperandExtents{args.tables, args.k, args.ldt, "ldt"};
    return Operand{name,
                   Role::input,
                   parameter,
                   Fill::addend,
                   is_present,
                   extents,
                   data,
                   at(&data, one ? nullptr : &args.ldt),
                   0,
                   0,
                   "g, s and t: if, and only if, the prologue has them"};
  };
  const auto of_columns = [&](const char* name, bool is_present, const void* const& data) {
    return Operand{name,
                   Role::input,
                   parameter,
                   Fill::addend,
                   is_present,
                   vector_of(args.k),
                   data,
                   at(&data, nullptr),
                   0,
                   0,
                   "w1, w, b and c: if, and only if, the prologue has them"};
  };
  const bool is_added = p.residual != Branch::none;
  const OperandExtents x{args.m, first_columns(p, args.k), args.ldx, "ldx"};
  const OperandExtents x2{args.m, second_columns(p, args.k), args.ldx2, "ldx2"};
  const OperandExtents y{args.m, args.k, args.ldy, "ldy"}, h{args.m, args.k, args.ldh, "ldh"};
  const OperandExtents q{args.m, args.k, args.ldq, "ldq"};
  const char* const branch = "y and h: if, and only if, the prologue has a residual";
  QuantizeOperands all{{
      matrix("x", Role::input, true, x, args.x, at(&args.x, &args.ldx), "x is null"),
      matrix("x2", Role::input, p.split > 0, x2, args.x2, at(&args.x2, &args.ldx2),
             "x2: if, and only if, the prologue has a split"),
      matrix("y", Role::input, is_added, y, args.y, at(&args.y, &args.ldy), branch),
      matrix("h", Role::output, is_added, h, args.h, at(&args.h, &args.ldh), branch),
      of_table("g", is_gated(p), args.g),
      of_table("s", p.modulate != Modulation::none, args.s),
      of_table("t", p.modulate == Modulation::scale1_shift, args.t),
      {"index", Role::input, Element::s32, Fill::index, p.table == ModulationTable::index, vector_of(args.m),
       args.index, at(&args.index, nullptr), 0, args.tables, "index: if, and only if, the prologue's table has one"},
      of_columns("w1", p.residual == Branch::gate_rms, args.w1),
      of_columns("w", p.weight != NormWeight::none, args.w),
      of_columns("b", p.bias != NormBias::none, args.b),
      of_columns("c", p.smooth == Smoothing::on, args.c),
      matrix("q", Role::output, true, q, args.q, at(&args.q, &args.ldq), "q is null"),
      {"scale", p.scale == QuantizedScale::token ? Role::output : Role::input, Element::f32,
       p.scale == QuantizedScale::token ? Fill::none : Fill::scale, p.out == QuantizedType::s8,
       vector_of(p.scale == QuantizedScale::token ? args.m : 1), args.scale, at(&args.scale, nullptr), 0, 0,
       "scale: if, and only if, the output is int8"},
      {"r", Role::input, Element::f32, Fill::addend, p.rope != Rope::none,
       OperandExtents{args.positions, p.head, args.ldr, "ldr"}, args.r, at(&args.r, &args.ldr), 0, 0,
       "r: if, and only if, the prologue has a rope"},
  }};
  all.rows[3].may_be = 1;  // h may be x
  all.rows[12].type = element_of(p.out);
  all.rows[12].may_be = may_be_in_place(p) ? 1 : 0;
  return all;
}

}  // namespace ditune
