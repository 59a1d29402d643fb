// SPDX-License-Identifier: Apache-2.0
// The operands of the kind gemm_s8: a row for each pointer of GemmArgs, in their order. The library's and the exported
// header's; C++17.
#pragma once

#include <cstddef>

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

struct GemmOperands {
  Operand rows[7];
};

// The arguments' sizes and strides count whether or not their pointers are set.
inline GemmOperands gemm_operands(const Epilogue& epilogue, const GemmArgs& args, long long workspace_bytes) {
  const bool scaled = epilogue.out != Output::s32;
  const auto at = [](std::size_t data, std::size_t stride) {
    return OperandOffsets{static_cast<unsigned char>(data), static_cast<unsigned char>(stride)};
  };
  const char* const matrix = "x, w or y is null";
  const char* const scale = "sx and sw: both, and none for s32";
  return {{
      {"x",
       Role::input,
       Element::s8,
       Fill::left,
       true,
       {args.m, args.k, args.ldx, "ldx"},
       args.x,
       at(offsetof(GemmArgs, x), offsetof(GemmArgs, ldx)),
       0,
       matrix},
      {"w",
       Role::input,
       Element::s8,
       Fill::right,
       true,
       {args.n, args.k, args.ldw, "ldw"},
       args.w,
       at(offsetof(GemmArgs, w), offsetof(GemmArgs, ldw)),
       0,
       matrix},
      {"y",
       Role::output,
       element_of(epilogue.out),
       Fill::none,
       true,
       {args.m, args.n, args.ldy, "ldy"},
       args.y,
       at(offsetof(GemmArgs, y), offsetof(GemmArgs, ldy)),
       0,
       matrix},
      {"sx", Role::input, Element::f32, Fill::scale, scaled, vector_of(epilogue.sx == ScaleX::token ? args.m : 1),
       args.sx, at(offsetof(GemmArgs, sx), 0), 0, scale},
      {"sw", Role::input, Element::f32, Fill::scale, scaled, vector_of(epilogue.sw == ScaleW::channel ? args.n : 1),
       args.sw, at(offsetof(GemmArgs, sw), 0), 0, scale},
      {"bias", Role::input, element_of(epilogue.bias), Fill::addend, epilogue.bias != Bias::none, vector_of(args.n),
       args.bias, at(offsetof(GemmArgs, bias), 0), 0, "bias: if, and only if, the epilogue has one"},
      {"workspace", Role::scratch, Element::s8, Fill::none, workspace_bytes > 0, vector_of(workspace_bytes),
       args.workspace, at(offsetof(GemmArgs, workspace), 0), 0, "workspace is null: zeroed memory is needed"},
  }};
}

}  // namespace ditune
