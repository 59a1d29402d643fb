// SPDX-License-Identifier: Apache-2.0
// The kernels' sources, embedded by CMake, so that nothing is looked for on disk.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ditune {

struct EmbeddedFile {
  std::string_view name;  // as it is included: "mma_s8.cuh"
  std::string_view text;
};

// The text of the file of that name. Throws std::out_of_range if there is none.
std::string_view embedded_text(std::span<const EmbeddedFile> files, std::string_view name);

std::span<const EmbeddedFile> embedded_templates();

// The text of one file. Throws std::out_of_range if there is none of that name.
std::string_view embedded_template(std::string_view name);

// The text `root` with every #include "..." of an embedded template replaced by that file, each once, in order, and
// without #pragma once and SPDX lines: one self-contained text. Other includes stay as they are.
std::string inline_templates(std::string_view root);

// C++ without its comments (those in literals are none), blank lines and trailing blanks.
std::string strip_comments(std::string_view code);

// 16 hex digits over the inlined FAMILY.cuh without comments, blank lines and trailing blanks: an edit of a
// comment, or of a file that the family does not include, changes nothing.
std::string template_hash(std::string_view family);

}  // namespace ditune
