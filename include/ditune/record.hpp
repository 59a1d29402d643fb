// SPDX-License-Identifier: Apache-2.0
// What a winner is found by, and what is remembered of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/device.hpp"
#include "ditune/operation.hpp"

namespace ditune {

// GPUs among which a winner is exchangeable.
struct DeviceClass {
  std::string name;
  int sms = 0;
  SmArch arch;
  auto operator<=>(const DeviceClass&) const = default;
};

DeviceClass device_class(const DeviceInfo& device);

// How a kernel is timed. In bursts the card rests after each replay and keeps its clocks; sustained it is at work for
// as long as a denoising loop, at the clocks that its power limit leaves, and another kernel can win.
enum class Regime { burst, sustained };
std::string_view format(Regime regime);  // "burst", "sustained"

// All that makes a winner valid, no more. template_hash is that of the winning config's family (embedded.hpp); a record
// whose hash is not today's is stale.
struct TuningKey {
  DeviceClass device;
  Operation operation;
  std::string template_hash;
  Regime regime = Regime::burst;
  bool operator==(const TuningKey&) const = default;
};

// "sm_90/132/NVIDIA H100 80GB HBM3|6144x13824x4608|default|0123456789abcdef"; '|' and '%' in names become %7C and %25.
// "|sustained" follows where the regime is not burst.
std::string format(const TuningKey& key);

// What ptxas reports. Dynamic shared memory is the launch plan's.
struct ResourceUsage {
  int registers = 0;     // per thread
  int spill_bytes = 0;   // stores plus loads
  int shared_bytes = 0;  // static plus dynamic
  bool operator==(const ResourceUsage&) const = default;
};

enum class Source { predicted, measured };
std::string_view format(Source source);  // "predicted", "measured"

// What came of one candidate. A failed one has a reason and no samples.
struct Measurement {
  std::vector<double> samples_us;  // one a round: mean time of a launch in that round
  double median_us = 0;
  double low_us = 0, high_us = 0;  // the median lies between them with 95%; of fewer than six samples all do
  double power_w = 0;              // the card's mean while it was timed; 0: unknown, and in bursts
  ResourceUsage resources;
  std::string failure;  // empty: correct and timed
  bool ok() const { return failure.empty(); }
};

// Where a record comes from.
struct Provenance {
  std::string gpu_uuid;        // empty for a predicted record
  std::string driver_version;  // e.g. "580.159.04", or CUDA's number where NVML is not there
  std::string cuda_version;    // of the toolkit that ditune was built with, "13.0"
  std::string nvrtc_version;
  std::string ditune_version;
  double sm_clock_mhz = 0;  // 0: unknown
  double temperature_c = 0;
  std::string when;  // UTC, "2026-11-22T12:00:00Z"
  std::uint64_t seed = 0;
  bool operator==(const Provenance&) const = default;
};

// Whether what one of them tells of a config holds where the other was made: the same GPU, driver, compiler and ditune.
bool is_same_place(const Provenance& a, const Provenance& b);

// One candidate's fate; every one is kept.
struct Trial {
  TuningKey key;
  KernelConfig config;
  Source source = Source::measured;
  Measurement measurement;  // of a measured trial
  double predicted_us = 0;  // by the cost model; 0: not asked
  Provenance provenance;
};

// A winner.
struct TuningRecord {
  TuningKey key;
  KernelConfig config;
  Source source = Source::predicted;
  double median_us = 0;            // measured records only
  double low_us = 0, high_us = 0;  // as Measurement's
  double power_w = 0;              // as Measurement's
  std::vector<KernelConfig> tied;  // others that cannot be told from it, in the order of their text
  double predicted_us = 0;         // by the cost model
  ResourceUsage resources;
  Provenance provenance;
  std::string cubin_hash;  // of the stored cubin, or empty
  double microseconds() const { return source == Source::measured ? median_us : predicted_us; }
};

// Which of two records of one problem is to be preferred: a measured one, then one of `regime`, then the faster.
bool is_better(const TuningRecord& a, const TuningRecord& b, Regime regime);

// How well a lookup matched, best first.
enum class Match { exact, nearest_m, stale, other_device, model, fallback, none };
std::string_view format(Match match);  // "exact", "nearest m", "stale", "other device", "model", "default", "none"

}  // namespace ditune
