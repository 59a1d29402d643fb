// SPDX-License-Identifier: Apache-2.0
// What lies at a path, found out without a connection, which would write beside it.
#pragma once

#include <filesystem>

namespace ditune {

enum class FileState {
  missing,
  empty,  // no bytes: as good as missing
  ours,   // its header carries ditune's application id
};

// Throws DbError{unusable} for anything else: a folder, a device, an unreadable file, another format or program's file.
FileState inspect_file(const std::filesystem::path& path);

// Whether this process may make files in the folder of `path`, and change the file itself if it is there.
bool is_folder_writable(const std::filesystem::path& path);
bool is_file_writable(const std::filesystem::path& path);

}  // namespace ditune
