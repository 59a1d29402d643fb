// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in the generator, whatever the family. Its families also have, in Family<Config>:
//   static int k_multiple(const Config&);            // of K, ldx and ldw
//   static int n_multiple(const Config&);            // of N
//   static int ldy_multiple(const Config&, Output);  // of ldy
#pragma once

#include "ditune/gemm.hpp"
#include "generator/arguments.hpp"
#include "generator/family.hpp"
#include "generator/search_space.hpp"

namespace ditune {

using GemmTarget = TargetOf<Gemm>;

// Throws std::bad_variant_access for another kind.
inline const Gemm& gemm_of(const Target& target) { return std::get<Gemm>(target.operation); }

OperationText operation_text(const Gemm& gemm);

// What of the families of this kind says, of any config: of gemm_s8, or it throws UsageError.
int k_multiple(const KernelConfig& config);
int ldy_multiple(const KernelConfig& config, Output out);

// Strides of the operands that have one, or what they must be multiples of.
struct GemmStrides {
  std::int64_t x = 0, w = 0, y = 0;
  constexpr operator Strides() const { return {.of = {x, w, y}}; }  // the first rows of the table
};

// What the stride of a row of the table must be a multiple of.
template <class Config>
std::int64_t stride_multiple(const Config& config, const Gemm& gemm, const Operand& operand) {
  return operand.role == Role::input ? Family<Config>::k_multiple(config)
                                     : Family<Config>::ldy_multiple(config, gemm.epilogue.out);
}

// Throws UsageError for sizes that the config does not take.
template <class Config>
void check_sizes(const Config& config, const Gemm& gemm) {
  require_multiple("K", gemm.k, Family<Config>::k_multiple(config));
  require_multiple("N", gemm.n, Family<Config>::n_multiple(config));
}

}  // namespace ditune
