// SPDX-License-Identifier: Apache-2.0
// The machine that the C ABI is tested on.
#pragma once

#include <memory>
#include <string>

#include "runtime/fake_driver.hpp"

namespace ditune::test {

// The driver of every runtime that is opened.
const std::shared_ptr<FakeDriver>& driver();

// Whether ditune_last_error() has this.
bool says(const std::string& what);

}  // namespace ditune::test
