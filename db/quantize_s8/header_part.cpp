// SPDX-License-Identifier: Apache-2.0
#include "db/quantize_s8/header_part.hpp"

#include <fmt/format.h>

#include "core/quantize_s8/prologue_fields.hpp"
#include "db/cpp_text.hpp"
#include "embedded_files.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

constexpr std::string_view kUsage =
    "//   const ditune_tuned::QuantizeRow* rows_of_x = ditune_tuned::find_quantize(arch, m, k, \"norm=rms\");\n"
    "//   cudaError_t status = ditune_tuned::launch(*rows_of_x, quantize_args, stream);\n"
    "//\n";

std::string text_of(std::string_view file) { return std::string(embedded_text(kEmbeddedFiles, file)); }

// What K, a split and every stride are multiples of.
int multiple(const KernelConfig& config) {
  return std::visit(
      []<class C>(const C& c) {
        if constexpr (std::is_same_v<OpOf<C>, Quantize>)
          return c.load;
        else
          return 0;
      },
      config);
}

std::string row_text(const HeaderRow& row, HeaderConfigs& configs, HeaderKernels& kernels) {
  const TuningRecord& r = row.record;
  const auto& [m, k, prologue] = std::get<Quantize>(r.key.operation);
  return fmt::format("    {{{}, {}, {}, {}, {},\n     {}, {}, {}, {}, {},\n     {}, {}, Source::{}, {}, {}}},\n",
                     string_literal(r.key.device.name), r.key.device.arch.number, r.key.device.sms, k,
                     string_literal(format(prologue)), row.m_first, row.m_last, m, string_literal(format(r.config)),
                     configs.expression(r.config), values_literal(field_values(prologue)), multiple(r.config),
                     format(r.source), r.microseconds(), kernels.pointer_to(r));
}

}  // namespace

HeaderPart HeaderOf<Quantize>::part(std::span<const HeaderRow> rows, Embed, HeaderConfigs& configs,
                                    HeaderKernels& kernels) {
  HeaderPart part{.title = "INT8 quantization kernels",
                  .usage = std::string(kUsage),
                  .includes =
                      "#include \"quantize_args.cuh\"\n#include \"prologue_spec.cuh\"\n"
                      "#include \"quantize_operands.cuh\"\n",
                  .config = "QuantizeConfig",
                  .parameters = {{"type", Quantize{}, {}}},
                  .uses = "using ditune::QuantizeArgs;\n",
                  .row = text_of("quantize_row.hpp"),
                  .body = "inline constexpr QuantizeRow quantize_rows[] = {\n",
                  .make_parameter = {},
                  .launch = text_of("quantize_launch.hpp")};
  for (const HeaderRow& row : rows) part.body += row_text(row, configs, kernels);
  part.body += "};\n\n" + text_of("quantize_lookup.hpp");
  return part;
}

}  // namespace ditune
