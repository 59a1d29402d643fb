// SPDX-License-Identifier: Apache-2.0
#include "ditune/config.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "core/mma_s8_text.hpp"
#include "core/text.hpp"
#include "core/wgmma_s8_text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

std::string family_names() {
  std::vector<std::string_view> names;
  for_each_family([&]<class Config>() { names.push_back(FamilyText<Config>::kName); });
  return text::join(names);
}

}  // namespace

std::string format(const KernelConfig& config) {
  return std::visit(
      []<class Config>(const Config& c) {
        return fmt::format("{}:{}", FamilyText<Config>::kName, FamilyText<Config>::format(c));
      },
      config);
}

KernelConfig parse_config(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    throw UsageError(fmt::format("'{}' is not a config", text),
                     "write FAMILY:key=value,..., like mma_s8:tile=128x256x64,warps=2x4,stages=3");
  const std::string_view family = text.substr(0, colon);
  std::optional<KernelConfig> config;
  for_each_family([&]<class Config>() {
    if (family == FamilyText<Config>::kName) config = FamilyText<Config>::parse(text.substr(colon + 1));
  });
  if (!config) throw UsageError(fmt::format("unknown kernel family '{}'", family), "use " + family_names());
  return *config;
}

std::string_view family_name(const KernelConfig& config) {
  return std::visit([]<class Config>(const Config&) { return FamilyText<Config>::kName; }, config);
}

}  // namespace ditune
