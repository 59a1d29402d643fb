// SPDX-License-Identifier: Apache-2.0
#include "ditune/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "core/old_cards.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

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
  std::string_view called = {};  // what people call it, where that is not the driver's name without its maker
};

// SMs, L2, boost clock and nominal DRAM bandwidth from NVIDIA's GA102, A100, Ada, Hopper and Blackwell architecture
// whitepapers and the products' datasheets. RTX 3090 Ti (GA102) and RTX 4060 (AD107) are from their
// product pages, RTX PRO 6000 (GB202) is from the RTX Blackwell PRO whitepaper.
constexpr std::array kCards{
    Card{"NVIDIA A100-SXM4-80GB", 80, 108, 40, 1410, 2039, "A100"},
    Card{"NVIDIA A100-SXM4-40GB", 80, 108, 40, 1410, 1555, "A100 40GB"},
    Card{"NVIDIA GeForce RTX 3060", 86, 28, 3, 1777, 360},
    Card{"NVIDIA GeForce RTX 3070", 86, 46, 4, 1725, 448},
    Card{"NVIDIA GeForce RTX 3080", 86, 68, 5, 1710, 760},
    Card{"NVIDIA GeForce RTX 3090", 86, 82, 6, 1695, 936},
    Card{"NVIDIA GeForce RTX 3090 Ti", 86, 84, 6, 1860, 1008},
    Card{"NVIDIA A10", 86, 72, 6, 1695, 600},
    Card{"NVIDIA A40", 86, 84, 6, 1740, 696},
    Card{"NVIDIA RTX A6000", 86, 84, 6, 1800, 768},
    Card{"Orin", 87, 16, 4, 1300, 205},  // Jetson AGX Orin 64GB
    Card{"NVIDIA GeForce RTX 4060", 89, 24, 24, 2460, 272},
    Card{"NVIDIA GeForce RTX 4070", 89, 46, 36, 2475, 504},
    Card{"NVIDIA GeForce RTX 4080", 89, 76, 64, 2505, 717},
    Card{"NVIDIA GeForce RTX 4090", 89, 128, 72, 2520, 1008},
    Card{"NVIDIA L4", 89, 58, 48, 2040, 300},
    Card{"NVIDIA L40", 89, 142, 96, 2490, 864},
    Card{"NVIDIA L40S", 89, 142, 96, 2520, 864},
    Card{"NVIDIA RTX 6000 Ada Generation", 89, 142, 96, 2505, 960, "RTX 6000 Ada"},
    Card{"NVIDIA H100 80GB HBM3", 90, 132, 50, 1980, 3350, "H100"},  // SXM
    Card{"NVIDIA H200", 90, 132, 50, 1980, 4800},
    Card{"NVIDIA B200", 100, 148, 126, 1965, 8000},
    Card{"NVIDIA GeForce RTX 5080", 120, 84, 64, 2617, 960},
    Card{"NVIDIA GeForce RTX 5090", 120, 170, 96, 2407, 1792},
    Card{"NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 120, 188, 128, 2617, 1792, "RTX PRO 6000"},
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
// what was measured.
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
  for (const std::string_view prefix : {"NVIDIA ", "GeForce ", "Tesla "})
    if (lower(name).starts_with(lower(prefix))) name.remove_prefix(prefix.size());
  return name;
}

std::string_view called(const Card& card) { return card.called.empty() ? short_name(card.name) : card.called; }

// Whether `name` has these words in this order, others between them or not: "A100 80GB" of "A100-SXM4-80GB".
bool has_words(std::string_view words, std::string_view name) {
  const auto take = [](std::string_view& text) {
    const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0; };
    text.remove_prefix(static_cast<std::size_t>(std::ranges::find_if(text, is_part) - text.begin()));
    const auto end = std::ranges::find_if_not(text, is_part);
    const std::string_view word(text.begin(), end);
    text.remove_prefix(word.size());
    return word;
  };
  for (std::string_view word = take(words); !word.empty(); word = take(words)) {
    std::string_view other = take(name);
    while (!other.empty() && other != word) other = take(name);
    if (other.empty()) return false;
  }
  return true;
}

UsageError unknown_gpu(std::string_view name, std::string_view wanted) {
  std::vector<std::string> lowered;
  for (const Card& card : kCards) lowered.push_back(lower(called(card)));
  const std::vector<std::string_view> views(lowered.begin(), lowered.end());
  const std::string_view meant = text::nearest(wanted, views);
  if (meant.empty()) {
    std::vector<std::string_view> known;
    for (const Card& card : kCards) known.push_back(called(card));
    return {fmt::format("unknown GPU '{}'", name), "use --arch, or one of " + text::join(known)};
  }
  const auto card = kCards.begin() + (std::ranges::find(views, meant) - views.begin());
  return {fmt::format("unknown GPU '{}'", name), fmt::format("did you mean {}? else use --arch", called(*card))};
}

// The arch that "sm_75" names, if it is older than all that are supported.
std::optional<SmArch> old_arch(std::string_view text) {
  if (!text.starts_with("sm_")) return std::nullopt;
  const auto number = text::parse_number(text.substr(3), kSupportedArchs.front().number - 1);
  if (!number || *number < 10) return std::nullopt;
  return SmArch{static_cast<int>(*number)};
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
  if (const auto old = old_arch(text)) throw too_old(text, *old);
  throw UsageError(fmt::format("unsupported arch '{}'", text),
                   "use " + text::join(std::vector<std::string_view>(known.begin(), known.end())));
}

std::span<const SmArch> supported_archs() { return kSupportedArchs; }

SmArch runs_as(SmArch arch) {
  const auto newer = std::ranges::upper_bound(kSupportedArchs, arch);
  if (newer == kSupportedArchs.begin()) throw too_old(format(arch), arch);
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
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < kCards.size(); ++i) {
    const std::string whole = lower(short_name(kCards[i].name));
    if (wanted == whole || wanted == lower(called(kCards[i]))) return known_devices()[i];
    if (!wanted.empty() && has_words(wanted, whole)) found.push_back(i);
  }
  if (found.size() == 1) return known_devices()[found.front()];
  if (found.empty()) {
    if (const SmArch old = arch_of_old_card(wanted); old.number > 0) throw too_old(name, old);
    throw unknown_gpu(name, wanted);
  }
  std::vector<std::string_view> matches;
  for (const std::size_t i : found) matches.push_back(called(kCards[i]));
  throw UsageError(fmt::format("ambiguous GPU '{}'", name), "name one of " + text::join(matches));
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
