// SPDX-License-Identifier: Apache-2.0
#include "ditune/record.hpp"

#include "catch.hpp"

using namespace ditune;

namespace {

TuningKey key() {
  return {.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}},
          .operation = Gemm{6144, 13824, 4608},
          .template_hash = "0123456789abcdef"};
}

}  // namespace

TEST_CASE("a key's text holds all that makes a winner valid") {
  CHECK(format(key()) == "sm_90/132/NVIDIA H100 80GB HBM3|6144x13824x4608|default|0123456789abcdef");
  TuningKey other = key();
  std::get<Gemm>(other.operation).epilogue.bias = Bias::f16;
  CHECK(format(other) != format(key()));
  CHECK_FALSE(other == key());
  other = key();
  other.device.sms = 114;
  CHECK(format(other) != format(key()));
}

TEST_CASE("names cannot break a key apart") {
  TuningKey odd = key();
  odd.device.name = "a|b%7C";
  CHECK(format(odd) == "sm_90/132/a%7Cb%257C|6144x13824x4608|default|0123456789abcdef");
}

TEST_CASE("a device class is what winners are exchanged among") {
  const DeviceInfo& h100 = find_device("H100");
  DeviceInfo hotter = h100;
  hotter.sm_clock_mhz = 1500;
  CHECK(device_class(hotter) == device_class(h100));
  CHECK(device_class(h100) == key().device);
}

TEST_CASE("a record's time is measured or predicted, as its source says") {
  TuningRecord record;
  record.median_us = 3;
  record.predicted_us = 5;
  CHECK(record.microseconds() == 5);
  record.source = Source::measured;
  CHECK(record.microseconds() == 3);
  CHECK(format(Source::measured) == "measured");
  CHECK(format(Source::predicted) == "predicted");
  CHECK(format(Match::exact) == "exact");
  CHECK(format(Match::nearest_m) == "nearest m");
  CHECK(format(Match::fallback) == "default");
  CHECK(format(Match::none) == "none");
}

TEST_CASE("a measured record is better than any prediction, then one of the regime, then the faster") {
  TuningRecord measured, predicted;
  measured.source = Source::measured;
  measured.median_us = 10;
  predicted.source = Source::predicted;
  predicted.predicted_us = 5;
  CHECK(is_better(measured, predicted, Regime::burst));
  CHECK_FALSE(is_better(predicted, measured, Regime::burst));
  TuningRecord faster = measured;
  faster.median_us = 9;
  CHECK(is_better(faster, measured, Regime::burst));
  faster.key.regime = Regime::sustained;
  CHECK_FALSE(is_better(faster, measured, Regime::burst));
  CHECK(is_better(faster, measured, Regime::sustained));
}

TEST_CASE("a place is a GPU, its driver, the compiler and ditune; not when, nor how warm it was") {
  Provenance here;
  here.gpu_uuid = "GPU-1";
  here.driver_version = "580.1";
  here.cuda_version = here.nvrtc_version = "13.0";
  here.ditune_version = "0.1.0";
  Provenance other = here;
  other.when = "2026-11-23T00:00:00Z";
  other.temperature_c = 80;
  other.seed = 7;
  CHECK(is_same_place(here, other));
  for (std::string Provenance::*part : {&Provenance::gpu_uuid, &Provenance::driver_version, &Provenance::cuda_version,
                                        &Provenance::nvrtc_version, &Provenance::ditune_version}) {
    other = here;
    other.*part += "1";
    CHECK_FALSE(is_same_place(here, other));
  }
}
