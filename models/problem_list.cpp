#include "models/problem_list.hpp"

#include <fmt/format.h>

#include "ditune/error.hpp"
#include "models/csv.hpp"

namespace ditune {
namespace {

// Sizes are judged as those of a shape on the command line are.
ListedProblem problem_of(const CsvRow& row, const Epilogue& otherwise) {
  const auto& fields = row.fields;
  const auto epilogue = fields.find("epilogue");
  const bool has_epilogue = epilogue != fields.end() && !epilogue->second.empty();
  return {.problem = parse_problem(fields.at("m") + "x" + fields.at("n") + "x" + fields.at("k")),
          .epilogue = has_epilogue ? parse_epilogue(epilogue->second) : otherwise};
}

}  // namespace

std::vector<ListedProblem> read_problem_list(std::string_view text, const std::string& source,
                                             const Epilogue& otherwise) {
  std::vector<ListedProblem> problems;
  for (const CsvRow& row : read_csv(text, source, {"m", "n", "k"})) {
    try {
      problems.push_back(problem_of(row, otherwise));
    } catch (const UsageError& error) {
      throw csv_error(source, row.line, error.what(), "");
    }
  }
  if (problems.empty()) throw UsageError(fmt::format("{} has no problems", source), "give a line m,n,k for each");
  return problems;
}

}  // namespace ditune
