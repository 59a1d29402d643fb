// SPDX-License-Identifier: Apache-2.0
#include "generator/emit.hpp"

#include <fmt/format.h>

#include <cctype>

#include "core/config_fields.hpp"
#include "core/epilogue_fields.hpp"
#include "generator/families.hpp"
#include "templates/embedded.hpp"

namespace ditune {
std::string kernel_name(const KernelConfig& config, const Epilogue& epilogue) {
  std::string name = format(config);
  if (!(epilogue == Epilogue{})) name += '_' + format(epilogue);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

KernelSource emit(const KernelConfig& config, const Epilogue& epilogue) {
  const std::string name = kernel_name(config, epilogue);
  const auto text = [&]<class Config>(const Config& c) {
    return fmt::format(
        "// {config_text}, epilogue {epilogue_text}\n"
        "#include \"{family}.cuh\"\n"
        "\n"
        "namespace {{\n"
        "constexpr ditune::{config_type} kConfig{{\n    {fields}}};\n"
        "constexpr ditune::Epilogue kEpilogue{{\n    {epilogue_fields}}};\n"
        "}}  // namespace\n"
        "\n"
        "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), {ctas})\n"
        "{name}(\n"
        "    const __grid_constant__ ditune::{parameter} args) {{\n"
        "  ditune::{family}<kConfig, kEpilogue>(args);\n"
        "}}\n",
        fmt::arg("config_text", format(config)), fmt::arg("epilogue_text", format(epilogue)),
        fmt::arg("family", Fields<Config>::kFamily), fmt::arg("config_type", type_name<Config>()),
        fmt::arg("fields", designated_initializers(field_values(c))),
        fmt::arg("epilogue_fields", designated_initializers(field_values(epilogue))), fmt::arg("name", name),
        fmt::arg("parameter", Family<Config>::kParameter), fmt::arg("ctas", Family<Config>::kCtas));
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

KernelSource emit_standalone(const KernelConfig& config, const Epilogue& epilogue) {
  KernelSource source = emit(config, epilogue);
  source.text = inline_templates(source.text);
  return source;
}

}  // namespace ditune
