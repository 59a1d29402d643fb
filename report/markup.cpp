// SPDX-License-Identifier: Apache-2.0
#include "report/markup.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

#include "core/plain_text.hpp"

namespace ditune::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c == '&')
      to += "&amp;";
    else if (c == '<')
      to += "&lt;";
    else if (c == '>')
      to += "&gt;";
    else if (c == '"')
      to += "&quot;";
    else if (c == '\'')
      to += "&#39;";
    else
      to += c;
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  append_escaped(escaped, is_plain(text) ? text : to_plain(text, kReplacement));
  return escaped;
}

std::string escape_script(std::string_view json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (const char c : json)
    if (c == '<')
      escaped += "\\u003c";  // JSON has it in strings alone
    else
      escaped += c;
  return escaped;
}

std::string coordinate(double value) {
  if (!std::isfinite(value)) return "0";
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

void Markup::begin(std::string_view element, Attributes attributes) {
  (text_ += '<') += element;
  for (const Attribute& attribute : attributes) {
    if (attribute.value.empty()) continue;
    ((text_ += ' ') += attribute.name) += "=\"";
    text_ += escape_markup(attribute.value);
    text_ += '"';
  }
}

Markup& Markup::open(std::string_view element, Attributes attributes) {
  begin(element, attributes);
  text_ += '>';
  open_.emplace_back(element);
  return *this;
}

Markup& Markup::close() {
  assert(!open_.empty());
  ((text_ += "</") += open_.back()) += '>';
  open_.pop_back();
  return *this;
}

Markup& Markup::lone(std::string_view element, Attributes attributes) {
  begin(element, attributes);
  text_ += "/>";
  return *this;
}

Markup& Markup::leaf(std::string_view element, Attributes attributes, std::string_view text) {
  open(element, attributes);
  this->text(text);
  return close();
}

Markup& Markup::text(std::string_view text) {
  text_ += escape_markup(text);
  return *this;
}

Markup& Markup::add(const Markup& part) {
  assert(part.open_.empty());
  text_ += part.text_;
  return *this;
}

Markup& Markup::verbatim(std::string_view our_own_text) {
  text_ += our_own_text;
  return *this;
}

}  // namespace ditune::report
