// SPDX-License-Identifier: Apache-2.0
#include "cli/host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/environment.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {

std::string host_compiler_command() {
  const std::string command = environment("CXX");
  return command.empty() ? "c++" : command;
}

std::filesystem::path host_cache() {
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty())
    return std::filesystem::path(cache) / "ditune" / "host";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".cache" / "ditune" / "host";
  throw UsageError("no place for compiled kernels: neither $XDG_CACHE_HOME nor $HOME is set", "set XDG_CACHE_HOME");
}

void require_temporary_files() {
  constexpr ::off_t kBytes = 1 << 20;  // what the compiler writes for a kernel, and more
  const std::filesystem::path folder = temporary_folder();
  std::string name = folder / "ditune-XXXXXX";
  const int file = ::mkstemp(name.data());
  int error = file < 0 ? errno : 0;
  if (file >= 0) {
    ::unlink(name.c_str());
    error = ::posix_fallocate(file, 0, kBytes);
    ::close(file);
  }
  if (error != 0)
    throw Error(
        fmt::format("the C++ compiler cannot write temporary files to {}: {}", folder.string(), std::strerror(error)),
        "set TMPDIR to a folder that has room and can be written");
}

HostCompiler host_compiler() { return {host_compiler_command(), host_cache()}; }

}  // namespace ditune::cli
