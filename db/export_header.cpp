// SPDX-License-Identifier: Apache-2.0
#include "db/export_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "core/config_fields.hpp"
#include "core/kinds.hpp"
#include "core/plain_text.hpp"
#include "core/sha256.hpp"
#include "core/text.hpp"
#include "db/cpp_text.hpp"
#include "db/header_parts.hpp"
#include "ditune/error.hpp"
#include "embedded_files.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

constexpr std::string_view kIncludes =
    "#include <cstddef>\n"
    "#include <cstdint>\n"
    "#include <optional>\n"
    "#include <string_view>\n"
    "#include <variant>\n"
    "\n"
    "namespace ditune_tuned {\n"
    "\n";

constexpr std::size_t kMostInside = std::size_t{1} << 20;  // bytes of kernels in the header itself

constexpr std::string_view kBegin = "namespace ditune_tuned {\n", kEnd = "}  // namespace ditune_tuned\n";

// Behind the comment at the top. The names of each export are its own, so that a program may have several.
std::string guarded(std::string text) {
  const std::string id = sha256(text).substr(0, 8);
  const auto replace_each = [&](std::string_view mark, const std::string& by) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
      text.replace(at, mark.size(), by);
  };
  replace_each(kBegin, fmt::format("{}inline namespace export_{} {{\n", kBegin, id));
  replace_each(kEnd, fmt::format("}}  // namespace export_{}\n{}", id, kEnd));
  return fmt::format(
      "#if defined(DITUNE_TUNED_H) && DITUNE_TUNED_H != 0x{0}\n"
      "#error \"one source includes two exports of ditune (export all layers into one header)\"\n"
      "#endif\n"
      "#ifndef DITUNE_TUNED_H\n"
      "#define DITUNE_TUNED_H 0x{0}\n"
      "\n"
      "{1}"
      "#endif  // DITUNE_TUNED_H\n",
      id, text);
}

std::string_view config_type(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return type_name<C>(); }, config);
}

std::string_view parameter_type(const KernelConfig& config, const Operation& operation) {
  return std::visit([&]<class C>(const C& c) { return Family<C>::parameter_type(op_of(c, operation)); }, config);
}

// What a header says of the parameters of a config's family.
std::string parameters_text(const KernelConfig& config, std::span<const HeaderParameter> parameters) {
  std::string text = fmt::format("template <>\nstruct ParameterOf<ditune::{}> {{\n", config_type(config));
  for (const auto& [name, operation, which] : parameters)
    text += fmt::format("  using {} = ditune::{};{}\n", name, parameter_type(config, operation),
                        which.empty() ? "" : fmt::format("  // {}", which));
  return text + "};\n";
}

bool takes_tensor_maps(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return Family<C>::kTakesTensorMaps; }, config);
}

// The index of the kind that its family computes.
std::size_t kind_of(const KernelConfig& config) {
  return std::visit([]<class C>(const C&) { return Operation(OpOf<C>{}).index(); }, config);
}

// A text of db/header with `by` in place of each of its marks.
using Filling = std::vector<std::pair<std::string_view, std::string>>;
std::string filled(std::string_view file, const Filling& by) {
  std::string text(embedded_text(kEmbeddedFiles, file));
  for (const auto& [mark, its] : by) text.replace(text.find(mark), mark.size(), its);
  return text;
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
    for (auto first = rows.begin(); first != rows.end();) first = add_kind(first, rows.end());
    if (parts_.empty())
      throw UsageError(fmt::format("no header has rows of {}", fmt::join(left_out_, ", ")), "look them up at run time");
    std::string text =
        std::string(kIncludes) + library() +
        filled("types.hpp", {{"// @uses@\n", all(&HeaderPart::uses)}, {"// @rows@\n", all(&HeaderPart::row)}});
    std::string kernels = kernels_.text();
    const bool apart = kernels.size() > kMostInside && !options_.kernels_file.empty();
    text += "\n" + std::string(embedded_text(kEmbeddedFiles, "arguments.hpp")) + "\n" +
            (apart ? include_kernels(options_.kernels_file, kernels) : std::exchange(kernels, {}));
    text += "// ---- the winners\n\nnamespace detail {\n\n" + configs_.text() + "}  // namespace detail\n\n";
    text += all(&HeaderPart::body) + "\n}  // namespace ditune_tuned\n\n" + tensor_maps();
    if (options_.embed == Embed::cubin)
      text += filled("launch.hpp", {{"// @launch@\n", all(&HeaderPart::launch)}}) + "\n";
    return {top() + guarded(std::move(text)), std::move(kernels), std::move(left_out_)};
  }

 private:
  using Rows = std::vector<HeaderRow>::const_iterator;

  // The rows of a kind are neighbours.
  Rows add_kind(Rows first, Rows end) {
    const Operation& operation = first->record.key.operation;
    const Rows last = std::find_if(
        first, end, [&](const HeaderRow& row) { return row.record.key.operation.index() != operation.index(); });
    std::visit(
        [&]<class Op>(const Op&) {
          if constexpr (requires { &HeaderOf<Op>::part; })
            add_part(operation.index(), HeaderOf<Op>::part({first, last}, options_.embed, configs_, kernels_),
                     {first, last});
          else
            left_out_.emplace_back(Kind<Op>::kName);
        },
        operation);
    return last;
  }

  void add_part(std::size_t kind, HeaderPart part, std::span<const HeaderRow> rows) {
    parts_.emplace_back(kind, std::move(part));
    rows_ += std::ssize(rows);
    measured_ += std::ranges::count(rows, Source::measured, [](const HeaderRow& r) { return r.record.source; });
  }

  // What the parts say, one behind the other.
  std::string all(std::string HeaderPart::*member) const {
    std::string text;
    for (const auto& [kind, part] : parts_) text += part.*member;
    return text;
  }

  std::string top() const {
    std::vector<std::string_view> titles;
    for (const auto& [kind, part] : parts_) titles.push_back(part.title);
    return fmt::format(
        "// {} and for what they are fastest, written by ditune " DITUNE_VERSION
        ". Export again rather than edit.\n//\n{}"
        "// {}, {} of them measured; the others are a cost model's predictions that nobody ran: see Row::source.\n",
        fmt::join(titles, ", "), all(&HeaderPart::usage), text::counted(rows_, "row"), measured_);
  }

  // The library's words, nested in the header's namespace: a program may include both.
  std::string library() const {
    std::string includes = all(&HeaderPart::includes), variants, parameters;
    for (const auto& [kind, part] : parts_) {
      std::vector<std::string> types;
      for (const auto& [index, config] : configs_.families()) {
        if (kind_of(config) != kind) continue;
        includes += fmt::format("#include \"{}_config.cuh\"\n", family_name(config));
        if (takes_tensor_maps(config)) includes += "#include \"l2_fetch.cuh\"\n";
        types.push_back(fmt::format("ditune::{}", config_type(config)));
        parameters += parameters_text(config, part.parameters);
      }
      variants += fmt::format("using {} = std::variant<{}>;\n", part.config, fmt::join(types, ", "));
    }
    return inline_templates(includes) + fmt::format(
                                            "\n{}\n// What the kernels of a config are launched with.\ntemplate <class "
                                            "C>\nstruct ParameterOf;\n{}\n",
                                            variants, parameters);
  }

  // Empty where no family takes any.
  std::string tensor_maps() const {
    std::set<std::string_view> types;
    for (const auto& [kind, part] : parts_)
      for (const auto& [index, config] : configs_.families())
        if (kind_of(config) == kind && takes_tensor_maps(config))
          for (const HeaderParameter& its : part.parameters) types.insert(parameter_type(config, its.operation));
    if (types.empty()) return {};
    std::string uses;
    for (const std::string_view type : types) uses += fmt::format("using ditune::{};\n", type);
    return filled("tensor_maps.hpp", {{"@parameters@", fmt::format("{}", fmt::join(types, ", "))},
                                      {"// @uses@\n", uses},
                                      {"// @make_parameter@\n", all(&HeaderPart::make_parameter)}}) +
           "\n";
  }

  const HeaderOptions& options_;
  HeaderKernels kernels_{options_};
  HeaderConfigs configs_;
  std::vector<std::pair<std::size_t, HeaderPart>> parts_;  // with the index of their kind
  std::vector<std::string> left_out_;                      // kinds
  std::ptrdiff_t rows_ = 0, measured_ = 0;
};

}  // namespace

// Assigns its fields, a line each: designated initializers are C++20.
std::string HeaderConfigs::expression(const KernelConfig& config) {
  families_.try_emplace(config.index(), config);
  const std::string name = format(config);
  const auto [function, is_new] = indices_.try_emplace(name, indices_.size());
  if (is_new) {
    std::string lines;
    for (const MemberLiteral& its : std::visit([](const auto& c) { return member_literals(field_values(c)); }, config))
      lines += fmt::format("  c.{} = {};\n", its.member, its.value);
    text_ += fmt::format("constexpr ditune::{0} config_{1}() {{  // {2}\n  ditune::{0} c;\n{3}  return c;\n}}\n\n",
                         config_type(config), function->second, name, lines);
  }
  return fmt::format("detail::config_{}()", function->second);
}

std::string values_literal(const FieldValues& values) {
  std::vector<std::string> texts;
  for (const MemberLiteral& its : member_literals(values)) texts.push_back(its.value);
  return fmt::format("{{{}}}", fmt::join(texts, ", "));
}

HeaderText export_header(const std::vector<TuningRecord>& records, const HeaderOptions& options) {
  return Header(options).text(header_rows(records, options.regime));
}

}  // namespace ditune
