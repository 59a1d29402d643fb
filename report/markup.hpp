// SPDX-License-Identifier: Apache-2.0
// HTML and SVG as they are written. Names of elements and attributes are ours; texts and values may be anyone's, and
// are escaped here, so that nothing in a database becomes an element, an attribute or a script.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ditune::report {

// Text as it is written between tags and in double quotes: &, <, >, " and ' as entities; bytes that are no UTF-8 and
// control characters but for line ends as U+FFFD.
std::string escape_markup(std::string_view text);

// JSON as it is written into a script element: no '<' is left of it that could end the element or begin a comment.
std::string escape_script(std::string_view json);

// At most two decimals: "12", "0.25". 0 for what is not finite.
std::string coordinate(double value);

// One without a value is left out.
struct Attribute {
  template <std::convertible_to<std::string_view> Text>
  Attribute(std::string_view name, const Text& value) : name(name), value(value) {}
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number> Attribute(std::string_view name, Number value)
      : name(name), value(coordinate(static_cast<double>(value))) {}
  std::string_view name;
  std::string value;
};
using Attributes = std::initializer_list<Attribute>;

class Markup {
 public:
  Markup& open(std::string_view element, Attributes attributes = {});
  Markup& close();                                                     // what was opened last
  Markup& lone(std::string_view element, Attributes attributes = {});  // without content: <line/>, <meta/>
  Markup& leaf(std::string_view element, std::string_view text) { return leaf(element, {}, text); }
  Markup& leaf(std::string_view element, Attributes attributes, std::string_view text);
  Markup& text(std::string_view text);
  Markup& add(const Markup& part);                  // whose elements are all closed
  Markup& verbatim(std::string_view our_own_text);  // a style sheet, a script, JSON of escape_script
  const std::string& str() const { return text_; }

 private:
  void begin(std::string_view element, Attributes attributes);

  std::string text_;
  std::vector<std::string> open_;
};

}  // namespace ditune::report
