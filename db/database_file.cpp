#include "db/database_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "db/store.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

// https://www.sqlite.org/fileformat2.html, "The Database Header".
constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kApplicationIdOffset = 68;  // big-endian, four bytes

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what,
                         const char* remedy = "name another file") {
  throw DbError(DbError::Kind::unusable, path.string() + " " + what, remedy);
}

bool is_writable(const std::filesystem::path& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

}  // namespace

FileState inspect_file(const std::filesystem::path& path) {
  if (path.empty()) throw DbError(DbError::Kind::unusable, "the database has no name", "name a file");
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return FileState::missing;
  if (type == std::filesystem::file_type::directory) refuse(path, "is a folder");
  if (type == std::filesystem::file_type::none)
    refuse(path, "cannot be reached", "check the permissions of its folders");
  if (type != std::filesystem::file_type::regular) refuse(path, "is no regular file");

  std::ifstream file(path, std::ios::binary);
  std::array<char, kHeaderBytes> header{};
  file.read(header.data(), header.size());
  if (file.gcount() == 0) {
    if (!file.eof()) refuse(path, "cannot be read", "check its permissions");
    return FileState::empty;
  }
  const std::string_view bytes(header.data(), static_cast<std::size_t>(file.gcount()));
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) refuse(path, "is not a tuning database");
  std::uint32_t id = 0;
  for (const char byte : bytes.substr(kApplicationIdOffset, 4)) id = id << 8 | static_cast<unsigned char>(byte);
  if (id != kApplicationId) refuse(path, "is a database of another program");
  return FileState::ours;
}

bool is_folder_writable(const std::filesystem::path& path) {
  // SQLite follows links, too.
  return is_writable(std::filesystem::weakly_canonical(std::filesystem::absolute(path)).parent_path());
}

bool is_file_writable(const std::filesystem::path& path) { return is_writable(path); }

}  // namespace ditune
