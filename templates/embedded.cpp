// SPDX-License-Identifier: Apache-2.0
#include "templates/embedded.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <set>
#include <stdexcept>

#include "embedded_files.hpp"

namespace ditune {
namespace {

std::string_view trim_left(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

// Cuts the first line, with its newline, off `text`.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n') + 1);  // npos + 1 == 0: the last line has no newline
  const std::string_view taken = line.empty() ? text : line;
  text.remove_prefix(taken.size());
  return taken;
}

// What follows `#NAME` on a line that is that directive.
std::optional<std::string_view> directive(std::string_view line, std::string_view name) {
  line = trim_left(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trim_left(line.substr(1));
  if (!line.starts_with(name)) return std::nullopt;
  return trim_left(line.substr(name.size()));
}

const EmbeddedFile* find(std::span<const EmbeddedFile> files, std::string_view name) {
  for (const EmbeddedFile& file : files)
    if (file.name == name) return &file;
  return nullptr;
}

// The template that a line includes, if it is an include of one.
const EmbeddedFile* included_template(std::string_view line) {
  const auto rest = directive(line, "include");
  if (!rest || !rest->starts_with('"')) return nullptr;
  return find(embedded_templates(), rest->substr(1, rest->find('"', 1) - 1));
}

void append_inlined(std::string& out, std::string_view text, std::set<std::string_view>& seen) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (const auto pragma = directive(line, "pragma"); pragma && pragma->starts_with("once")) continue;
    if (line.starts_with("// SPDX-")) continue;
    const EmbeddedFile* file = included_template(line);
    if (!file) {
      out += line;
    } else if (seen.insert(file->name).second) {
      append_inlined(out, file->text, seen);
    }
  }
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Length of the comment at the start of `code`, 0 if there is none.
std::size_t comment_length(std::string_view code) {
  if (code.starts_with("//")) return std::min(code.find('\n'), code.size());
  if (!code.starts_with("/*")) return 0;
  const std::size_t end = code.find("*/", 2);
  return end == std::string_view::npos ? code.size() : end + 2;
}

// Length of the string or character literal at the start of `code`, 0 if there is none; `before` is the character in
// front.
std::size_t literal_length(std::string_view code, char before) {
  if (code.starts_with("R\"") && !is_word(before)) {
    const std::size_t open = std::min(code.find('('), code.size());
    const std::string close = ")" + std::string(code.substr(2, open - 2)) + "\"";
    const std::size_t end = code.find(close, open);
    return end == std::string_view::npos ? code.size() : end + close.size();
  }
  const char quote = code.front();
  if (quote != '"' && (quote != '\'' || is_word(before))) return 0;  // 1'000 is a number
  std::size_t i = 1;
  while (i < code.size() && code[i] != quote && code[i] != '\n') i += code[i] == '\\' ? 2 : 1;
  return std::min(i + 1, code.size());
}

std::string without_blanks(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t last = line.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) continue;
    out += line.substr(0, last + 1);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string_view embedded_text(std::span<const EmbeddedFile> files, std::string_view name) {
  const EmbeddedFile* file = find(files, name);
  if (!file) throw std::out_of_range("no embedded file " + std::string(name));
  return file->text;
}

std::span<const EmbeddedFile> embedded_templates() { return kEmbeddedFiles; }

std::string_view embedded_template(std::string_view name) { return embedded_text(embedded_templates(), name); }

std::string inline_templates(std::string_view root) {
  std::string out;
  std::set<std::string_view> seen;
  append_inlined(out, root, seen);
  return out;
}

std::string strip_comments(std::string_view code) {
  std::string out;
  char before = ' ';
  while (!code.empty()) {
    std::size_t length = comment_length(code);
    if (length > 0) {
      out += ' ';
      before = ' ';
    } else {
      length = std::max<std::size_t>(literal_length(code, before), 1);
      out += code.substr(0, length);
      before = code[length - 1];
    }
    code.remove_prefix(length);
  }
  return without_blanks(out);
}

std::string template_hash(std::string_view family) {
  const std::string text = strip_comments(inline_templates(embedded_template(std::string(family) + ".cuh")));
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

}  // namespace ditune
