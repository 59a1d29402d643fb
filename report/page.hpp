// SPDX-License-Identifier: Apache-2.0
// One HTML file that needs nothing else: pictures, tables, style and script are in it, and its policy forbids every
// request.
#pragma once

#include <string>

#include "report/rows.hpp"

namespace ditune::report {

std::string page(const Rows& rows);

}  // namespace ditune::report
