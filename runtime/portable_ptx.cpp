// SPDX-License-Identifier: Apache-2.0
#include "runtime/portable_ptx.hpp"

#include "templates/embedded.hpp"

namespace ditune {
namespace {

constexpr std::string_view kVersion = ".version ", kOfCuda120 = ".version 8.0";
constexpr std::string_view kGlobal = ".global ";

// ".global .align 4 .u32 NAME = 2;" of a NAME that is nowhere else: a static constant that was folded where it was
// used.
bool is_unused_constant(std::string_view line, std::string_view text) {
  const std::size_t end = line.find(" = ");
  if (!line.starts_with(kGlobal) || end == std::string_view::npos) return false;
  const std::size_t begin = line.rfind(' ', end - 1) + 1;
  const std::string_view name = line.substr(begin, end - begin);
  return text.find(name, text.find(name) + 1) == std::string_view::npos;
}

}  // namespace

std::string portable_ptx(std::string_view ptx) {
  const std::string text = strip_comments(ptx);
  std::string out;
  for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
    end = text.find('\n', at);
    std::string_view line = std::string_view(text).substr(at, end - at);
    line.remove_prefix(line.find_first_not_of(" \t"));
    if (is_unused_constant(line, text)) continue;
    if (line.starts_with(kVersion)) {
      out += kOfCuda120;
    } else {
      out += line;
    }
    out += '\n';
  }
  return out;
}

}  // namespace ditune
