// SPDX-License-Identifier: Apache-2.0
// A shared library opened when it is needed, so that the program starts where it is not installed or not yet written.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace ditune {

class Dylib {
 public:
  // The first of `candidates` (names for the loader's own search, or paths) that opens; none: opens nothing.
  explicit Dylib(std::span<const char* const> candidates);
  // The library in this file, which goes with the last object that opened it.
  explicit Dylib(const std::filesystem::path& file);

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }  // the candidate that opened
  // Where the loader found it; "" if none opened.
  std::string file() const;
  // Why none opened: what is wrong with the first that is there, else with the last.
  const std::string& error() const { return error_; }
  bool is_there() const { return is_there_; }  // one of them, whether or not it opens

  // The function `name`, or null where the library has none.
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  bool open(const char* candidate, int mode);
  void* symbol(const char* name) const;
  struct Close {
    void operator()(void* handle) const noexcept;
  };
  std::unique_ptr<void, Close> handle_;
  std::string path_, error_;
  bool is_there_ = false;
};

}  // namespace ditune
