// SPDX-License-Identifier: Apache-2.0
#include "ditune/config.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "core/config_fields.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

std::string family_names() {
  std::vector<std::string_view> names;
  for_each_family([&]<class Config>() { names.push_back(Fields<Config>::kFamily); });
  return text::join(names);
}

}  // namespace

std::string_view word(Staging staging) { return enumerator(staging); }
std::string_view word(Schedule schedule) { return enumerator(schedule); }
std::string_view word(Consumers consumers) { return enumerator(consumers); }
std::string_view word(Decomposition decomposition) { return enumerator(decomposition); }
std::string_view word(Launch launch) { return enumerator(launch); }

std::string format(const KernelConfig& config) {
  return std::visit(
      []<class Config>(const Config& c) {
        return fmt::format("{}:{}", Fields<Config>::kFamily, format_fields(field_values(c)));
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
    if (family == Fields<Config>::kFamily) config = parse_fields<Config>(text.substr(colon + 1), "config");
  });
  if (!config) throw UsageError(fmt::format("unknown kernel family '{}'", family), "use " + family_names());
  return *config;
}

std::string_view family_name(const KernelConfig& config) {
  return std::visit([]<class Config>(const Config&) { return Fields<Config>::kFamily; }, config);
}

}  // namespace ditune
