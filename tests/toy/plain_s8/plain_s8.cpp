// SPDX-License-Identifier: Apache-2.0
#include "plain_s8/plain_s8.hpp"

#include "core/kinds.hpp"

namespace ditune {

std::optional<Rejection> Family<PlainS8Config>::refusal(const PlainS8Config& config, const GemmTarget& target) {
  const Epilogue& e = target.op.epilogue;
  if (!(e == Epilogue{.sx = e.sx, .sw = e.sw, .out = Output::f32}))
    return Rejection{"epilogue", "stores scaled sums as float32, no more"};
  if (threads(config) > 1024 || threads(config) % 32 != 0)
    return Rejection{"threads", "has no whole warps, or too many"};
  if (launch_plan(config, target.op, 1).grid > kMaxGrid) return Rejection{"grid", "has too many CTAs"};
  return std::nullopt;
}

std::vector<Candidate> Family<PlainS8Config>::candidates(const GemmTarget& target, Wanted wanted) {
  CandidateList<PlainS8Config> list(target, wanted);
  for (const int tile_n : {32, 64}) {
    const PlainS8Config config{4, tile_n};
    if (list.stands(config, {})) list.add(config);
  }
  return std::move(list).take();
}

Prediction Family<PlainS8Config>::predict(const PlainS8Config& config, const GemmTarget& target) {
  const double us = Kind<Gemm>::work(target.op) * 1e-6 + 1.0 / config.tile_n;
  return {.math_us = us, .total_us = us};
}

}  // namespace ditune
