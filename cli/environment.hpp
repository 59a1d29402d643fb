// SPDX-License-Identifier: Apache-2.0
// The environment's variables.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace ditune::cli {

// Unset and empty are the same.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The libnvrtc to open; empty: the installed one.
inline std::filesystem::path nvrtc_file() { return environment("DITUNE_NVRTC"); }

// Where programs put temporary files, whether or not that folder is there: std::filesystem's throws where it is not.
inline std::filesystem::path temporary_folder() {
  for (const char* name : {"TMPDIR", "TMP", "TEMP", "TEMPDIR"})
    if (std::string folder = environment(name); !folder.empty()) return folder;
  return "/tmp";
}

}  // namespace ditune::cli
