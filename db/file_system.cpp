// SPDX-License-Identifier: Apache-2.0
#include "db/file_system.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace ditune {
namespace {

struct FileSystem {
  std::uint32_t type;
  std::string_view name;
};

// statfs(2) and linux/magic.h; the last three as their modules have it. What is behind FUSE nobody knows: sshfs, S3.
constexpr std::array<FileSystem, 15> kNetwork{{{0x6969, "NFS"},
                                               {0x517b, "SMB"},
                                               {0xff534d42, "CIFS"},
                                               {0xfe534d42, "SMB2"},
                                               {0x65735546, "FUSE"},
                                               {0x01021997, "9p"},
                                               {0x00c36400, "Ceph"},
                                               {0x5346414f, "AFS"},
                                               {0x6b414653, "AFS"},
                                               {0x73757245, "Coda"},
                                               {0x7461636f, "OCFS2"},
                                               {0x01161970, "GFS2"},
                                               {0x0bd00bd0, "Lustre"},
                                               {0x19830326, "BeeGFS"},
                                               {0x47504653, "GPFS"}}};

}  // namespace

std::optional<std::string_view> network_file_system(std::int64_t type) {
  const auto* found = std::ranges::find(kNetwork, static_cast<std::uint32_t>(type), &FileSystem::type);
  return found == kNetwork.end() ? std::nullopt : std::optional(found->name);
}

std::optional<std::string_view> network_file_system(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path there = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  struct ::statfs status {};
  if (::statfs(there.c_str(), &status) != 0) return std::nullopt;
  return network_file_system(static_cast<std::int64_t>(status.f_type));
}

std::filesystem::path followed(std::filesystem::path path) {
  constexpr int kMostLinks = 40;  // as the kernel: path_resolution(7)
  std::error_code error;
  path = std::filesystem::absolute(path, error);
  // weakly_canonical takes a link for the file where nothing is behind it.
  for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(std::filesystem::symlink_status(path, error)); ++i)
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real;
}

}  // namespace ditune
