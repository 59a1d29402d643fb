// SPDX-License-Identifier: Apache-2.0
#include "generator/emit.hpp"

#include <fmt/format.h>

#include <cctype>

#include "generator/families.hpp"
#include "templates/embedded.hpp"

namespace ditune {
namespace {

std::string epilogue_fields(const Epilogue& e) {
  return fmt::format(
      ".sx = ditune::ScaleX::{}, .sw = ditune::ScaleW::{}, .bias = ditune::Bias::{},\n"
      "    .op = ditune::EpilogueOp::{}, .out = ditune::Output::{}",
      word(e.sx), word(e.sw), word(e.bias), word(e.op), word(e.out));
}

}  // namespace

std::string kernel_name(const KernelConfig& config, const Epilogue& epilogue) {
  std::string name = format(config);
  if (!(epilogue == Epilogue{})) name += '_' + format(epilogue);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

KernelSource emit(const KernelConfig& config, const Epilogue& epilogue) {
  const KernelText text = std::visit([]<class Config>(const Config& c) { return Family<Config>::text(c); }, config);
  KernelSource source;
  source.name = kernel_name(config, epilogue);
  source.text = fmt::format(
      "// {config_text}, epilogue {epilogue_text}\n"
      "#include \"{header}\"\n"
      "\n"
      "namespace {{\n"
      "constexpr ditune::{config_type} kConfig{{\n    {fields}}};\n"
      "constexpr ditune::Epilogue kEpilogue{{\n    {epilogue_fields}}};\n"
      "}}  // namespace\n"
      "\n"
      "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), {ctas})\n"
      "{name}(\n"
      "    const __grid_constant__ ditune::{parameter} args) {{\n"
      "  ditune::{kernel}<kConfig, kEpilogue>(args);\n"
      "}}\n",
      fmt::arg("config_text", format(config)), fmt::arg("epilogue_text", format(epilogue)),
      fmt::arg("header", text.header), fmt::arg("config_type", text.config_type), fmt::arg("fields", text.fields),
      fmt::arg("epilogue_fields", epilogue_fields(epilogue)), fmt::arg("name", source.name),
      fmt::arg("kernel", text.kernel), fmt::arg("parameter", text.parameter), fmt::arg("ctas", text.ctas));
  return source;
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
