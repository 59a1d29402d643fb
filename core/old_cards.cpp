// SPDX-License-Identifier: Apache-2.0
#include "core/old_cards.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace ditune {
namespace {

struct OldCard {
  std::string_view name;
  int arch;
};

// developer.nvidia.com/cuda-legacy-gpus and the CUDA C++ Programming Guide, "GPU Feature List".
constexpr std::array kOldCards{
    OldCard{"t4", 75},          OldCard{"t40", 75},          OldCard{"t400", 75},         OldCard{"t600", 75},
    OldCard{"t1000", 75},       OldCard{"rtx 8000", 75},     OldCard{"rtx 2060", 75},     OldCard{"rtx 2070", 75},
    OldCard{"rtx 2080", 75},    OldCard{"titan rtx", 75},    OldCard{"gtx 1630", 75},     OldCard{"gtx 1650", 75},
    OldCard{"gtx 1660", 75},    OldCard{"quadro rtx", 75},   OldCard{"2080", 75},         OldCard{"v100", 70},
    OldCard{"v100s", 70},       OldCard{"titan v", 70},      OldCard{"quadro gv100", 70}, OldCard{"xavier", 72},
    OldCard{"p100", 60},        OldCard{"quadro gp100", 60}, OldCard{"p4", 61},           OldCard{"p6", 61},
    OldCard{"p40", 61},         OldCard{"titan xp", 61},     OldCard{"titan x", 61},      OldCard{"gtx 1050", 61},
    OldCard{"gtx 1060", 61},    OldCard{"gtx 1070", 61},     OldCard{"gtx 1080", 61},     OldCard{"m4", 52},
    OldCard{"m6", 52},          OldCard{"m40", 52},          OldCard{"m60", 52},          OldCard{"m10", 50},
    OldCard{"gtx titan x", 52}, OldCard{"gtx 960", 52},      OldCard{"gtx 970", 52},      OldCard{"gtx 980", 52},
    OldCard{"k80", 37},         OldCard{"k40", 35},          OldCard{"k20", 35},
};

// Whether `name` begins with these words: "p4" does not begin "p40".
bool begins(std::string_view words, std::string_view name) {
  if (words.empty() || !name.starts_with(words)) return false;
  return name.size() == words.size() || std::isalnum(static_cast<unsigned char>(name[words.size()])) == 0;
}

std::string_view generation(SmArch arch) {
  if (arch.number >= 75) return "Turing";
  if (arch.number >= 70) return "Volta";
  if (arch.number >= 60) return "Pascal";
  return arch.number >= 50 ? "Maxwell" : "Kepler or older";
}

}  // namespace

UsageError too_old(std::string_view what, SmArch arch) {
  const std::string name = format(arch);
  return {fmt::format("{} is too old: {}{}", what, generation(arch), what == name ? "" : ", " + name),
          "ditune needs Ampere, sm_80, or newer"};
}

SmArch arch_of_old_card(std::string_view name) {
  for (const OldCard& card : kOldCards)
    if (begins(card.name, name)) return {card.arch};
  return {};
}

}  // namespace ditune
