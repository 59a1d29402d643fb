// SPDX-License-Identifier: Apache-2.0
// The host's C++ compiler, as the environment names it.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/host_compiler.hpp"

namespace ditune::cli {

// $CXX, else c++.
std::string host_compiler_command();

// Where compiled kernels are kept: ditune/host under $XDG_CACHE_HOME, else under ~/.cache. Throws UsageError if there
// is no home either.
std::filesystem::path host_cache();

// For whoever has seen the compiler fail: throws Error if that is because it cannot write temporary files.
void require_temporary_files();

// Throws UsageError if the command is no compiler or the folder cannot be written.
HostCompiler host_compiler();

}  // namespace ditune::cli
