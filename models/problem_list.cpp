// SPDX-License-Identifier: Apache-2.0
#include "models/problem_list.hpp"

#include <fmt/format.h>

#include "ditune/error.hpp"
#include "models/csv.hpp"

namespace ditune {
namespace {

// Sizes are judged as those of a shape on the command line are.
Operation operation_of(const CsvRow& row, const Epilogue& otherwise) {
  const auto& fields = row.fields;
  const auto epilogue = fields.find("epilogue");
  const bool has_epilogue = epilogue != fields.end() && !epilogue->second.empty();
  Gemm gemm = parse_shape(fields.at("m") + "x" + fields.at("n") + "x" + fields.at("k"));
  gemm.epilogue = has_epilogue ? parse_epilogue(epilogue->second) : otherwise;
  return gemm;
}

}  // namespace

std::vector<Operation> read_problem_list(std::string_view text, const std::string& source, const Epilogue& otherwise,
                                         const std::function<void(std::size_t)>& progress) {
  constexpr std::size_t kRowsBetween = 1024;
  std::vector<Operation> problems;
  read_csv(text, source, {"m", "n", "k"}, [&](const CsvRow& row) {
    try {
      problems.push_back(operation_of(row, otherwise));
    } catch (const UsageError& error) {
      throw csv_error(source, row.line, error.what(), "");
    }
    if (progress && problems.size() % kRowsBetween == 0) progress(row.end);
  });
  if (problems.empty()) throw UsageError(fmt::format("{} has no problems", source), "give a line m,n,k for each");
  return problems;
}

}  // namespace ditune
