// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in the generator, whatever the family. Its families also have, in Family<Config>:
//   static int k_multiple(const Config&);                     // of K, ldx and ldw
//   static int n_multiple(const Config&, const Epilogue&);    // of N
//   static int ldy_multiple(const Config&, Output);           // of ldy
//   static int residual_multiple(const Config&, const Epilogue&);  // of ldr and ldg
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

// The same of any config. Throws UsageError for one of another kind.
int k_multiple(const KernelConfig& config);
int ldy_multiple(const KernelConfig& config, Output out);
int residual_multiple(const KernelConfig& config, const Epilogue& epilogue);

// Strides of the operands that have one, or what they must be multiples of.
struct GemmStrides {
  std::int64_t x = 0, w = 0, y = 0, r = 0, g = 0;
  constexpr operator Strides() const { return {.of = {x, w, y, 0, 0, 0, 0, r, g}}; }  // in the table's order
};

// What the stride of a row of the table must be a multiple of.
template <class Config>
std::int64_t stride_multiple(const Config& config, const Gemm& gemm, const Operand& operand) {
  if (operand.role == Role::output) return Family<Config>::ldy_multiple(config, gemm.epilogue.out);
  if (operand.type == Element::s8) return Family<Config>::k_multiple(config);
  return operand.extents.stride_name ? Family<Config>::residual_multiple(config, gemm.epilogue) : 1;
}

// Throws UsageError for a table of gates that has too few rows.
void check_arguments(const Gemm& gemm, const FusedGemmArgs& args);

// Throws UsageError for sizes that the config does not take.
template <class Config>
void check_sizes(const Config& config, const Gemm& gemm) {
  require_multiple("K", gemm.k, Family<Config>::k_multiple(config));
  require_multiple("N", gemm.n, Family<Config>::n_multiple(config, gemm.epilogue));
}

}  // namespace ditune
