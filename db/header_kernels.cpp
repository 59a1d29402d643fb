// SPDX-License-Identifier: Apache-2.0
#include "db/header_kernels.hpp"

#include <fmt/format.h>

#include "db/cpp_text.hpp"
#include "ditune/error.hpp"
#include "generator/emit.hpp"
#include "generator/fallback.hpp"

namespace ditune {
namespace {

std::string pointer(std::size_t index) { return fmt::format("&kernels[{}]", index); }

}  // namespace

std::string HeaderKernels::pointer_to(const TuningRecord& winner) {
  const KernelConfig& config = winner.config;
  const Operation& operation = winner.key.operation;
  if (options_.embed == Embed::none) return "nullptr";
  if (options_.embed == Embed::source) return pointer_to_source(config, operation);
  return pointer_to_image(kernel_name(config, operation), cubin(winner));
}

std::string HeaderKernels::pointer_to_fallback(const KernelConfig& config, const Operation& operation) {
  if (options_.embed == Embed::none) return "nullptr";
  if (options_.embed == Embed::source) return pointer_to_source(config, operation);
  return pointer_to_image(fallback_name(config), options_.fallback_ptx(config));
}

std::string HeaderKernels::text() const {
  if (indices_.empty()) return {};
  return "// ---- the kernels\n\n" + bytes_ + "inline constexpr Kernel kernels[] = {\n" + rows_ + "};\n\n";
}

std::string HeaderKernels::cubin(const TuningRecord& record) const {
  std::string bytes = options_.cubin_of(record);
  if (bytes.empty())
    throw UsageError(
        fmt::format("there is no kernel of {} {}", describe_sizes(record.key.operation), format(record.config)),
        "tune it again, or embed the source");
  return bytes;
}

std::string HeaderKernels::pointer_to_source(const KernelConfig& config, const Operation& operation) {
  const auto [kernel, is_new] = indices_.try_emplace(kernel_name(config, operation), indices_.size());
  if (is_new) {
    const std::string text = emit_standalone(config, operation).text;
    const bool is_short = text.size() <= kLongestLiteral;
    if (!is_short) add_bytes(kernel->second, text);
    rows_ += fmt::format("    {{{},\n{},\n     nullptr, 0}},\n", string_literal(kernel->first),
                         is_short ? raw_literals(text) : fmt::format("     bytes_{}.text", kernel->second));
  }
  return pointer(kernel->second);
}

std::string HeaderKernels::pointer_to_image(const std::string& name, const std::string& image) {
  const auto [kernel, is_new] = indices_.try_emplace(image, indices_.size());
  const std::size_t index = kernel->second;
  if (is_new) {
    add_bytes(index, image);
    rows_ += fmt::format("    {{{}, nullptr, bytes_{}.image, {}}},\n", string_literal(name), index, image.size());
  }
  return pointer(index);
}

void HeaderKernels::add_bytes(std::size_t index, std::string_view bytes) {
  const auto [count, text] = words(bytes, "    ");
  bytes_ +=
      fmt::format("alignas(16) inline constexpr detail::Bytes<{}> bytes_{} = {{{{\n{}\n}}}};\n\n", count, index, text);
}

}  // namespace ditune
