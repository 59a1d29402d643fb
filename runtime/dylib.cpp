#include "runtime/dylib.hpp"

#include <dlfcn.h>

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
  (handle_ ? path_ : error_) = handle_ ? candidate : dlerror();
  return handle_ != nullptr;
}

void* Dylib::symbol(const char* name) const { return handle_ ? dlsym(handle_.get(), name) : nullptr; }

void Dylib::Close::operator()(void* handle) const noexcept { dlclose(handle); }

}  // namespace ditune
