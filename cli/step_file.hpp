// SPDX-License-Identifier: Apache-2.0
// The JSON of `python -m ditune.bench`: docs/python.md names what is in it.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "report/rows.hpp"

namespace ditune::cli {

// Throws Refused (cli/json_values.hpp).
report::StepBenchmark step_benchmark_of(const Json& json, const std::string& file);

}  // namespace ditune::cli
