#include "cli/host.hpp"

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

HostCompiler host_compiler() { return {host_compiler_command(), host_cache()}; }

}  // namespace ditune::cli
