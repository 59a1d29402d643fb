// SPDX-License-Identifier: Apache-2.0
#include "runtime/dylib.hpp"

#include <dlfcn.h>
#include <link.h>

#include <cerrno>
#include <cstring>

namespace ditune {

Dylib::Dylib(std::span<const char* const> candidates) {
  for (const char* candidate : candidates) {
    // NVIDIA's libraries leak what they allocated when they were loaded: once in, they stay.
    if (open(candidate, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) return;
  }
}

Dylib::Dylib(const std::filesystem::path& file) {
  open(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
}

bool Dylib::open(const char* candidate, int mode) {
  handle_.reset(dlopen(candidate, mode));
  if (handle_) {
    path_ = candidate;
    is_there_ = true;
    return true;
  }
  const std::string error = dlerror();
  // One that is there but needs another that is not begins with the name of the other.
  const bool is_absent =
      error.starts_with(std::string(candidate) + ": ") && error.ends_with(std::string(": ") + std::strerror(ENOENT));
  if (!is_there_) error_ = error;
  if (!is_absent) is_there_ = true;
  return false;
}

std::string Dylib::file() const {
  link_map* map = nullptr;
  if (!handle_ || dlinfo(handle_.get(), RTLD_DI_LINKMAP, &map) != 0 || !map || *map->l_name == '\0') return path_;
  return map->l_name;
}

void* Dylib::symbol(const char* name) const { return handle_ ? dlsym(handle_.get(), name) : nullptr; }

void Dylib::Close::operator()(void* handle) const noexcept { dlclose(handle); }

}  // namespace ditune
