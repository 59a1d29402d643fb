// SPDX-License-Identifier: Apache-2.0
// Runs the compilers that CMake found (compilers.cmake) on made-up programs.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "fixtures.hpp"

namespace ditune::test {

struct Compiler {
  std::string name;
  std::string command;  // compiles C++17 with every warning an error
};

// CUDA's own headers are not ours to keep free of warnings.
inline const std::string kCudaInclude = std::string(" -isystem ") + DITUNE_CUDA_INCLUDE;

inline bool is_found(const std::string& program) { return std::filesystem::exists(program); }

inline std::vector<Compiler> compilers() {
  std::vector<Compiler> found;
  const std::string host = " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude;
  if (is_found(DITUNE_GXX)) found.push_back({"g++", DITUNE_GXX + host});
  if (is_found(DITUNE_CLANGXX)) found.push_back({"clang++", DITUNE_CLANGXX + host});
  if (is_found(DITUNE_NVCC))
    found.push_back({"nvcc", DITUNE_NVCC + std::string(" -std=c++17 -x cu -arch=sm_86 -Werror all-warnings "
                                                       "-Xcompiler -Wall,-Wextra,-Werror")});
  return found;
}

// The exit status of a shell command; what it printed goes to `log`.
inline int run(const std::string& command, const std::filesystem::path& log) {
  const int status = std::system((command + " > " + log.string() + " 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Compiles a program that launches the kernels of tuned.h, in a folder that has it, and runs it: the exit status of the
// compiler if it fails, else of the program. What either printed is in folder / "log".
inline int run_launch(const TempFolder& folder, const std::string& source) {
  write_file(folder / "launch.cpp", source);
  const std::string program = (folder / "launch").string();
  const int built = run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
                            (folder / "launch.cpp").string() + " -o " + program,
                        folder / "log");
  return built != 0 ? built : run(program, folder / "log");
}

}  // namespace ditune::test
