// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {

KernelParameter Family<WgmmaS8Config>::parameter(const WgmmaS8Config& config, const Gemm& gemm,
                                                 const FusedGemmArgs& args, const EncodeTensorMap& encode) {
  const TmaGemmArgs plain{.gemm = args,
                          .x = encode(x_map(config, args)),
                          .w = encode(w_map(config, args)),
                          .y = encode(y_map(config, gemm.epilogue, args))};
  if (gemm.epilogue.residual == Residual::none) return bytes_of(plain);
  TmaFusedGemmArgs fused{plain, args, {}};
  if (stages_residual(gemm.epilogue)) fused.residual = encode(residual_map(config, gemm.epilogue, args));
  return bytes_of(fused);
}

}  // namespace ditune
