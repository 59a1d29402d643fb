// SPDX-License-Identifier: Apache-2.0
#include "ditune/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/cpp_names.hpp"

namespace ditune {
namespace {

// '|' separates the parts of a key, '%' starts an escape.
std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '%')
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

DeviceClass device_class(const DeviceInfo& device) {
  return {.name = device.name, .sms = device.sms, .arch = device.arch};
}

std::string format(const TuningKey& key) {
  std::string operation = describe(key.operation);
  std::ranges::replace(operation, ' ', '|');
  return fmt::format("{}/{}/{}|{}|{}{}", format(key.device.arch), key.device.sms, escape(key.device.name), operation,
                     key.template_hash, key.regime == Regime::burst ? "" : fmt::format("|{}", format(key.regime)));
}

bool is_same_place(const Provenance& a, const Provenance& b) {
  return a.gpu_uuid == b.gpu_uuid && a.driver_version == b.driver_version && a.cuda_version == b.cuda_version &&
         a.nvrtc_version == b.nvrtc_version && a.ditune_version == b.ditune_version;
}

bool is_better(const TuningRecord& a, const TuningRecord& b, Regime regime) {
  if (a.source != b.source) return a.source == Source::measured;
  if (a.key.regime != b.key.regime) return a.key.regime == regime;
  return a.microseconds() < b.microseconds();
}

std::string_view format(Regime regime) { return enumerator(regime); }

std::string_view format(Source source) { return enumerator(source); }

std::string_view format(Match match) {
  // In the order of the enum's values.
  constexpr std::array<std::string_view, 7> kNames{"exact", "nearest m", "stale", "other device",
                                                   "model", "default",   "none"};
  return kNames[static_cast<std::size_t>(match)];
}

}  // namespace ditune
