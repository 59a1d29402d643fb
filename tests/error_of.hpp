// SPDX-License-Identifier: Apache-2.0
// What an error says, for tests.
#pragma once

#include <string>

#include "ditune/error.hpp"

namespace ditune::test {

// The message of the UsageError that `call` throws; "no error" if it throws none.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace ditune::test
