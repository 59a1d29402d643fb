// SPDX-License-Identifier: Apache-2.0
#include "generator/fallback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/config_fields.hpp"
#include "fallback_args.cuh"
#include "generator/families.hpp"

namespace ditune {
namespace {

// Of the family that every arch runs, in little shared memory. Fewer threads make the image larger, since each holds
// more of the unrolled epilogue; more leave byte loads too few registers.
constexpr std::array<KernelConfig, 2> kConfigs{
    MmaS8Config{.tile_m = 64, .tile_n = 128, .tile_k = 64, .warps_m = 2, .warps_n = 4, .stages = 4},
    MmaS8Config{.tile_m = 64, .tile_n = 64, .tile_k = 64, .warps_m = 4, .warps_n = 2, .stages = 3, .load = 1}};

int k_multiple(const KernelConfig& config) {
  return std::visit([]<class Config>(const Config& c) { return Family<Config>::k_multiple(c); }, config);
}

}  // namespace

std::span<const KernelConfig> fallback_configs() { return kConfigs; }

const KernelConfig& fallback_config(std::int64_t row_multiple) {
  return *std::ranges::find_if(kConfigs, [&](const KernelConfig& c) { return row_multiple % k_multiple(c) == 0; });
}

std::string fallback_name(const KernelConfig& config) { return "fallback_" + kernel_name(config, {}); }

KernelSource emit_fallback(const KernelConfig& config) {
  const std::string name = fallback_name(config);
  const auto text = [&]<class Config>(const Config& c) {
    return fmt::format(
        "// {}, any epilogue\n"
        "#include \"fallback.cuh\"\n"
        "\n"
        "namespace {{\n"
        "constexpr ditune::{} kConfig{{\n    {}}};\n"
        "}}  // namespace\n"
        "\n"
        "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), {})\n"
        "{}(\n"
        "    const __grid_constant__ ditune::FallbackArgs args) {{\n"
        "  ditune::fallback<kConfig>(args);\n"
        "}}\n",
        format(config), type_name<Config>(), designated_initializers(field_values(c)), Family<Config>::kCtas, name);
  };
  return {name, std::visit(text, config)};
}

KernelParameter fallback_parameter(const Operation& operation, const Arguments& arguments) {
  return bytes_of(FallbackArgs{.gemm = std::get<GemmArgs>(arguments), .epilogue = std::get<Gemm>(operation).epilogue});
}

std::int64_t row_multiple(const Operation& operation) { return std::get<Gemm>(operation).k; }

}  // namespace ditune
