// SPDX-License-Identifier: Apache-2.0
// Text form of Epilogue (defined in templates/gemm_s8/epilogue_spec.cuh, which says what each field does).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ditune/members.hpp"
#include "epilogue_spec.cuh"

namespace ditune {

constexpr bool operator==(const Epilogue& a, const Epilogue& b) { return members(a) == members(b); }

// A value's word: the same in text forms and as the enumerator in C++.
std::string_view word(ScaleX sx);
std::string_view word(ScaleW sw);
std::string_view word(Bias bias);
std::string_view word(EpilogueOp op);
std::string_view word(Residual residual);
std::string_view word(Gate gate);
std::string_view word(Output out);

// Comma-separated key=value in the order of the struct's members, defaults left out; all defaults are "default".
//   sx=token|tensor  sw=channel|tensor  bias=none|f32|bf16|f16
//   op=none|gelu_tanh|gelu_erf|silu|sigmoid|swiglu  from=COLUMN
//   residual=none|bf16|f16|f32  gate=none|channel|table|index  out=bf16|f16|f32|s32
std::string format(const Epilogue& epilogue);

// Accepts keys in any order; parse(format(e)) == e. Throws UsageError on an unknown or repeated key, an unknown
// value, on scales beside out=s32, and on what validate refuses.
Epilogue parse_epilogue(std::string_view text);

// Throws UsageError on what makes no sense together: out=s32 with anything that needs a float, `from` without an op of
// single columns, swiglu with a residual, a gate without one.
void validate(const Epilogue& epilogue);

// Every epilogue whose op is applied to all columns: each that validate lets pass, once.
std::vector<Epilogue> all_epilogues();

}  // namespace ditune
