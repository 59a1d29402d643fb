// SPDX-License-Identifier: Apache-2.0
// Runs the built ditune as a user would, in a folder of its own, as on a machine without a GPU.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

struct Outcome {
  int code = -1;  // 128 and its number where a signal ended it
  std::string out, err;
};

class Workplace {
 public:
  Workplace();   // an empty folder
  ~Workplace();  // removes it
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  // Runs `ditune ARGS`, words as a shell splits them, in the folder; $DITUNE_DB is tuning.db there, $CXX the compiler
  // of these tests and $XDG_CACHE_HOME cache(). The shell does `first` before it.
  Outcome ditune(const std::string& args, const std::string& first = ":") const;

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  std::vector<std::string> files() const;  // names, sorted
  std::filesystem::path cache() const;     // beside the folder

 private:
  std::filesystem::path folder_;
};

// Changes a database behind ditune's back. Throws std::runtime_error if that cannot be done.
void run_sql(const std::filesystem::path& path, const char* sql);
