// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/staged_s8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/quantize_s8/staged_s8_fields.hpp"
#include "quantize_layout.cuh"

namespace ditune {
namespace {

using Config = StagedS8Config;

std::string sizes(const Config& c, const QuantizeTarget&) {
  if (c.threads < 32 || (c.threads & (c.threads - 1)) != 0)
    return fmt::format("{} threads a row are no power of two from 32 on", c.threads);
  return std::min({c.octets, c.stages, c.ctas}) < 1 ? "every size is at least 1" : "";
}

std::string row(const Config& c, const QuantizeTarget& t) { return octets_reason(c.threads, c.octets, t); }

std::string copy(const Config& c, const QuantizeTarget& t) {
  if (c.copy == RowCopy::bulk && t.device.arch < SmArch{90})
    return fmt::format("bulk copies need sm_90, not {}", format(t.device.arch));
  return {};
}

std::string shared_memory(const Config& c, const QuantizeTarget& t) {
  return shared_memory_reason(shared_bytes(c, t.op.prologue, t.op.k), t.device);
}

constexpr std::array<Constraint<Config>, 4> kLimits{
    {{"sizes", sizes}, {"row", row}, {"copy", copy}, {"shared_memory", shared_memory}}};

// ---- what is worth a try

// With fewer than that they spill.
std::string registers(const Config& c, const QuantizeTarget& t) {
  const int needed = least_registers(c.octets, t.op.prologue, 0);
  const int available = available_registers(c.threads * c.ctas, t.device);
  return needed > available ? fmt::format("needs about {} registers a thread, has {}", needed, available) : "";
}

// All CTAs are there at once.
std::string resident(const Config& c, const QuantizeTarget& t) {
  return resident_reason(c.ctas, c.threads, shared_bytes(c, t.op.prologue, t.op.k), t.device);
}

// A stage is for the row after the one that is worked on.
std::string spare_rows(const Config& c, const QuantizeTarget& t) {
  const std::int64_t at_once = std::int64_t{c.ctas} * t.device.sms;
  return t.op.m <= at_once * c.stages ? fmt::format("there are not {} rows for each CTA and one more", c.stages) : "";
}

// Where there are bulk copies they take fewer instructions.
std::string instructions(const Config& c, const QuantizeTarget& t) {
  return c.copy == RowCopy::async && t.device.arch >= SmArch{90} ? "bulk copies take fewer instructions" : "";
}

std::string columns(const Config& c, const QuantizeTarget& t) {
  return c.columns == StagedColumns::shared ? columns_reason(t.op.prologue) : "";
}

constexpr std::array<Constraint<Config>, 5> kJudgements{{{"registers", registers},
                                                         {"resident", resident},
                                                         {"spare_rows", spare_rows},
                                                         {"instructions", instructions},
                                                         {"columns", columns}}};

}  // namespace

std::optional<Rejection> Family<Config>::refusal(const Config& config, const QuantizeTarget& target) {
  if (auto rejection = first_rejection<Config>(std::span(kLimits).first(1), config, target)) return rejection;
  if (auto rejection = common_refusal(threads(config), config.load, config.launch, target)) return rejection;
  return first_rejection<Config>(kLimits, config, target);
}

std::vector<Candidate> Family<Config>::candidates(const QuantizeTarget& target, Wanted wanted) {
  constexpr int kMaxOctets = 32;
  CandidateList<Config> list(target, wanted);
  for (const int threads : Fields<Config>::kThreads) {
    const std::int64_t octets = octets_of_thread(target.op.k, threads);
    if (octets > kMaxOctets) continue;
    for (const int stages : {1, 2, 3})
      for (const int ctas : {1, 2, 3, 4, 6, 8})
        for (const RowCopy copy : {RowCopy::bulk, RowCopy::async})
          for (const StagedColumns columns : {StagedColumns::memory, StagedColumns::shared})
            for (const Launch launch : {Launch::serial, Launch::dependent}) {
              const Config config{.threads = threads,
                                  .octets = static_cast<int>(octets),
                                  .stages = stages,
                                  .copy = copy,
                                  .columns = columns,
                                  .ctas = ctas,
                                  .launch = launch};
              if (list.stands(config, kJudgements)) list.add(config);
            }
  }
  return std::move(list).take();
}

Prediction Family<Config>::predict(const Config& config, const QuantizeTarget& target) {
  const bool is_kept = config.columns == StagedColumns::shared;
  const Prediction its = predict_rows(target, {.threads = config.threads,
                                               .resident_ctas = config.ctas,
                                               .instructions = step_instructions(target.op.prologue, is_kept),
                                               .is_persistent = true,
                                               .stages = config.stages});
  return with_serial_start(its, config.launch);
}

}  // namespace ditune
