// SPDX-License-Identifier: Apache-2.0
// The JSON of `python -m ditune.bench`: docs/python.md names what is in it.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "report/rows.hpp"

namespace ditune::cli {

// Why a file is no benchmark.
struct Refused {
  std::string why;
};

// Throws Refused where it is not finite or not above 0, Json::exception where it is no number.
double positive(const Json& row, const char* key);

// Throws Refused, or Json::exception where a value is missing or of another type.
report::StepBenchmark step_benchmark_of(const Json& json, const std::string& file);

}  // namespace ditune::cli
