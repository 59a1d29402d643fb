#include "db/export_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "db/cpp_text.hpp"
#include "db/header_rows.hpp"
#include "ditune/error.hpp"
#include "embedded_files.hpp"
#include "generator/emit.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

constexpr std::string_view kTop =
    "// Fused INT8 GEMM kernels and for what they are fastest, written by ditune " DITUNE_VERSION
    ". Export again rather than edit.\n"
    "//\n"
    "//   const ditune_tuned::Row* row = ditune_tuned::find(arch, m, n, k, \"default\");  // null: nothing for this "
    "layer\n"
    "//   ditune_tuned::LaunchPlan plan = ditune_tuned::plan(*row, m);                   // the workspace it needs\n"
    "//   cudaError_t status = ditune_tuned::launch(*row, args, stream);                 // exported with --embed "
    "cubin\n"
    "//\n"
    "// {} rows, {} of them measured; the others are a cost model's predictions that nobody ran: see Row::source.\n"
    "#ifndef DITUNE_TUNED_H\n"
    "#define DITUNE_TUNED_H\n"
    "\n"
    "#include <cstddef>\n"
    "#include <cstdint>\n"
    "#include <string_view>\n"
    "#include <variant>\n"
    "\n"
    "namespace ditune_tuned {{\n"
    "\n";

// What a kernel is told apart by: its cubin, or its name.
using Kernels = std::map<std::string, std::size_t>;

std::string header_part(std::string_view name) { return std::string(embedded_text(kEmbeddedFiles, name)); }

KernelText kernel_text(const KernelConfig& config) {
  return std::visit([]<class C>(const C& c) { return Family<C>::text(c); }, config);
}

int k_multiple(const KernelConfig& config) {
  return std::visit([]<class C>(const C& c) { return Family<C>::k_multiple(c); }, config);
}

int ldy_multiple(const KernelConfig& config, Output out) {
  return std::visit([&]<class C>(const C& c) { return Family<C>::ldy_multiple(c, out); }, config);
}

// Of the families that the rows are of, one config each.
std::map<std::size_t, KernelText> families_of(const std::vector<HeaderRow>& rows) {
  std::map<std::size_t, KernelText> families;
  for (const HeaderRow& row : rows) families.try_emplace(row.record.config.index(), kernel_text(row.record.config));
  return families;
}

// The library's words, nested in the header's namespace: a program may include both.
std::string library_part(const std::map<std::size_t, KernelText>& families) {
  std::string includes = "#include \"gemm_args.cuh\"\n#include \"epilogue_spec.cuh\"\n";
  std::string parameters;
  std::vector<std::string> types;
  for (const auto& [index, text] : families) {
    includes += fmt::format("#include \"{}_config.cuh\"\n", text.kernel);
    types.push_back("ditune::" + text.config_type);
    parameters += fmt::format("template <>\nstruct ParameterOf<{}> {{\n  using type = ditune::{};\n}};\n", types.back(),
                              text.parameter);
  }
  return inline_templates(includes) +
         fmt::format(
             "\nusing Config = std::variant<{}>;\n\n"
             "// What the kernels of a config are launched with.\ntemplate <class C>\nstruct ParameterOf;\n{}\n",
             fmt::join(types, ", "), parameters);
}

// Designated initializers are C++20: ".a = 1, .b = 2" becomes "  c.a = 1;" and "  c.b = 2;", a line each.
std::string assignments(std::string_view fields) {
  std::string lines;
  while (!fields.empty()) {
    std::string_view field = fields.substr(0, fields.find(','));
    fields.remove_prefix(std::min(field.size() + 1, fields.size()));
    field.remove_prefix(std::min(field.find('.'), field.size()));
    lines += fmt::format("  c{};\n", field);
  }
  return lines;
}

std::string config_function(std::size_t index, const KernelConfig& config) {
  const KernelText text = kernel_text(config);
  return fmt::format("constexpr ditune::{0} config_{1}() {{  // {2}\n  ditune::{0} c;\n{3}  return c;\n}}\n\n",
                     text.config_type, index, format(config), assignments(text.fields));
}

std::string epilogue_literal(const Epilogue& e) {
  return fmt::format(
      "{{ditune::ScaleX::{}, ditune::ScaleW::{}, ditune::Bias::{}, ditune::EpilogueOp::{}, ditune::Output::{}}}",
      word(e.sx), word(e.sw), word(e.bias), word(e.op), word(e.out));
}

class Header {
 public:
  Header(Embed embed, const std::function<std::string(const TuningRecord&)>& cubin_of)
      : embed_(embed), cubin_of_(cubin_of) {}

  std::string text(const std::vector<HeaderRow>& rows) {
    for (const HeaderRow& row : rows) add(row);
    const auto families = families_of(rows);
    const auto measured =
        std::ranges::count(rows, Source::measured, [](const HeaderRow& r) { return r.record.source; });
    std::string text = fmt::format(kTop, rows.size(), measured) + library_part(families) + header_part("types.hpp");
    if (!kernels_.empty())
      text += "\n// ---- the kernels\n\n" + images_ + "inline constexpr Kernel kernels[] = {\n" + kernel_rows_ + "};\n";
    text += "\n// ---- the winners\n\nnamespace detail {\n\n" + config_functions_ + "}  // namespace detail\n\n";
    text += "inline constexpr Row rows[] = {\n" + rows_ + "};\n\n" + header_part("lookup.hpp");
    text += "\n}  // namespace ditune_tuned\n\n";
    if (std::ranges::any_of(families, [](const auto& f) { return f.second.parameter == "TmaGemmArgs"; }))
      text += header_part("tensor_maps.hpp") + "\n";
    if (embed_ == Embed::cubin) text += header_part("launch.hpp") + "\n";
    return text + "#endif  // DITUNE_TUNED_H\n";
  }

 private:
  void add(const HeaderRow& row) {
    const TuningRecord& r = row.record;
    const std::string config = format(r.config);
    const auto [function, is_new] = configs_.try_emplace(config, configs_.size());
    if (is_new) config_functions_ += config_function(function->second, r.config);
    rows_ += fmt::format(
        "    {{{}, {}, {}, {}, {}, {},\n     {}, {}, {}, {}, detail::config_{}(),\n     {}, {}, {}, Source::{}, {}, "
        "{}}},\n",
        string_literal(r.key.device.name), r.key.device.arch.number, r.key.device.sms, r.key.problem.n, r.key.problem.k,
        string_literal(format(r.key.epilogue)), row.m_first, row.m_last, r.key.problem.m, string_literal(config),
        function->second, epilogue_literal(r.key.epilogue), k_multiple(r.config),
        ldy_multiple(r.config, r.key.epilogue.out), format(r.source), r.microseconds(), kernel_pointer(r));
  }

  std::string kernel_pointer(const TuningRecord& record) {
    if (embed_ == Embed::none) return "nullptr";
    const KernelSource source = emit_standalone(record.config, record.key.epilogue);
    const std::string cubin = embed_ == Embed::cubin ? this->cubin(record) : std::string();
    const auto [kernel, is_new] = kernels_.try_emplace(cubin.empty() ? source.name : cubin, kernels_.size());
    if (is_new) embed_ == Embed::cubin ? add_cubin(cubin, source.name) : add_source(source);
    return fmt::format("&kernels[{}]", kernel->second);
  }

  void add_source(const KernelSource& source) {
    kernel_rows_ +=
        fmt::format("    {{{},\n{},\n     nullptr, 0}},\n", string_literal(source.name), raw_literals(source.text));
  }

  std::string cubin(const TuningRecord& record) const {
    std::string bytes = cubin_of_(record);
    if (bytes.empty())
      throw UsageError(fmt::format("there is no kernel of {} {}", format(record.key.problem), format(record.config)),
                       "tune it again, or embed the source");
    return bytes;
  }

  void add_cubin(const std::string& cubin, const std::string& name) {
    const std::size_t index = kernels_.size() - 1;
    images_ += fmt::format("alignas(16) inline constexpr unsigned char image_{}[] =\n{};\n\n", index,
                           byte_literals(cubin, "    "));
    kernel_rows_ += fmt::format("    {{{}, nullptr, image_{}, {}}},\n", string_literal(name), index, cubin.size());
  }

  Embed embed_;
  const std::function<std::string(const TuningRecord&)>& cubin_of_;
  Kernels kernels_, configs_;  // index by identity, by config text
  std::string images_, kernel_rows_, config_functions_, rows_;
};

}  // namespace

std::string export_header(const std::vector<TuningRecord>& records, Embed embed, Regime regime,
                          const std::function<std::string(const TuningRecord&)>& cubin_of) {
  return Header(embed, cubin_of).text(header_rows(records, regime));
}

}  // namespace ditune
