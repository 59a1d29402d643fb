#include "runtime/dylib.hpp"

#include <dlfcn.h>

namespace ditune {

Dylib::Dylib(std::span<const char* const> candidates) {
  for (const char* candidate : candidates) {
    // NVIDIA's libraries leak what they allocated when they were loaded: once in, they stay.
    handle_.reset(dlopen(candidate, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
    if (handle_) {
      path_ = candidate;
      return;
    }
    error_ = dlerror();
  }
}

void* Dylib::symbol(const char* name) const { return handle_ ? dlsym(handle_.get(), name) : nullptr; }

void Dylib::Close::operator()(void* handle) const noexcept { dlclose(handle); }

}  // namespace ditune
