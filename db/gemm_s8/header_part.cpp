// SPDX-License-Identifier: Apache-2.0
#include "db/gemm_s8/header_part.hpp"

#include <fmt/format.h>

#include <map>

#include "core/gemm_s8/epilogue_fields.hpp"
#include "db/cpp_text.hpp"
#include "embedded_files.hpp"
#include "generator/gemm_s8/fallback.hpp"
#include "generator/gemm_s8/gemm.hpp"

namespace ditune {
namespace {

constexpr std::string_view kUsage =
    "//   const ditune_tuned::Row* row = ditune_tuned::find(arch, m, n, k, \"default\");  // null: nothing for this "
    "layer\n"
    "//   ditune_tuned::LaunchPlan plan = ditune_tuned::plan(*row, m);                   // the workspace it needs\n"
    "//   cudaError_t status = ditune_tuned::launch(*row, args, stream);                 // exported with --embed "
    "cubin\n"
    "//\n"
    "// With kernels, fallback(arch, n, k, \"default\") is a row for a layer that has none.\n";

std::string text_of(std::string_view file) { return std::string(embedded_text(kEmbeddedFiles, file)); }

// The fields of a row from `config` to `residual_multiple`.
std::string variant(const KernelConfig& config, const Epilogue& epilogue, HeaderConfigs& configs) {
  return fmt::format("{}, {},\n     {}, {}, {}, {}", string_literal(format(config)), configs.expression(config),
                     values_literal(field_values(epilogue)), k_multiple(config), ldy_multiple(config, epilogue.out),
                     residual_multiple(config, epilogue));
}

std::string row_text(const HeaderRow& row, HeaderConfigs& configs, HeaderKernels& kernels) {
  const TuningRecord& r = row.record;
  const auto& [m, n, k, epilogue] = std::get<Gemm>(r.key.operation);
  return fmt::format("    {{{}, {}, {}, {}, {}, {},\n     {}, {}, {}, {}, Source::{}, {}, {}}},\n",
                     string_literal(r.key.device.name), r.key.device.arch.number, r.key.device.sms, n, k,
                     string_literal(format(epilogue)), row.m_first, row.m_last, m, variant(r.config, epilogue, configs),
                     format(r.source), r.microseconds(), kernels.pointer_to(r));
}

// Rows that lack their arch, n, k and last m: fallback() fills them in.
std::string fallback_rows(const Epilogue& epilogue, HeaderConfigs& configs, HeaderKernels& kernels) {
  std::string rows;
  for (const KernelConfig& config : Fallbacks<Gemm>::configs())
    rows += fmt::format("    {{\"\", {}, 1, 0, 0, {},\n     1, 0, 0, {}, Source::fallback, 0, {}}},\n",
                        supported_archs().front().number, string_literal(format(epilogue)),
                        variant(config, epilogue, configs),
                        kernels.pointer_to_fallback(config, Gemm{.epilogue = epilogue}));
  return rows;
}

std::string fallback_text(const std::string& rows) {
  return fmt::format(
      "\n// ---- layers without a row\n\nnamespace detail {{\n\ninline constexpr long long kMaxK = {};\n\n"
      "// By epilogue, the one that loads most bytes at once first.\n"
      "inline constexpr Row fallbacks[] = {{\n{}}};\n\n}}  // namespace detail\n\n{}",
      kMaxK, rows, text_of("gemm_fallback.hpp"));
}

}  // namespace

HeaderPart HeaderOf<Gemm>::part(std::span<const HeaderRow> rows, Embed embed, HeaderConfigs& configs,
                                HeaderKernels& kernels) {
  HeaderPart part{
      .title = "Fused INT8 GEMM kernels",
      .usage = std::string(kUsage),
      .includes = "#include \"gemm_args.cuh\"\n#include \"epilogue_spec.cuh\"\n#include \"gemm_operands.cuh\"\n",
      .config = "Config",
      .parameters = {{"type", Gemm{}, {}},
                     {"fused", Gemm{.epilogue = {.residual = Residual::bf16}}, "of a residual; begins as the other"}},
      .uses = "using ditune::FusedGemmArgs;\nusing ditune::GemmArgs;\n",
      .row = text_of("gemm_row.hpp"),
      .body = "inline constexpr Row rows[] = {\n",
      .make_parameter = text_of("gemm_tensor_maps.hpp"),
      .launch = text_of("gemm_launch.hpp")};
  if (embed == Embed::cubin) part.includes += "#include \"fallback_args.cuh\"\n";
  std::map<std::string, Epilogue> epilogues;  // by text
  for (const HeaderRow& row : rows) {
    const Epilogue& epilogue = std::get<Gemm>(row.record.key.operation).epilogue;
    epilogues.emplace(format(epilogue), epilogue);
    part.body += row_text(row, configs, kernels);
  }
  part.body += "};\n\n" + text_of("gemm_lookup.hpp");
  if (embed == Embed::none) return part;
  std::string fallbacks;
  for (const auto& [text, epilogue] : epilogues) fallbacks += fallback_rows(epilogue, configs, kernels);
  part.body += fallback_text(fallbacks);
  return part;
}

}  // namespace ditune
