// SPDX-License-Identifier: Apache-2.0
#include "cuda/stubbed.hpp"

#include <algorithm>
#include <array>

#include "runtime/dylib.hpp"

namespace ditune {
namespace {

constexpr std::array kNoLibraries = {"libnothing.so.1"};
constexpr std::array kStubLibraries = {STUB_LIBCUDA};

const CudaApi* installed = nullptr;

test::Stub& fresh_stub(const std::function<void(test::Stub&)>& set_up) {
  static const Dylib library(kStubLibraries);
  test::Stub& stub = *library.function<test::StubFunction>(test::kStubFunction)();
  stub = {};
  if (set_up) set_up(stub);
  return stub;
}

}  // namespace

const CudaApi& installed_cuda() {
  static const CudaApi none(kNoLibraries);
  return installed ? *installed : none;
}

namespace test {

InstalledCuda::InstalledCuda(std::span<const char* const> libraries) : api_(libraries) {
  installed = &api_;
  if (!api_.problem()) api_.ctx_set_current(nullptr);
}

InstalledCuda::~InstalledCuda() { installed = nullptr; }

StubbedCuda::StubbedCuda(const std::function<void(Stub&)>& set_up)
    : stub_(fresh_stub(set_up)), installed_(kStubLibraries) {}

int StubbedCuda::calls(const std::string& function) const {
  return static_cast<int>(std::ranges::count(stub_.calls, function));
}

int StubbedCuda::current_device() const {
  int device = -1;
  return api().ctx_get_device(&device) == CUDA_SUCCESS ? device : -1;
}

}  // namespace test
}  // namespace ditune
