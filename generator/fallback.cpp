// SPDX-License-Identifier: Apache-2.0
#include "generator/fallback.hpp"

#include <fmt/format.h>

#include "core/config_fields.hpp"
#include "ditune/error.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

template <class Op>
concept HasFallbacks = requires {
  Fallbacks<Op>::configs();
};

[[noreturn]] void refuse(std::string_view kind) {
  throw UsageError(fmt::format("no kernel of {} is built in", kind), "tune it, and keep the kernels");
}

}  // namespace

std::vector<KernelConfig> fallback_configs() {
  std::vector<KernelConfig> all;
  for_each_kind([&]<class Op>() {
    if constexpr (HasFallbacks<Op>)
      all.insert(all.end(), Fallbacks<Op>::configs().begin(), Fallbacks<Op>::configs().end());
  });
  return all;
}

std::optional<KernelConfig> fallback_config(const Operation& operation) {
  return std::visit(
      []<class Op>([[maybe_unused]] const Op& op) -> std::optional<KernelConfig> {
        if constexpr (HasFallbacks<Op>) return Fallbacks<Op>::config(op);
        return std::nullopt;
      },
      operation);
}

std::string fallback_name(const KernelConfig& config) {
  return std::visit([]<class Config>(const Config& c) { return "fallback_" + kernel_name(c, OpOf<Config>{}); }, config);
}

KernelSource emit_fallback(const KernelConfig& config) {
  const std::string name = fallback_name(config);
  const auto text = [&]<class Config>([[maybe_unused]] const Config& c) -> std::string {
    using Op = OpOf<Config>;
    if constexpr (HasFallbacks<Op>) {
      return fmt::format(
          "// {config_text}, {serves}\n"
          "#include \"{kernel}.cuh\"\n"
          "\n"
          "namespace {{\n"
          "constexpr ditune::{config_type} kConfig{{\n    {fields}}};\n"
          "}}  // namespace\n"
          "\n"
          "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), {ctas})\n"
          "{name}(\n"
          "    const __grid_constant__ ditune::{parameter} args) {{\n"
          "  ditune::{kernel}<kConfig>(args);\n"
          "}}\n",
          fmt::arg("config_text", format(config)), fmt::arg("serves", Fallbacks<Op>::kServes),
          fmt::arg("kernel", Fallbacks<Op>::kKernel), fmt::arg("config_type", type_name<Config>()),
          fmt::arg("fields", designated_initializers(field_values(c))), fmt::arg("ctas", Family<Config>::kCtas),
          fmt::arg("name", name), fmt::arg("parameter", Fallbacks<Op>::kParameter));
    }
    refuse(Kind<Op>::kName);
  };
  return {name, std::visit(text, config)};
}

KernelParameter fallback_parameter(const Operation& operation, const Arguments& arguments) {
  return visit_kind(
      operation, arguments,
      []<class Op>([[maybe_unused]] const Op& op, [[maybe_unused]] const ArgsOf<Op>& args) -> KernelParameter {
        if constexpr (HasFallbacks<Op>) return bytes_of(Fallbacks<Op>::parameter(op, args));
        refuse(Kind<Op>::kName);
      });
}

}  // namespace ditune
