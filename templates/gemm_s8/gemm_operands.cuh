// SPDX-License-Identifier: Apache-2.0
// The operands of the kind gemm_s8: a row for each pointer of FusedGemmArgs, in their order. The library's and the
// exported header's; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "operand.cuh"

namespace ditune {

DITUNE_HOST_DEVICE Element element_of(Output out) {
  return out == Output::bf16  ? Element::bf16
         : out == Output::f16 ? Element::f16
         : out == Output::f32 ? Element::f32
                              : Element::s32;
}

DITUNE_HOST_DEVICE Element element_of(Bias bias) {
  return bias == Bias::bf16 ? Element::bf16 : bias == Bias::f16 ? Element::f16 : Element::f32;
}

DITUNE_HOST_DEVICE Element element_of(Residual residual) {
  return residual == Residual::bf16 ? Element::bf16 : residual == Residual::f16 ? Element::f16 : Element::f32;
}

struct GemmOperands {
  Operand rows[10];
  int count;  // of rows: without those of a residual where there is none, since every launch makes this table

  const Operand* begin() const { return rows; }
  const Operand* end() const { return rows + count; }
};

// The arguments' sizes and strides count whether or not their pointers are set.
inline GemmOperands gemm_operands(const Epilogue& epilogue, const FusedGemmArgs& args, long long workspace_bytes) {
  const bool scaled = epilogue.out != Output::s32;
  const bool one_gate = epilogue.gate == Gate::none || epilogue.gate == Gate::channel;
  const long long columns = output_columns(epilogue, args.n);
  const Element residual = element_of(epilogue.residual);
  const auto offset = [&](const void* member) {
    return static_cast<unsigned char>(static_cast<const char*>(member) - reinterpret_cast<const char*>(&args));
  };
  const auto at = [&](const void* data) { return OperandOffsets{offset(data), 0}; };
  const auto strided = [&](const void* data, const void* stride) {
    return OperandOffsets{offset(data), offset(stride)};
  };
  const OperandExtents x{args.m, args.k, args.ldx, "ldx"}, w{args.n, args.k, args.ldw, "ldw"};
  const OperandExtents y{args.m, columns, args.ldy, "ldy"}, r{args.m, columns, args.ldr, "ldr"};
  const OperandExtents g = one_gate ? vector_of(columns) : OperandExtents{args.gates, columns, args.ldg, "ldg"};
  const OperandExtents sx = vector_of(epilogue.sx == ScaleX::token ? args.m : 1);
  const OperandExtents sw = vector_of(epilogue.sw == ScaleW::channel ? args.n : 1);
  constexpr int kResidualRow = 7;
  constexpr Role kIn = Role::input;
  const char* const matrix = "x, w or y is null";
  const char* const scale = "sx and sw: both, and none for s32";
  const char* const gates = "g and gate_index: if, and only if, the epilogue has them";
  GemmOperands all;
  all.count = kResidualRow;
  all.rows[0] = {"x", kIn, Element::s8, Fill::left, true, x, args.x, strided(&args.x, &args.ldx), 0, 0, matrix};
  all.rows[1] = {"w", kIn, Element::s8, Fill::right, true, w, args.w, strided(&args.w, &args.ldw), 0, 0, matrix};
  all.rows[2] = {"y",   Role::output, element_of(epilogue.out),    Fill::none,         true,
                 y,     args.y,       strided(&args.y, &args.ldy), 1U << kResidualRow, 0,
                 matrix};
  all.rows[3] = {"sx", kIn, Element::f32, Fill::scale, scaled, sx, args.sx, at(&args.sx), 0, 0, scale};
  all.rows[4] = {"sw", kIn, Element::f32, Fill::scale, scaled, sw, args.sw, at(&args.sw), 0, 0, scale};
  all.rows[5] = {"bias",
                 kIn,
                 element_of(epilogue.bias),
                 Fill::addend,
                 epilogue.bias != Bias::none,
                 vector_of(args.n),
                 args.bias,
                 at(&args.bias),
                 0,
                 0,
                 "bias: if, and only if, the epilogue has one"};
  all.rows[6] = {"workspace",
                 Role::scratch,
                 Element::s8,
                 Fill::none,
                 workspace_bytes > 0,
                 vector_of(workspace_bytes),
                 args.workspace,
                 at(&args.workspace),
                 0,
                 0,
                 "workspace is null: zeroed memory is needed"};
  if (epilogue.residual == Residual::none && !args.r && !args.g && !args.gate_index) return all;
  all.count = 10;
  all.rows[7] = {"r",
                 kIn,
                 residual,
                 Fill::addend,
                 epilogue.residual != Residual::none,
                 r,
                 args.r,
                 strided(&args.r, &args.ldr),
                 0,
                 0,
                 "r: if, and only if, the epilogue has a residual"};
  all.rows[8] = {"g",
                 kIn,
                 residual,
                 Fill::addend,
                 epilogue.gate != Gate::none,
                 g,
                 args.g,
                 one_gate ? at(&args.g) : strided(&args.g, &args.ldg),
                 0,
                 0,
                 gates};
  all.rows[9] = {"gate_index",
                 kIn,
                 Element::s32,
                 Fill::index,
                 epilogue.gate == Gate::index,
                 vector_of(args.m),
                 args.gate_index,
                 at(&args.gate_index),
                 0,
                 args.gates,
                 gates};
  return all;
}

}  // namespace ditune
