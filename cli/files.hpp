// SPDX-License-Identifier: Apache-2.0
// Files read and written whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace ditune::cli {

// Throws UsageError if it cannot be read, or has more bytes than that.
std::string read_file(const std::filesystem::path& path,
                      std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

// The same; "-" is standard input.
inline constexpr std::string_view kStandardInput = "-";
std::string read_input(const std::string& path);

// Throws UsageError if `path` is a folder or its folder is not there or takes no files, before anything
// expensive is done.
void require_writable(const std::filesystem::path& path);

// All or nothing: written beside `path` under another name, then renamed. What is there and is no regular file (a pipe,
// /dev/stdout) is written to directly. Throws UsageError if it cannot be opened or is a database, Error if writing
// fails.
void write_file(const std::filesystem::path& path, std::string_view text);

struct NamedText {
  std::filesystem::path path;
  std::string_view text;
};

// The same for files that belong together: all are written before the first takes its place, in their order.
void write_files(std::span<const NamedText> files);

// Whether what is there is no regular file: a pipe, /dev/stdout, a folder.
bool is_special(const std::filesystem::path& path);

// Whether results go there, too: what else is printed would end up in it.
bool is_standard_output(const std::filesystem::path& path);

}  // namespace ditune::cli
