// SPDX-License-Identifier: Apache-2.0
#include "db/validate.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/plain_text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw UsageError(what, "tune it again");
}

bool is_time(double us) { return std::isfinite(us) && us > 0; }

// 0 stands for unknown.
bool is_known_or_zero(double value) { return std::isfinite(value) && value >= 0; }

void validate(const ResourceUsage& resources) {
  require(resources.registers >= 0 && resources.spill_bytes >= 0 && resources.shared_bytes >= 0,
          "a number of registers or bytes is negative");
}

void validate(const Provenance& p) {
  for (const std::string* text :
       {&p.gpu_uuid, &p.driver_version, &p.cuda_version, &p.nvrtc_version, &p.ditune_version, &p.when})
    require(is_plain(*text), "a record's origin is not plain text");
  require(is_known_or_zero(p.sm_clock_mhz), "an SM clock is no frequency");
  require(std::isfinite(p.temperature_c), "a temperature is no number");
}

void validate_numbers(const TuningKey& key) {
  require(key.device.sms > 0, "a device has no SMs");
  require(key.device.arch >= supported_archs().front(), "an arch is not supported");  // newer ones run as a known one
  validate(key.operation);
}

// Of a Measurement or a TuningRecord.
template <class Timed>
void validate_times(const Timed& timed) {
  require(is_time(timed.median_us) && is_known_or_zero(timed.low_us) && is_known_or_zero(timed.high_us),
          "a time is not positive");
  require(timed.low_us <= timed.median_us && (timed.high_us == 0 || timed.median_us <= timed.high_us),
          "a median lies outside of its interval");
  require(is_known_or_zero(timed.power_w), "a power is not positive");
}

template <class Timed>
bool has_times(const Timed& timed) {
  return timed.median_us != 0 || timed.low_us != 0 || timed.high_us != 0 || timed.power_w != 0;
}

void validate(const Measurement& m, Source source) {
  validate(m.resources);
  if (source == Source::predicted || !m.ok()) {
    require(m.samples_us.empty() && !has_times(m), "a trial that was not timed has times");
    return;
  }
  validate_times(m);
  require(std::all_of(m.samples_us.begin(), m.samples_us.end(), is_time), "a sample is not positive");
}

void validate_tied(const TuningRecord& record) {
  require(record.source == Source::measured || record.tied.empty(), "a predicted winner ties with others");
  std::string before;
  for (const KernelConfig& config : record.tied) {
    std::string text = format(config);
    require(before < text && config != record.config, "what ties with a winner is not in the order of its text");
    before = std::move(text);
  }
}

}  // namespace

void validate(const TuningKey& key) {
  require(!key.device.name.empty() && is_plain(key.device.name), "a device's name is not plain text");
  require(!key.template_hash.empty() && is_plain(key.template_hash), "a template hash is not plain text");
  validate_numbers(key);
}

void validate(const Trial& trial) {
  validate(trial.key);
  validate(trial.measurement, trial.source);
  validate(trial.provenance);
  require(is_known_or_zero(trial.predicted_us), "a predicted time is not positive");
}

void validate(const TuningRecord& record) {
  validate(record.key);
  validate(record.provenance);
  validate_numbers(record);
  validate_tied(record);
}

void validate_numbers(const TuningRecord& record) {
  validate_numbers(record.key);
  validate(record.resources);
  if (record.source == Source::measured)
    validate_times(record);
  else
    require(is_time(record.predicted_us) && !has_times(record), "a predicted winner has no time, or a measured one");
  require(is_known_or_zero(record.predicted_us), "a predicted time is not positive");
}

}  // namespace ditune
