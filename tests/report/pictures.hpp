// SPDX-License-Identifier: Apache-2.0
// What is asked of every picture.
#pragma once

#include <cstddef>
#include <string>

#include "catch.hpp"
#include "report/markup.hpp"

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

// No number in it is none, and each element that is opened is closed.
inline void check_sound(const ditune::report::Markup& picture) {
  const std::string& svg = picture.str();
  for (const char* wrong : {"nan", "inf", "NaN", "width=\"-", "height=\"-", "r=\"-"}) {
    CAPTURE(wrong);
    CHECK(svg.find(std::string("=\"") + wrong) == std::string::npos);
  }
  CHECK(svg.starts_with("<svg viewBox=\"0 0 "));
  CHECK(svg.ends_with("</svg>"));
  for (const char* element : {"svg", "text", "title"})
    CHECK(count_of(svg, std::string("<") + element + " ") + count_of(svg, std::string("<") + element + ">") ==
          count_of(svg, std::string("</") + element + ">"));
}
