#include "db/validate.hpp"

#include <algorithm>
#include <cmath>

#include "db/plain_text.hpp"
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
          "a resource is used less than not at all");
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
  validate(key.problem);
}

void validate(const Measurement& m, Source source) {
  validate(m.resources);
  if (source == Source::predicted || !m.ok()) {
    require(m.samples_us.empty() && m.median_us == 0, "a trial that was not timed has times");
    return;
  }
  require(is_time(m.median_us) && is_known_or_zero(m.low_us) && is_known_or_zero(m.high_us), "a time is not positive");
  require(std::all_of(m.samples_us.begin(), m.samples_us.end(), is_time), "a sample is not positive");
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
}

void validate_numbers(const TuningRecord& record) {
  validate_numbers(record.key);
  validate(record.resources);
  require(is_time(record.microseconds()), "a winner's time is not positive");
  require(is_known_or_zero(record.predicted_us), "a predicted time is not positive");
  require(record.source == Source::measured || record.median_us == 0, "a predicted winner has a measured time");
}

}  // namespace ditune
