// SPDX-License-Identifier: Apache-2.0
// The remark on a winner that was chosen from few surviving candidates, or before killed ones could be tried again.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "tuner/survivors.hpp"

namespace ditune::cli {

// "candidates": how many were tried, survived and were killed from outside; where there is something to remark.
void add_survivors(Json& json, const Survivors& survivors);

// "1 of 8 candidates survived: 5 were killed from outside, 2 failed"; empty where half or more survived and none was
// killed.
std::string remark_on(const Survivors& survivors);

// What to do about it.
std::string remedy_for(const Survivors& survivors);

}  // namespace ditune::cli
