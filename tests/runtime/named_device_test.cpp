// SPDX-License-Identifier: Apache-2.0
#include "runtime/named_device.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("named_device: a known GPU is found by the first words of its name, with or without what else is right") {
  const DeviceInfo& card = find_device("RTX 3090");
  CHECK(named_device("rtx 3090", 0, 0) == card);
  CHECK(named_device("NVIDIA GeForce RTX 3090", 86, 0) == card);
  CHECK(named_device("RTX 3090", 0, 82) == card);
  CHECK_THROWS_AS(named_device("RTX 3090", 89, 0), UsageError);
  CHECK_THROWS_AS(named_device("RTX 3090", 0, 81), UsageError);
}

TEST_CASE("named_device: an arch alone stands for its card") {
  CHECK(named_device("", 86, 0) == reference_device({86}));
  CHECK(named_device("", 86, 40).sms == 40);
  const DeviceInfo newer = named_device("", 103, 0);
  CHECK(newer.arch == SmArch{103});
  CHECK(newer.sms == reference_device({100}).sms);
}

TEST_CASE("named_device: name, arch and SMs are taken as they are") {
  const DeviceInfo device = named_device("H100", 90, 50);  // no driver's name: a GPU of its own
  CHECK(device.name == "H100");
  CHECK(device.sms == 50);
  CHECK(device.arch == SmArch{90});
  CHECK(device.shared_per_sm == reference_device({90}).shared_per_sm);
}

TEST_CASE("named_device: what names no GPU is refused") {
  CHECK_THROWS_AS(named_device("", 0, 82), UsageError);
  CHECK_THROWS_AS(named_device("RTX", 86, 0), UsageError);  // many
  CHECK_THROWS_AS(named_device("no such card", 0, 0), UsageError);
  CHECK_THROWS_AS(named_device("no such card", 75, 40), UsageError);
  CHECK_THROWS_AS(named_device("no such card", -1, 40), UsageError);
  CHECK_THROWS_AS(named_device("no such card", 86, 65536), UsageError);
}
