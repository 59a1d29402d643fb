// SPDX-License-Identifier: Apache-2.0
// What an error says, for tests.
#pragma once

#include <string>

#include "ditune/error.hpp"

namespace ditune::test {

// The message of the error of that type that `call` throws; "no error" if it throws none. Others are not caught.
template <class Its = UsageError, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Its& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace ditune::test
