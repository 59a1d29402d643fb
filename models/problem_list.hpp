// SPDX-License-Identifier: Apache-2.0
// Users' lists of problems: a CSV file with the columns m, n, k and, if it likes, epilogue, whose lines may also be
// operations as texts, "quantize_s8:m=6144,k=4608,norm=rms". One of these alone needs no header.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/operation.hpp"

namespace ditune {

// One for each line, in the order of the file; `otherwise` is the epilogue of a row that names none. `progress`, which
// may be empty, is told now and then how many bytes of `text` are read. Throws UsageError naming `source` and the line
// for what read_csv refuses, an illegal problem or epilogue, and a list without any.
std::vector<Operation> read_problem_list(std::string_view text, const std::string& source, const Epilogue& otherwise,
                                         const std::function<void(std::size_t)>& progress = {});

}  // namespace ditune
