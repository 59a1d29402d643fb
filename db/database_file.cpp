// SPDX-License-Identifier: Apache-2.0
#include "db/database_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/file_system.hpp"
#include "db/store.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

// https://www.sqlite.org/fileformat2.html, "The Database Header".
constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kApplicationIdOffset = 68;  // big-endian, four bytes

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what,
                         const char* remedy = "name another file") {
  throw DbError(DbError::Kind::unusable, path.string() + " " + what, remedy);
}

bool is_writable(const std::filesystem::path& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// Through SQLite's own files: closing one of ours would end all locks that this process has on the database, and with
// them the presence of connections that other threads have. What the file is too short for is zeros.
std::optional<std::array<char, kHeaderBytes>> read_header(const std::filesystem::path& path) {
  struct FreeName {
    void operator()(const char* name) const { sqlite3_free_filename(const_cast<char*>(name)); }
  };
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  const std::string file_name = std::filesystem::weakly_canonical(path).string();  // SQLite opens no link
  const std::unique_ptr<const char, FreeName> name(sqlite3_create_filename(file_name.c_str(), "", "", 0, nullptr));
  std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
  const int opened = vfs->xOpen(vfs, name.get(), file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, nullptr);
  std::array<char, kHeaderBytes> header{};
  const int read =
      opened == SQLITE_OK ? file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0) : opened;
  if (file->pMethods) file->pMethods->xClose(file);
  if (read != SQLITE_OK && read != SQLITE_IOERR_SHORT_READ) return std::nullopt;
  return header;
}

// Of a path at which nothing is: whether a file could be made there, once its folder is.
void require_place(const std::filesystem::path& path) {
  const std::filesystem::path name = path.filename();
  if (name.empty() || name == "." || name == "..") refuse(path, "is the name of a folder", "name a file");
  std::error_code error;
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) return;
  // The target's folder may be on a disk that is not mounted, so nobody makes it.
  const std::filesystem::path file = followed(path);
  if (!std::filesystem::is_directory(file.parent_path(), error))
    refuse(path, "leads to " + file.string() + ", whose folder is not there", "make that folder, or name another file");
}

}  // namespace

FileState inspect_file(const std::filesystem::path& path) {
  if (path.empty()) throw DbError(DbError::Kind::unusable, "the database has no name", "name a file");
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) {
    require_place(path);
    return FileState::missing;
  }
  if (type == std::filesystem::file_type::directory) refuse(path, "is a folder");
  if (type == std::filesystem::file_type::none)
    refuse(path, "cannot be reached: " + error.message(), "check its name and the permissions of its folders");
  if (type != std::filesystem::file_type::regular) refuse(path, "is no regular file");

  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size == 0) return FileState::empty;
  const auto header = read_header(path);
  if (!header) refuse(path, "cannot be read", "check its permissions");
  const std::string_view bytes(header->data(), header->size());
  if (size < kHeaderBytes || !bytes.starts_with(kMagic)) refuse(path, "is not a tuning database");
  std::uint32_t id = 0;
  for (const char byte : bytes.substr(kApplicationIdOffset, 4)) id = id << 8 | static_cast<unsigned char>(byte);
  if (id != kApplicationId) refuse(path, "is a database of another program");
  return FileState::ours;
}

bool is_folder_writable(const std::filesystem::path& path) {
  return is_writable(followed(path).parent_path());  // SQLite follows links, too
}

bool is_file_writable(const std::filesystem::path& path) { return is_writable(path); }

}  // namespace ditune
