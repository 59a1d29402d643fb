// SPDX-License-Identifier: Apache-2.0
#include "runtime/object_cache.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/sha256.hpp"
#include "ditune/error.hpp"

namespace fs = std::filesystem;

namespace ditune {
namespace {

constexpr std::string_view kWorkFolder = "compiling-";  // six random characters follow
constexpr auto kAbandoned = std::chrono::hours(1);      // no compilation takes that long
constexpr std::size_t kDigest = 64;                     // hex digits of a SHA-256

void check(const fs::path& cache, const std::error_code& error) {
  if (!error) return;
  throw UsageError(
      fmt::format("the cache of compiled kernels, {}, cannot be written: {}", cache.string(), error.message()),
      "make room there or let it be written, or set XDG_CACHE_HOME to another folder");
}

std::error_code last_error() { return {errno != 0 ? errno : EIO, std::generic_category()}; }

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator(in), {});
}

void make_folder(const fs::path& folder, const fs::path& cache) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(cache, error);
}

void remove_abandoned(const fs::path& cache) {
  std::error_code ignored;  // another program may be at it
  std::error_code listing;
  for (fs::directory_iterator at(cache, listing), end; !listing && at != end; at.increment(listing)) {
    if (!at->path().filename().string().starts_with(kWorkFolder)) continue;
    const fs::file_time_type written = at->last_write_time(ignored);
    if (!ignored && fs::file_time_type::clock::now() - written > kAbandoned) fs::remove_all(at->path(), ignored);
  }
}

}  // namespace

WorkFolder::WorkFolder(const fs::path& cache) {
  make_folder(cache, cache);
  std::string pattern = (cache / kWorkFolder).string() + "XXXXXX";
  if (!::mkdtemp(pattern.data())) check(cache, last_error());
  path_ = pattern;
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void WorkFolder::write(std::string_view name, std::string_view bytes) const {
  const fs::path file = path_ / name;
  make_folder(file.parent_path(), path_.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) check(path_.parent_path(), last_error());
}

std::optional<std::string> WorkFolder::read(std::string_view name) const { return read_file(path_ / name); }

ObjectCache::ObjectCache(const fs::path& folder) : folder_(fs::absolute(folder)) {
  const WorkFolder writable(folder_);
  remove_abandoned(folder_);
}

// Not a byte of a stored object is trusted: the digest of what is before it ends the file, where ELF does not look.
std::optional<fs::path> ObjectCache::find(const std::string& key) const {
  const std::optional<std::string> bytes = read_file(path(key));
  if (!bytes || bytes->size() < kDigest) return std::nullopt;
  const std::string_view object = std::string_view(*bytes).substr(0, bytes->size() - kDigest);
  if (sha256(object) != bytes->substr(object.size())) return std::nullopt;
  return path(key);
}

fs::path ObjectCache::store(const std::string& key, std::string_view bytes) const {
  const WorkFolder folder(folder_);
  folder.write("object", std::string(bytes) + sha256(bytes));
  std::error_code error;
  fs::rename(folder.path("object"), path(key), error);
  check(folder_, error);
  return path(key);
}

}  // namespace ditune
