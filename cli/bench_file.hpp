// SPDX-License-Identifier: Apache-2.0
// What `ditune bench --json` wrote, read again.
#pragma once

#include <filesystem>

#include "report/rows.hpp"

namespace ditune::cli {

// Throws UsageError for a file that cannot be read, and for one that bench did not write.
report::Benchmark read_benchmark(const std::filesystem::path& path);

}  // namespace ditune::cli
