// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/registers_s8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/quantize_s8/registers_s8_fields.hpp"
#include "quantize_layout.cuh"

namespace ditune {
namespace {

using Config = RegistersS8Config;

bool is_persistent(const Config& c) { return c.schedule == RowSchedule::persistent; }

// Values of each column that a thread keeps in registers for its next row.
int kept(const Config& c, const Prologue& p) {
  return is_persistent(c) && c.columns == KeptIn::registers ? column_terms(p) : 0;
}

std::string sizes(const Config& c, const QuantizeTarget&) {
  if (c.threads < 32 || (c.threads & (c.threads - 1)) != 0)
    return fmt::format("{} threads a row are no power of two from 32 on", c.threads);
  constexpr int kNamedBarriers = 15;  // PTX ISA, "bar, barrier": 16, of which 0 is that of all threads
  if (c.threads > 32 && c.rows > kNamedBarriers)
    return fmt::format("{} rows of several warps, a CTA has barriers for {}", c.rows, kNamedBarriers);
  return std::min({c.octets, c.rows, c.ctas}) < 1 ? "every size is at least 1" : "";
}

std::string row(const Config& c, const QuantizeTarget& t) { return octets_reason(c.threads, c.octets, t); }

std::string grid(const Config& c, const QuantizeTarget& t) {
  return Family<Config>::launch_plan(c, t.op, t.device.sms).grid > kMaxGrid ? "has too many CTAs" : "";
}

std::string shared_memory(const Config& c, const QuantizeTarget& t) {
  return shared_memory_reason(shared_bytes(c, t.op.prologue), t.device);
}

constexpr std::array<Constraint<Config>, 4> kLimits{
    {{"sizes", sizes}, {"row", row}, {"grid", grid}, {"shared_memory", shared_memory}}};

// ---- what is worth a try

// With fewer than that they spill.
std::string registers(const Config& c, const QuantizeTarget& t) {
  const int needed = least_registers(c.octets, t.op.prologue, kept(c, t.op.prologue)),
            available = available_registers(threads(c) * c.ctas, t.device);
  return needed > available ? fmt::format("needs about {} registers a thread, has {}", needed, available) : "";
}

// Few threads a CTA are enough to fill an SM.
std::string many_threads(const Config& c, const QuantizeTarget&) {
  constexpr int kEnough = 256;
  return c.rows > 1 && threads(c) > kEnough ? fmt::format("{} threads fill an SM with CTAs of their own", kEnough) : "";
}

std::string spare_rows(const Config& c, const QuantizeTarget& t) {
  return c.rows > 1 && c.rows / 2 >= t.op.m ? fmt::format("{} rows hold all {} of M", c.rows / 2, t.op.m) : "";
}

// Fewer registers are for more threads on an SM, and none are gained where the SM is full without.
std::string bound(const Config& c, const QuantizeTarget& t) {
  return c.ctas > 1 ? resident_reason(c.ctas, threads(c), shared_bytes(c, t.op.prologue), t.device) : "";
}

// Persistent threads save what a CTA's begin takes, and keep what their columns have in common.
std::string first_rows_only(const Config& c, const QuantizeTarget& t) {
  if (!is_persistent(c)) return {};
  const std::int64_t at_once = std::int64_t{c.ctas} * c.rows * t.device.sms;
  return t.op.m <= at_once ? "every row has threads of its own anyway" : "";
}

std::string columns(const Config& c, const QuantizeTarget& t) {
  if (c.columns == KeptIn::registers) return {};
  if (!is_persistent(c)) return "a CTA of one row, or few, keeps nothing for others";
  return columns_reason(t.op.prologue);
}

constexpr std::array<Constraint<Config>, 6> kJudgements{{{"registers", registers},
                                                         {"many_threads", many_threads},
                                                         {"spare_rows", spare_rows},
                                                         {"bound", bound},
                                                         {"first_rows_only", first_rows_only},
                                                         {"columns", columns}}};

}  // namespace

std::optional<Rejection> Family<Config>::refusal(const Config& config, const QuantizeTarget& target) {
  if (auto rejection = first_rejection<Config>(std::span(kLimits).first(1), config, target)) return rejection;
  if (auto rejection = common_refusal(threads(config), config.load, config.launch, target)) return rejection;
  return first_rejection<Config>(kLimits, config, target);
}

std::vector<Candidate> Family<Config>::candidates(const QuantizeTarget& target, Wanted wanted) {
  constexpr std::array kRows{1, 2, 4};
  constexpr std::array kResidentThreads{512, 768, 1024, 1280, 1536};  // of an SM at least
  constexpr int kMaxOctets = 32;
  CandidateList<Config> list(target, wanted);
  const auto add = [&](Config config) {
    for (const RowSchedule schedule : {RowSchedule::each, RowSchedule::persistent})
      for (const KeptIn columns : {KeptIn::registers, KeptIn::shared})
        for (const Launch launch : {Launch::serial, Launch::dependent}) {
          config.schedule = schedule, config.columns = columns, config.launch = launch;
          if (list.stands(config, kJudgements)) list.add(config);
        }
  };
  for (const int load : Fields<Config>::kLoads) {
    if (load == 1 && target.op.k % kOctet == 0 && target.op.prologue.split % kOctet == 0) continue;
    for (const int threads : Fields<Config>::kThreads) {
      const std::int64_t octets = octets_of_thread(target.op.k, threads);
      if (octets > kMaxOctets) continue;
      for (const int rows : kRows) {
        Config config{.threads = threads, .octets = static_cast<int>(octets), .rows = rows, .load = load};
        add(config);
        for (const int resident : kResidentThreads) {
          const int ctas = resident / (threads * rows);
          if (ctas == config.ctas) continue;  // of fewer threads, too
          config.ctas = ctas;
          if (ctas > 1) add(config);
        }
      }
    }
  }
  return std::move(list).take();
}

Prediction Family<Config>::predict(const Config& config, const QuantizeTarget& target) {
  const DeviceInfo& device = target.device;
  const Prologue& prologue = target.op.prologue;
  const int registers = std::min(usual_registers(config.octets, prologue, kept(config, prologue)),
                                 available_registers(threads(config) * config.ctas, device));
  const int fitting = std::min({device.registers_per_sm / (registers * threads(config)),
                                device.threads_per_sm / threads(config), device.ctas_per_sm});
  const Prediction its =
      predict_rows(target, {.threads = config.threads,
                            .rows = config.rows,
                            .resident_ctas = is_persistent(config) ? config.ctas : std::max(1, fitting),
                            .instructions = step_instructions(prologue, is_persistent(config)),
                            .is_persistent = is_persistent(config)});
  return with_serial_start(its, config.launch);
}

}  // namespace ditune
