// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {

KernelParameter Family<WgmmaS8Config>::parameter(const WgmmaS8Config& config, const Gemm& gemm, const GemmArgs& args,
                                                 const EncodeTensorMap& encode) {
  return bytes_of(TmaGemmArgs{.gemm = args,
                              .x = encode(x_map(config, args)),
                              .w = encode(w_map(config, args)),
                              .y = encode(y_map(config, gemm.epilogue.out, args))});
}

}  // namespace ditune
