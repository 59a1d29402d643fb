// SPDX-License-Identifier: Apache-2.0
// What a process in which candidates are compiled and run tells of itself, so that the candidate that takes it down is
// known.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generator/emit.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// Names what is compiled, and what is run; the same in every process.
std::string compile_key(const KernelSource& source, SmArch arch);
std::string run_key(const Target& target, const KernelConfig& config);

// Callables that may be empty.
struct Watcher {
  // From several threads: the compilation of this compile_key begins, or ends.
  std::function<void(const std::string& key, bool begins)> compiling = {};
  // From the thread that measures: from now on it is these run_keys that are on the device, none if empty. Told again,
  // it is a sign of life.
  std::function<void(const std::vector<std::string>& keys)> running = {};
};

}  // namespace ditune
