// SPDX-License-Identifier: Apache-2.0
#include "c_api/machine.hpp"

using namespace ditune;
using namespace ditune::test;

const std::shared_ptr<FakeDriver>& ditune::test::driver() {
  static const auto instance = std::make_shared<FakeDriver>();
  return instance;
}

bool ditune::test::says(const std::string& what) {
  INFO(ditune_last_error());
  return std::string(ditune_last_error()).find(what) != std::string::npos;
}

// In place of the one of the library.
std::shared_ptr<const Driver> ditune::cuda_driver() { return driver(); }
