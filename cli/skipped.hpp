// SPDX-License-Identifier: Apache-2.0
// Rows of the database that do not validate: which layers they may be of, and how they are shown.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"
#include "db/store.hpp"
#include "tuner/layers.hpp"

namespace ditune::cli {

// Those of `rows` that are of one of `layers`, of all if there are none. A GEMM's row is told by its sizes alone, since
// its epilogue may be what is wrong with it. A row is kept where it cannot be told which layer it is of.
std::vector<SkippedRow> of_layers(const std::vector<SkippedRow>& rows, const std::vector<Operation>& layers);

Json skipped_json(const SkippedRow& row);
Table skipped_table(const std::vector<SkippedRow>& rows);

}  // namespace ditune::cli
