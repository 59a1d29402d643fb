// SPDX-License-Identifier: Apache-2.0
// Family plain_s8: a thread an output, which it stores as float32.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"
#include "plain_s8_config.cuh"

namespace ditune {

template <PlainS8Config config, Epilogue epilogue>
DITUNE_DEVICE void plain_s8(const GemmArgs& args) {
  static_assert(epilogue.out == Output::f32 && epilogue.bias == Bias::none);
  const long long columns = ceil_div(args.n, config.tile_n);
  const long long row = block_index() / columns * config.tile_m + thread_index() / config.tile_n;
  const long long column = block_index() % columns * config.tile_n + thread_index() % config.tile_n;
  if (row >= args.m || column >= args.n) return;
  int acc = 0;
  for (long long k = 0; k < args.k; ++k)
    acc += global_load(args.x + row * args.ldx + k) * global_load(args.w + column * args.ldw + k);
  const float sx = global_load(args.sx + (epilogue.sx == ScaleX::token ? row : 0));
  const float sw = global_load(args.sw + (epilogue.sw == ScaleW::channel ? column : 0));
  global_store(static_cast<float*>(args.y) + row * args.ldy + column, multiply(multiply(to_float(acc), sx), sw));
}

}  // namespace ditune
