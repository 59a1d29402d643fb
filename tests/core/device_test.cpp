// SPDX-License-Identifier: Apache-2.0
#include "ditune/device.hpp"

#include <set>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"

using namespace ditune;
using ditune::test::error_of;

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
  CHECK(find_device("A100 80GB").name == "NVIDIA A100-SXM4-80GB");
  CHECK(find_device("a100 40gb").name == "NVIDIA A100-SXM4-40GB");
  CHECK(find_device("A40").name == "NVIDIA A40");
  CHECK(find_device("L40").name == "NVIDIA L40");
  CHECK(find_device("RTX 3090 Ti").name == "NVIDIA GeForce RTX 3090 Ti");
  CHECK(find_device("RTX 6000 Ada").name == "NVIDIA RTX 6000 Ada Generation");
  CHECK(find_device("RTX PRO 6000 Blackwell").name == "NVIDIA RTX PRO 6000 Blackwell Workstation Edition");
  CHECK(find_device("rtx pro 6000").name == "NVIDIA RTX PRO 6000 Blackwell Workstation Edition");
  for (const char* name : {"", "RTX", "RTX 309", "NVIDIA", "NVIDIA ", "H10", "A100 80GB PCIe", "RTX 4060 Laptop GPU"}) {
    INFO(name);
    CHECK_THROWS_AS(find_device(name), UsageError);
  }
}

TEST_CASE("a GPU that is not known is an error that helps") {
  const auto error = [](const char* name) { return error_of([&] { find_device(name); }); };
  CHECK(error("RTX 309") == "unknown GPU 'RTX 309' (did you mean RTX 3090? else use --arch)");
  CHECK(error("rtx4090") == "unknown GPU 'rtx4090' (did you mean RTX 4090? else use --arch)");
  CHECK(error("H10") == "unknown GPU 'H10' (did you mean A10? else use --arch)");
  CHECK(error("RTX PRO 600") == "unknown GPU 'RTX PRO 600' (did you mean RTX PRO 6000? else use --arch)");
  CHECK(error("3090") == "ambiguous GPU '3090' (name one of RTX 3090, RTX 3090 Ti)");
  CHECK(error("40GB 80GB").starts_with("unknown GPU '40GB 80GB' (use --arch, or one of A100, A100 40GB, RTX 3060, "));
  CHECK(error("").starts_with("unknown GPU '' (use --arch, or one of A100, "));
}

TEST_CASE("a GPU or an arch that is too old is told as such") {
  const std::string remedy = " (ditune needs Ampere, sm_80, or newer)";
  const auto card = [](const char* name) { return error_of([&] { find_device(name); }); };
  CHECK(card("T4") == "T4 is too old: Turing, sm_75" + remedy);
  CHECK(card("Tesla T4") == "Tesla T4 is too old: Turing, sm_75" + remedy);
  CHECK(card("NVIDIA GeForce RTX 2080 Ti") == "NVIDIA GeForce RTX 2080 Ti is too old: Turing, sm_75" + remedy);
  CHECK(card("Quadro RTX 6000") == "Quadro RTX 6000 is too old: Turing, sm_75" + remedy);
  CHECK(card("Tesla V100-SXM2-16GB") == "Tesla V100-SXM2-16GB is too old: Volta, sm_70" + remedy);
  CHECK(card("p100") == "p100 is too old: Pascal, sm_60" + remedy);
  CHECK(card("GTX 1080 Ti") == "GTX 1080 Ti is too old: Pascal, sm_61" + remedy);
  CHECK(card("M60") == "M60 is too old: Maxwell, sm_52" + remedy);
  CHECK(card("K80") == "K80 is too old: Kepler or older, sm_37" + remedy);
  CHECK(error_of([] { parse_arch("sm_75"); }) == "sm_75 is too old: Turing" + remedy);
  CHECK(error_of([] { parse_arch("sm_61"); }) == "sm_61 is too old: Pascal" + remedy);
  CHECK(error_of([] { runs_as({70}); }) == "sm_70 is too old: Volta" + remedy);
  CHECK(error_of([] { parse_arch("sm_8"); }).starts_with("unsupported arch 'sm_8' (use sm_80, "));
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
  CHECK(names.size() == 26);
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
  CHECK(dense_tops("A40") == Approx(299.3).epsilon(0.01));
  CHECK(dense_tops("L40") == Approx(724).epsilon(0.01));
  CHECK(dense_tops("RTX 4090") == Approx(660.6).epsilon(0.01));
  CHECK(dense_tops("RTX 5090") == Approx(838).epsilon(0.01));
  CHECK(dense_tops("H100") == Approx(1310).epsilon(0.001));  // mma.sync, measured
}
