// SPDX-License-Identifier: Apache-2.0
// Where a file lies: on file systems of other machines locks and shared memory, which SQLite's log needs, do not hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace ditune {

// Of statfs's f_type: "NFS", "SMB", "FUSE", ...; nothing for a local one.
std::optional<std::string_view> network_file_system(std::int64_t type);

// Of the file, or of the nearest folder above it that is there.
std::optional<std::string_view> network_file_system(const std::filesystem::path& path);

// The file that a path leads to, through links to the last one; there or not, as a name that begins at the root.
std::filesystem::path followed(std::filesystem::path path);

}  // namespace ditune
