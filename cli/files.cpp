// SPDX-License-Identifier: Apache-2.0
#include "cli/files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/output.hpp"
#include "db/file_system.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace fs = std::filesystem;
namespace {

UsageError cannot_write(const fs::path& path, const std::string& why) {
  return {fmt::format("cannot write {}: {}", path.string(), why), "name a file in a folder that you may write to"};
}

// A database is somebody's hours of GPU time: no other file takes its place.
void require_no_database(const fs::path& path) {
  constexpr std::string_view kBegin = "SQLite format 3";
  std::ifstream file(path, std::ios::binary);
  std::string begin(kBegin.size(), '\0');
  if (file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kBegin)
    throw UsageError(fmt::format("{} is a database, and would be replaced", path.string()), "name another file");
}

// What other programs take for standard output would be a file of that name.
void require_file(const fs::path& path) {
  if (path == "-") throw UsageError("no file is written to '-'", "name a file, or /dev/stdout");
  if (is_standard_output(path)) require_results();
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw cannot_write(path, error.message());
  if (type == fs::file_type::directory) throw cannot_write(path, std::strerror(EISDIR));
}

void write_stream(const fs::path& opened, const fs::path& named, std::string_view text) {
  std::ofstream file(opened, std::ios::binary | std::ios::trunc);
  if (!file) throw cannot_write(named, std::strerror(errno));
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (file) return;
  const std::string what = fmt::format("writing {} failed: {}", named.string(), std::strerror(errno));
  if (errno == EPIPE) throw BrokenPipe(what, "");
  throw Error(what, "is the disk full?");
}

// A file beside `path` that is gone at the end unless it took the path's place, with its mode. A link stays, and its
// target is replaced.
class Beside {
 public:
  explicit Beside(const fs::path& path)
      : named_(path), to_(followed(path)), beside_(fs::path(to_).concat(fmt::format(".{}.tmp", ::getpid()))) {}
  ~Beside() {
    std::error_code ignored;
    fs::remove(beside_, ignored);
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void write(std::string_view text) const {
    std::error_code absent;
    const fs::perms mode = fs::status(to_, absent).permissions();  // perms::unknown of one that is not there
    write_stream(beside_, named_, "");
    if (mode != fs::perms::unknown) set_mode(mode | fs::perms::owner_write);  // before others could read the text
    write_stream(beside_, named_, text);
    if (mode != fs::perms::unknown) set_mode(mode);
  }
  void take_place() const {
    std::error_code error;
    fs::rename(beside_, to_, error);
    if (error) throw cannot_write(named_, error.message());
  }

 private:
  // Where a file system knows no modes, the file goes without.
  void set_mode(fs::perms mode) const {
    std::error_code ignored;
    fs::permissions(beside_, mode, ignored);
  }

  fs::path named_, to_, beside_;
};

}  // namespace

bool is_special(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
}

bool is_standard_output(const fs::path& path) {
  struct ::stat here {};
  struct ::stat there {};
  return ::fstat(STDOUT_FILENO, &here) == 0 && ::stat(path.c_str(), &there) == 0 && here.st_dev == there.st_dev &&
         here.st_ino == there.st_ino;
}

std::string read_file(const fs::path& path, std::size_t most_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path))
    throw UsageError(fmt::format("cannot read {}: {}", path.string(), std::strerror(file ? EISDIR : errno)),
                     "name a file that you may read");
  std::string text, part(std::size_t{1} << 16, '\0');
  do {
    file.read(part.data(), std::ssize(part));
    text.append(part, 0, static_cast<std::size_t>(file.gcount()));
    if (text.size() > most_bytes)
      throw UsageError(fmt::format("{} has more than {} MiB", path.string(), most_bytes >> 20), "name another file");
  } while (file);
  return text;
}

std::string read_input(const std::string& path) {
  if (path != kStandardInput) return read_file(path);
  std::stringstream text;
  text << std::cin.rdbuf();
  if (std::cin.bad()) throw UsageError("cannot read standard input", "pipe the file into it, or name the file");
  return text.str();
}

void require_writable(const fs::path& path) {
  require_file(path);
  if (!is_special(path)) Beside(path).write("");
}

void write_file(const fs::path& path, std::string_view text) {
  const NamedText file{path, text};
  write_files({&file, 1});
}

void write_files(std::span<const NamedText> files) {
  std::deque<Beside> written;
  for (const auto& [path, text] : files) {
    require_file(path);
    if (is_special(path)) {
      write_stream(path, path, text);
      continue;
    }
    require_no_database(path);
    written.emplace_back(path).write(text);
  }
  for (const Beside& file : written) file.take_place();
}

}  // namespace ditune::cli
