// SPDX-License-Identifier: Apache-2.0
// Rows of the database that do not validate: which layers they may be of, and how they are shown.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"
#include "db/store.hpp"
#include "tuner/layers.hpp"

namespace ditune::cli {

// The `rows` that belong to one of `layers`; all rows if `layers` is empty. A GEMM's row is matched by its sizes alone,
// since its epilogue may be the wrong value. A row whose layer is unknown is kept.
std::vector<SkippedRow> of_layers(const std::vector<SkippedRow>& rows, const std::vector<Operation>& layers);

Json skipped_json(const SkippedRow& row);
Table skipped_table(const std::vector<SkippedRow>& rows);

}  // namespace ditune::cli
