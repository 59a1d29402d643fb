// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantize_s8/host_quantize.hpp"

#include "core/in_parallel.hpp"
#include "runtime/quantize_s8/plain_quantize.hpp"

namespace ditune {

void host_quantize(const QuantizeArgs& args, const Prologue& prologue, std::size_t threads) {
  in_parallel(static_cast<std::size_t>(args.m), threads,
              [&](std::size_t m) { plain_quantize_row(args, prologue, static_cast<long long>(m)); });
}

}  // namespace ditune
