// SPDX-License-Identifier: Apache-2.0
// What the targets about stored databases share.
#pragma once

#include <string>

namespace ditune::fuzz {

// The bytes of a sound database with a few rows, of that schema, 1 to the newest, and of small pages.
std::string sample_database(int schema);

// Opens a file of these bytes in every way: reads it, merges it into another, writes to it, and sets it aside if it is
// damaged. What is returned is valid; sound rows are neither lost nor changed; errors are of the kind `unusable`.
void use_database(const std::string& bytes);

}  // namespace ditune::fuzz
