// SPDX-License-Identifier: Apache-2.0
// Files kept in a folder under keys that tell all that they are made of, and folders to make them in.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ditune {

// A new folder that goes with all that is in it. Whatever of it cannot be written is a UsageError that names its
// parent, the cache.
class WorkFolder {
 public:
  explicit WorkFolder(const std::filesystem::path& cache);
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder();

  const std::filesystem::path& path() const { return path_; }
  std::string path(std::string_view name) const { return (path_ / name).string(); }
  // `name`: a path in the folder, of which all but the file is made.
  void write(std::string_view name, std::string_view bytes) const;
  std::optional<std::string> read(std::string_view name) const;  // nothing: there is no such file

 private:
  std::filesystem::path path_;
};

// For several threads and programs at once.
class ObjectCache {
 public:
  // The folder is made if it is not there; work folders of programs that were ended in the middle are removed. Throws
  // UsageError if it cannot be written.
  explicit ObjectCache(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  // The file of this key, if it is there to the last bit as it was stored.
  std::optional<std::filesystem::path> find(const std::string& key) const;
  // It is there as a whole or not at all. Throws UsageError if it cannot be written.
  std::filesystem::path store(const std::string& key, std::string_view bytes) const;

 private:
  std::filesystem::path path(const std::string& key) const { return folder_ / (key + ".so"); }
  std::filesystem::path folder_;
};

}  // namespace ditune
