// SPDX-License-Identifier: Apache-2.0
#include "generator/emit.hpp"

#include <fmt/format.h>

#include <cctype>

#include "core/config_fields.hpp"
#include "generator/families.hpp"
#include "templates/embedded.hpp"

namespace ditune {
namespace {

OperationText text_of(const Operation& operation) {
  return std::visit([](const auto& op) { return operation_text(op); }, operation);
}

}  // namespace

std::string kernel_name(const KernelConfig& config, const Operation& operation) {
  std::string name = format(config);
  if (const std::string suffix = text_of(operation).name; !suffix.empty()) name += '_' + suffix;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

KernelSource emit(const KernelConfig& config, const Operation& operation) {
  const std::string name = kernel_name(config, operation);
  const OperationText its = text_of(operation);
  const auto text = [&]<class Config>(const Config& c) {
    return fmt::format(
        "// {config_text}, {comment}\n"
        "#include \"{family}.cuh\"\n"
        "\n"
        "namespace {{\n"
        "constexpr ditune::{config_type} kConfig{{\n    {fields}}};\n"
        "constexpr ditune::{type} {constant}{{\n    {its_fields}}};\n"
        "}}  // namespace\n"
        "\n"
        "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), {ctas})\n"
        "{name}(\n"
        "    const __grid_constant__ ditune::{parameter} args) {{\n"
        "  ditune::{family}<kConfig, {constant}>(args);\n"
        "}}\n",
        fmt::arg("config_text", format(config)), fmt::arg("comment", its.comment),
        fmt::arg("family", Fields<Config>::kFamily), fmt::arg("config_type", type_name<Config>()),
        fmt::arg("fields", designated_initializers(field_values(c))), fmt::arg("type", its.type),
        fmt::arg("constant", its.constant), fmt::arg("its_fields", its.fields), fmt::arg("name", name),
        fmt::arg("parameter", Family<Config>::parameter_type(op_of(c, operation))),
        fmt::arg("ctas", Family<Config>::kCtas));
  };
  return {name, std::visit(text, config)};
}

const std::string& template_hash(const KernelConfig& config) {
  const auto of_family = []<class Config>(const Config& c) -> const std::string& {
    static const std::string hash = template_hash(family_name(c));
    return hash;
  };
  return std::visit(of_family, config);
}

KernelSource emit_standalone(const KernelConfig& config, const Operation& operation) {
  KernelSource source = emit(config, operation);
  source.text = inline_templates(source.text);
  return source;
}

}  // namespace ditune
