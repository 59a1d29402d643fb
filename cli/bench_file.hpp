// SPDX-License-Identifier: Apache-2.0
// What `ditune bench --json` and `python -m ditune.bench --json` wrote, read again.
#pragma once

#include <filesystem>

#include "report/rows.hpp"

namespace ditune::cli {

// Throws UsageError for a file that cannot be read, and for one that neither of them wrote.
void add_benchmark(report::Rows& rows, const std::filesystem::path& path);

}  // namespace ditune::cli
