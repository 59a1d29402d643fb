#include "ditune/device.hpp"

#include <set>

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("an arch is read with and without its feature suffix") {
  CHECK(parse_arch("sm_86").number == 86);
  CHECK(parse_arch("sm_90a") == parse_arch("sm_90"));
  CHECK(parse_arch("sm_121a").number == 121);
  for (const SmArch arch : supported_archs()) CHECK(parse_arch(format(arch)) == arch);
  for (const char* text :
       {"", "86", "sm_", "sm_75", "sm_86a", "sm_86b", "sm_120f", "sm_-86", "sm_8 6", "compute_86", "sm_866"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_arch(text), UsageError);
  }
}

TEST_CASE("a GPU is found by the driver's name and by the one people use") {
  const std::string driver = "NVIDIA GeForce RTX 3090";
  for (const char* name : {"NVIDIA GeForce RTX 3090", "GeForce RTX 3090", "RTX 3090", "rtx 3090"})
    CHECK(find_device(name).name == driver);
  CHECK(find_device("h100").name == "NVIDIA H100 80GB HBM3");
  CHECK(find_device("A100").name == "NVIDIA A100-SXM4-80GB");
  CHECK(find_device("A10").name == "NVIDIA A10");
  // "RTX" begins several names.
  for (const char* name : {"", "RTX", "RTX 309", "RTX 3090 Ti", "NVIDIA", "NVIDIA ", "H10", "GTX 1080"}) {
    INFO(name);
    CHECK_THROWS_AS(find_device(name), UsageError);
  }
}

TEST_CASE("every arch has its reference card, and every card all of its numbers") {
  for (const SmArch arch : supported_archs()) CHECK(reference_device(arch).arch == arch);
  CHECK(reference_device({86}).name == "NVIDIA GeForce RTX 3090");
  CHECK(reference_device({90}).name == "NVIDIA H100 80GB HBM3");
  CHECK_THROWS_AS(reference_device({75}), UsageError);
  std::set<std::string> names;
  for (const DeviceInfo& device : known_devices()) {
    INFO(device.name);
    CHECK(names.insert(device.name).second);
    CHECK(&find_device(device.name) == &device);
    CHECK(device.shared_per_block == device.shared_per_sm - 1024);
    CHECK(device.registers_per_sm == 65536);
    CHECK(device.threads_per_sm >= 1536);
    CHECK(device.ctas_per_sm >= 16);
    CHECK(device.l2_bytes >= 2 << 20);
    CHECK(device.l2_gbps > device.dram_gbps * 0.9);
    CHECK(device.sms > 0);
  }
  CHECK(names.size() == 18);
}

TEST_CASE("an arch that is newer than what is known runs as the newest one before it") {
  for (const SmArch arch : supported_archs()) CHECK(runs_as(arch) == arch);
  CHECK(runs_as({103}) == SmArch{100});
  CHECK(runs_as({88}) == SmArch{87});
  CHECK(runs_as({999}) == SmArch{121});
  CHECK_THROWS_AS(runs_as({75}), UsageError);
}

TEST_CASE("tensor-core rates give the published int8 figures") {
  const auto dense_tops = [](const char* name) {
    const DeviceInfo& device = find_device(name);
    return 2e-6 * device.sms * device.sm_clock_mhz * device.mma_s8_per_clock;
  };
  CHECK(dense_tops("A100") == Approx(624).epsilon(0.01));
  CHECK(dense_tops("RTX 3090") == Approx(284).epsilon(0.01));
  CHECK(dense_tops("RTX A6000") == Approx(310).epsilon(0.01));
  CHECK(dense_tops("RTX 4090") == Approx(660.6).epsilon(0.01));
  CHECK(dense_tops("RTX 5090") == Approx(838).epsilon(0.01));
  CHECK(dense_tops("H100") == Approx(1310).epsilon(0.001));  // mma.sync, measured
}
