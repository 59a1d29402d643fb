#include "ditune/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "ditune/error.hpp"
#include "text.hpp"

namespace ditune {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr int kKiB = 1024;

constexpr std::array kSupportedArchs{SmArch{80}, SmArch{86},  SmArch{87},  SmArch{89},
                                     SmArch{90}, SmArch{100}, SmArch{120}, SmArch{121}};

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". Every one has 65,536 registers.
DeviceInfo with_limits(SmArch arch) {
  const auto limits = [arch](int shared_kib, int threads, int ctas) {
    DeviceInfo device;
    device.arch = arch;
    device.shared_per_sm = shared_kib * kKiB;
    device.shared_per_block = (shared_kib - 1) * kKiB;  // the system keeps 1 KiB for every CTA
    device.registers_per_sm = 65536;
    device.threads_per_sm = threads;
    device.ctas_per_sm = ctas;
    return device;
  };
  switch (arch.number) {
    case 80:
      return limits(164, 2048, 32);
    case 86:
      return limits(100, 1536, 16);
    case 87:
      return limits(164, 1536, 16);
    case 89:
      return limits(100, 1536, 24);
    case 90:
    case 100:
      return limits(228, 2048, 32);
    default:
      return limits(100, 1536, 24);  // 120, 121
  }
}

// What tells the cards of an arch apart.
struct Card {
  std::string_view name;
  int arch, sms;
  double l2_mib, sm_clock_mhz, dram_gbps;
};

// SMs, L2, boost clock and nominal DRAM bandwidth from NVIDIA's GA102, A100, Ada, Hopper and Blackwell architecture
// whitepapers and the products' datasheets.
constexpr std::array kCards{
    Card{"NVIDIA A100-SXM4-80GB", 80, 108, 40, 1410, 2039},
    Card{"NVIDIA GeForce RTX 3060", 86, 28, 3, 1777, 360},
    Card{"NVIDIA GeForce RTX 3080", 86, 68, 5, 1710, 760},
    Card{"NVIDIA GeForce RTX 3090", 86, 82, 6, 1695, 936},
    Card{"NVIDIA A10", 86, 72, 6, 1695, 600},
    Card{"NVIDIA RTX A6000", 86, 84, 6, 1800, 768},
    Card{"Orin", 87, 16, 4, 1300, 205},  // Jetson AGX Orin 64GB
    Card{"NVIDIA GeForce RTX 4070", 89, 46, 36, 2475, 504},
    Card{"NVIDIA GeForce RTX 4080", 89, 76, 64, 2505, 717},
    Card{"NVIDIA GeForce RTX 4090", 89, 128, 72, 2520, 1008},
    Card{"NVIDIA L4", 89, 58, 48, 2040, 300},
    Card{"NVIDIA L40S", 89, 142, 96, 2520, 864},
    Card{"NVIDIA H100 80GB HBM3", 90, 132, 50, 1980, 3350},  // SXM
    Card{"NVIDIA H200", 90, 132, 50, 1980, 4800},
    Card{"NVIDIA B200", 100, 148, 126, 1965, 8000},
    Card{"NVIDIA GeForce RTX 5080", 120, 84, 64, 2617, 960},
    Card{"NVIDIA GeForce RTX 5090", 120, 170, 96, 2407, 1792},
    Card{"NVIDIA GB10", 121, 48, 24, 2418, 273},  // DGX Spark
};

// int8 multiply-adds an SM issues in a clock through mma.sync.
double mma_s8_per_clock(SmArch arch) {
  switch (arch.number) {
    case 80:
    case 87:
      return 2048;  // A100 whitepaper: 624 TOPS = 2 * 2048 * 108 SMs * 1410 MHz; Jetson AGX Orin alike
    case 90:
      return 2506;  // measured on an H100 SXM at 1980 MHz: 1310 TOPS (wgmma reaches more)
    case 100:
      return 2048;  // estimated as A100's: what its tcgen05 reaches says nothing about mma.sync
    default:
      return 1024;  // GA102, Ada and Blackwell whitepapers: 284, 661 and 838 TOPS of RTX 3090, 4090 and 5090
  }
}

// Bytes an SM gets from L2 in a clock while all of them read: estimates, from what the cost model needs to explain
// GEMMs.
double l2_bytes_per_clock(SmArch arch) {
  switch (arch.number) {
    case 80:
    case 90:
    case 100:
      return 36;  // an H100 runs 128x128 tiles at 891 TOPS, which alone takes 27; the A100 whitepaper's limit is 47
    default:
      return 18.5;  // an RTX A6000 stops near 2.2 TB/s with small tiles (tests/generator/data)
  }
}

DeviceInfo make_device(const Card& card) {
  DeviceInfo device = with_limits(SmArch{card.arch});
  device.name = card.name;
  device.sms = card.sms;
  device.l2_bytes = static_cast<std::int64_t>(card.l2_mib * kMiB);
  device.sm_clock_mhz = card.sm_clock_mhz;
  device.dram_gbps = card.dram_gbps;
  device.l2_gbps = l2_bytes_per_clock(device.arch) * card.sms * card.sm_clock_mhz * 1e-3;
  device.mma_s8_per_clock = mma_s8_per_clock(device.arch);
  return device;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// "NVIDIA GeForce RTX 3090" -> "RTX 3090"
std::string_view short_name(std::string_view name) {
  for (const std::string_view prefix : {"NVIDIA ", "GeForce "})
    if (lower(name).starts_with(lower(prefix))) name.remove_prefix(prefix.size());
  return name;
}

// "H100" begins "H100 80GB HBM3" and "A100" begins "A100-SXM4-80GB"; "A10" does not begin "A100".
bool begins(std::string_view words, std::string_view name) {
  if (words.empty() || !name.starts_with(words)) return false;
  return name.size() == words.size() || std::isalnum(static_cast<unsigned char>(name[words.size()])) == 0;
}

}  // namespace

std::string format(SmArch arch) { return fmt::format("sm_{}", arch.number); }

SmArch parse_arch(std::string_view text) {
  std::vector<std::string> known;
  for (const SmArch arch : kSupportedArchs) {
    known.push_back(format(arch));
    if (text == known.back()) return arch;
    if (arch.number < 90) continue;
    known.push_back(format(arch) + "a");  // how compilers name an arch with all that it alone can do
    if (text == known.back()) return arch;
  }
  throw UsageError(fmt::format("unsupported arch '{}'", text),
                   "use " + text::join(std::vector<std::string_view>(known.begin(), known.end())));
}

std::span<const SmArch> supported_archs() { return kSupportedArchs; }

SmArch runs_as(SmArch arch) {
  const auto newer = std::ranges::upper_bound(kSupportedArchs, arch);
  if (newer == kSupportedArchs.begin())
    throw UsageError(fmt::format("{} is not supported", format(arch)), "ditune needs sm_80 or newer");
  return *std::prev(newer);
}

std::span<const DeviceInfo> known_devices() {
  static const std::vector<DeviceInfo> devices = [] {
    std::vector<DeviceInfo> all;
    for (const Card& card : kCards) all.push_back(make_device(card));
    return all;
  }();
  return devices;
}

const DeviceInfo& find_device(std::string_view name) {
  const std::string wanted = lower(short_name(name));
  std::vector<const DeviceInfo*> found;
  std::vector<std::string_view> known;
  for (const DeviceInfo& device : known_devices()) {
    const std::string whole = lower(short_name(device.name));
    if (whole == wanted) return device;
    if (begins(wanted, whole)) found.push_back(&device);
    known.push_back(short_name(device.name));
  }
  if (found.size() == 1) return *found.front();
  throw UsageError(fmt::format("{} GPU '{}'", found.empty() ? "unknown" : "ambiguous", name),
                   "use --arch, or one of " + text::join(known));
}

const DeviceInfo& reference_device(SmArch arch) {
  switch (arch.number) {
    case 80:
      return find_device("A100");
    case 86:
      return find_device("RTX 3090");
    case 87:
      return find_device("Orin");
    case 89:
      return find_device("RTX 4090");
    case 90:
      return find_device("H100");
    case 100:
      return find_device("B200");
    case 120:
      return find_device("RTX 5090");
    case 121:
      return find_device("GB10");
    default:
      throw UsageError(fmt::format("no reference card for {}", format(arch)), "name a GPU with --gpu");
  }
}

}  // namespace ditune
