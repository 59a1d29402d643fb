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

// "KIND:KEY=...", which no row begins with: a size is a number.
bool is_operation(std::string_view line) {
  const auto take_word = [&line](char end) {
    const std::size_t size = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    if (size == 0 || size >= line.size() || line[size] != end) return false;
    line.remove_prefix(size + 1);
    return true;
  };
  return take_word(':') && take_word('=');
}

}  // namespace

std::vector<Operation> read_problem_list(std::string_view text, const std::string& source, const Epilogue& otherwise,
                                         const std::function<void(std::size_t)>& progress) {
  constexpr std::size_t kRowsBetween = 1024;
  std::vector<Operation> problems;
  const auto add = [&](const auto& line, const auto& read) {
    try {
      problems.push_back(read());
    } catch (const UsageError& error) {
      throw csv_error(source, line.line, error.what(), "");
    }
    if (progress && problems.size() % kRowsBetween == 0) progress(line.end);
  };
  const auto take_row = [&](const CsvRow& row) { add(row, [&] { return operation_of(row, otherwise); }); };
  const auto take_operation = [&](const CsvLine& line) {
    if (!is_operation(line.text)) return false;
    add(line, [&] { return parse_operation(line.text); });
    return true;
  };
  read_csv(text, source, {.required = {"m", "n", "k"}, .optional = {"epilogue"}}, take_row, take_operation);
  if (problems.empty())
    throw UsageError(fmt::format("{} has no problems", source), "give a line m,n,k or KIND:key=value,... for each");
  return problems;
}

}  // namespace ditune
