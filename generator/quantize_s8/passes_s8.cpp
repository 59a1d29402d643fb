// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/passes_s8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/quantize_s8/passes_s8_fields.hpp"
#include "quantize_layout.cuh"

namespace ditune {
namespace {

using Config = PassesS8Config;

std::string sizes(const Config& c, const QuantizeTarget&) {
  if (c.threads < 32 || (c.threads & (c.threads - 1)) != 0)
    return fmt::format("{} threads a row are no power of two from 32 on", c.threads);
  return c.ctas < 1 ? "every size is at least 1" : "";
}

constexpr std::array<Constraint<Config>, 1> kLimits{{{"sizes", sizes}}};

// ---- what is worth a try

// A warp that has nothing to do but to wait for the others.
std::string idle_warps(const Config& c, const QuantizeTarget& t) {
  const std::int64_t enough = ceil_div(t.op.k, kOctet);
  return c.threads > 32 && c.threads / 2 >= enough ? fmt::format("{} threads have an octet each", c.threads / 2) : "";
}

// Rows that fit in registers are read once there.
std::string short_row(const Config& c, const QuantizeTarget& t) {
  constexpr int kMostOctets = 8;
  return octets_of_thread(t.op.k, 1024) <= kMostOctets && c.threads < 256 ? "a row of this length fits in registers"
                                                                          : "";
}

constexpr std::array<Constraint<Config>, 2> kJudgements{{{"idle_warps", idle_warps}, {"short_row", short_row}}};

// How often a row is read, the last time to store it.
int passes(const Prologue& p) {
  const int join = p.residual == Branch::none ? 0 : 1;
  const int largest = p.out == QuantizedType::s8 && p.scale == QuantizedScale::token ? 1 : 0;
  return row_sums(p) + join + largest + 1;
}

}  // namespace

std::optional<Rejection> Family<Config>::refusal(const Config& config, const QuantizeTarget& target) {
  if (auto rejection = first_rejection<Config>(kLimits, config, target)) return rejection;
  return common_refusal(threads(config), config.load, config.launch, target);
}

std::vector<Candidate> Family<Config>::candidates(const QuantizeTarget& target, Wanted wanted) {
  CandidateList<Config> list(target, wanted);
  for (const int load : Fields<Config>::kLoads) {
    if (load == 1 && (target.op.k % kOctet == 0 && target.op.prologue.split % kOctet == 0)) continue;
    for (const int threads : Fields<Config>::kThreads)
      for (const Launch launch : {Launch::serial, Launch::dependent}) {
        const Config config{.threads = threads, .load = load, .launch = launch};
        if (list.stands(config, kJudgements)) list.add(config);
      }
  }
  return std::move(list).take();
}

Prediction Family<Config>::predict(const Config& config, const QuantizeTarget& target) {
  const DeviceInfo& device = target.device;
  const int ctas = std::max(1, std::min(device.threads_per_sm / threads(config), device.ctas_per_sm));
  constexpr int kRead = 17;  // instructions of one more pass, for a value
  const int steps = step_instructions(target.op.prologue, false) + kRead * (passes(target.op.prologue) - 1);
  const Prediction its =
      predict_rows(target, {.threads = config.threads, .resident_ctas = ctas, .instructions = steps});
  return with_serial_start(its, config.launch);
}

}  // namespace ditune
