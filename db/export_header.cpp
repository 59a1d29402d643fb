// SPDX-License-Identifier: Apache-2.0
#include "db/export_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/config_fields.hpp"
#include "core/epilogue_fields.hpp"
#include "core/text.hpp"
#include "db/cpp_text.hpp"
#include "db/header_kernels.hpp"
#include "db/header_rows.hpp"
#include "db/plain_text.hpp"
#include "db/sha256.hpp"
#include "ditune/error.hpp"
#include "embedded_files.hpp"
#include "generator/fallback.hpp"
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
    "// With kernels, fallback(arch, n, k, \"default\") is a row for a layer that has none.\n"
    "// {}, {} of them measured; the others are a cost model's predictions that nobody ran: see Row::source.\n"
    "#ifndef DITUNE_TUNED_H\n"
    "#define DITUNE_TUNED_H\n"
    "\n"
    "#include <cstddef>\n"
    "#include <cstdint>\n"
    "#include <optional>\n"
    "#include <string_view>\n"
    "#include <variant>\n"
    "\n"
    "namespace ditune_tuned {{\n"
    "\n";

constexpr std::size_t kMostInside = std::size_t{1} << 20;  // bytes of kernels in the header itself

std::string header_part(std::string_view name) { return std::string(embedded_text(kEmbeddedFiles, name)); }

std::string_view config_type(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return type_name<C>(); }, config);
}

std::string_view parameter_type(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return Family<C>::kParameter; }, config);
}

bool takes_tensor_maps(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return Family<C>::kTakesTensorMaps; }, config);
}

// The library's words, nested in the header's namespace: a program may include both.
std::string library_part(const std::map<std::size_t, KernelConfig>& families, Embed embed) {
  std::string includes = "#include \"gemm_args.cuh\"\n#include \"epilogue_spec.cuh\"\n#include \"gemm_operands.cuh\"\n";
  if (embed == Embed::cubin) includes += "#include \"fallback_args.cuh\"\n";
  std::string parameters;
  std::vector<std::string> types;
  for (const auto& [index, config] : families) {
    includes += fmt::format("#include \"{}_config.cuh\"\n", family_name(config));
    if (takes_tensor_maps(config)) includes += "#include \"l2_fetch.cuh\"\n";
    types.push_back(fmt::format("ditune::{}", config_type(config)));
    parameters += fmt::format("template <>\nstruct ParameterOf<{}> {{\n  using type = ditune::{};\n}};\n", types.back(),
                              parameter_type(config));
  }
  return inline_templates(includes) +
         fmt::format(
             "\nusing Config = std::variant<{}>;\n\n"
             "// What the kernels of a config are launched with.\ntemplate <class C>\nstruct ParameterOf;\n{}\n",
             fmt::join(types, ", "), parameters);
}

// Assigns its fields, a line each: designated initializers are C++20.
std::string config_function(std::size_t index, const KernelConfig& config) {
  std::string lines;
  for (const MemberLiteral& its : std::visit([](const auto& c) { return member_literals(field_values(c)); }, config))
    lines += fmt::format("  c.{} = {};\n", its.member, its.value);
  return fmt::format("constexpr ditune::{0} config_{1}() {{  // {2}\n  ditune::{0} c;\n{3}  return c;\n}}\n\n",
                     config_type(config), index, format(config), lines);
}

std::string epilogue_literal(const Epilogue& epilogue) {
  std::vector<std::string> values;
  for (const MemberLiteral& its : member_literals(field_values(epilogue))) values.push_back(its.value);
  return fmt::format("{{{}}}", fmt::join(values, ", "));
}

// What the header has in place of `kernels`, which become the text of that file.
std::string include_kernels(const std::string& file, std::string& kernels) {
  if (std::ranges::any_of(file, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '"' || c == '\\'; }))
    throw UsageError("no header can include a file of that name: " + to_plain(file), "name the header otherwise");
  const std::string id = string_literal(sha256(kernels).substr(0, 16));
  kernels = fmt::format("{}{}inline constexpr std::string_view kernels_id = {};\n", kKernelsTop, kernels, id);
  return fmt::format("#include \"{}\"\n\nstatic_assert(kernels_id == {}, \"the kernels are of another export\");\n\n",
                     file, id);
}

class Header {
 public:
  explicit Header(const HeaderOptions& options) : options_(options) {}

  HeaderText text(const std::vector<HeaderRow>& rows) {
    for (const HeaderRow& row : rows) add(row);
    if (options_.embed != Embed::none)
      for (const auto& [text, epilogue] : epilogues_) add_fallbacks(text, epilogue);
    const auto measured =
        std::ranges::count(rows, Source::measured, [](const HeaderRow& r) { return r.record.source; });
    std::string text = fmt::format(kTop, text::counted(std::ssize(rows), "row"), measured) +
                       library_part(families_, options_.embed) + header_part("types.hpp");
    std::string kernels = kernels_.text();
    const bool apart = kernels.size() > kMostInside && !options_.kernels_file.empty();
    text += "\n" + (apart ? include_kernels(options_.kernels_file, kernels) : std::exchange(kernels, {}));
    text += "// ---- the winners\n\nnamespace detail {\n\n" + config_functions_ + "}  // namespace detail\n\n";
    text += "inline constexpr Row rows[] = {\n" + rows_ + "};\n\n" + header_part("lookup.hpp");
    if (!fallbacks_.empty()) text += fallback_part();
    text += "\n}  // namespace ditune_tuned\n\n";
    if (std::ranges::any_of(families_, [](const auto& f) { return takes_tensor_maps(f.second); }))
      text += header_part("tensor_maps.hpp") + "\n";
    if (options_.embed == Embed::cubin) text += header_part("launch.hpp") + "\n";
    return {text + "#endif  // DITUNE_TUNED_H\n", std::move(kernels)};
  }

 private:
  void add(const HeaderRow& row) {
    const TuningRecord& r = row.record;
    const auto& [m, n, k, epilogue] = std::get<Gemm>(r.key.operation);
    epilogues_.emplace(format(epilogue), epilogue);
    rows_ += fmt::format("    {{{}, {}, {}, {}, {}, {},\n     {}, {}, {}, {}, Source::{}, {}, {}}},\n",
                         string_literal(r.key.device.name), r.key.device.arch.number, r.key.device.sms, n, k,
                         string_literal(format(epilogue)), row.m_first, row.m_last, m, variant(r.config, epilogue),
                         format(r.source), r.microseconds(), kernels_.pointer_to(r));
  }

  // Rows that lack their arch, n, k and last m: fallback() fills them in.
  void add_fallbacks(const std::string& text, const Epilogue& epilogue) {
    for (const KernelConfig& config : Fallbacks<Gemm>::configs())
      fallbacks_ += fmt::format("    {{\"\", {}, 1, 0, 0, {},\n     1, 0, 0, {}, Source::fallback, 0, {}}},\n",
                                supported_archs().front().number, string_literal(text), variant(config, epilogue),
                                kernels_.pointer_to_fallback(config, Gemm{.epilogue = epilogue}));
  }

  // The fields of a row from `config` to `ldy_multiple`.
  std::string variant(const KernelConfig& config, const Epilogue& epilogue) {
    const std::string name = format(config);
    families_.try_emplace(config.index(), config);
    const auto [function, is_new] = configs_.try_emplace(name, configs_.size());
    if (is_new) config_functions_ += config_function(function->second, config);
    return fmt::format("{}, detail::config_{}(),\n     {}, {}, {}", string_literal(name), function->second,
                       epilogue_literal(epilogue), k_multiple(config), ldy_multiple(config, epilogue.out));
  }

  std::string fallback_part() const {
    return fmt::format(
        "\n// ---- layers without a row\n\nnamespace detail {{\n\ninline constexpr long long kMaxK = {};\n\n"
        "// By epilogue, the one that loads most bytes at once first.\n"
        "inline constexpr Row fallbacks[] = {{\n{}}};\n\n}}  // namespace detail\n\n{}",
        kMaxK, fallbacks_, header_part("fallback.hpp"));
  }

  const HeaderOptions& options_;
  HeaderKernels kernels_{options_};
  std::map<std::size_t, KernelConfig> families_;  // one config each
  std::map<std::string, std::size_t> configs_;    // index by text
  std::map<std::string, Epilogue> epilogues_;     // of the rows, by text
  std::string config_functions_, rows_, fallbacks_;
};

}  // namespace

HeaderText export_header(const std::vector<TuningRecord>& records, const HeaderOptions& options) {
  return Header(options).text(header_rows(records, options.regime));
}

}  // namespace ditune
