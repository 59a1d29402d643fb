// SPDX-License-Identifier: Apache-2.0
// The bytes of a database file.
#include "databases.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ditune::fuzz::use_database(std::string(ditune::fuzz::text_of(data, size)));
  return 0;
}
