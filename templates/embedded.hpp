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

std::span<const EmbeddedFile> embedded_templates();

// The text of one file. Throws std::out_of_range if there is none of that name.
std::string_view embedded_template(std::string_view name);

// `root` with every #include "..." of an embedded file replaced by that file, each once, in order: one self-contained text.
std::string inline_templates(std::string_view root);

// 16 hex digits over inline_templates(family's kernel) without comments, blank lines and trailing blanks: an edit of a
// comment, or of a file that the family does not include, changes nothing.
std::string template_hash(std::string_view family);

}  // namespace ditune
