// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in the generator, whatever the family.
#pragma once

#include "ditune/gemm.hpp"
#include "generator/family.hpp"
#include "generator/search_space.hpp"

namespace ditune {

using GemmTarget = TargetOf<Gemm>;

// Throws std::bad_variant_access for another kind.
inline const Gemm& gemm_of(const Target& target) { return std::get<Gemm>(target.operation); }

OperationText operation_text(const Gemm& gemm);

}  // namespace ditune
