// SPDX-License-Identifier: Apache-2.0
#include "models/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "core/text.hpp"

namespace ditune {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // spreadsheets begin UTF-8 with it

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Cuts a quoted field off `line`, which starts with its quote; false if it does not end.
bool take_quoted(std::string_view& line, std::string& field) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"' && (i + 1 == line.size() || line[i + 1] != '"')) {
      line.remove_prefix(i + 1);
      return true;
    }
    if (line[i] == '"') ++i;
    field += line[i];
  }
  return false;
}

std::vector<std::string> split_fields(std::string_view line, const std::string& source, int number) {
  std::vector<std::string> fields;
  for (;;) {
    std::string field;
    const bool is_quoted = line.starts_with('"');
    if (is_quoted && !take_quoted(line, field))
      throw csv_error(source, number, "a quote is not closed", "close it on the same line");
    const std::size_t comma = std::min(line.find(','), line.size());
    const std::string_view text = trim(line.substr(0, comma));
    if (is_quoted && !text.empty())
      throw csv_error(source, number,
                      fmt::format("column {} has '{}' behind its closing quote", fields.size() + 1, text),
                      "put the whole field in quotes, or none of it");
    field += text;
    fields.push_back(std::move(field));
    if (comma == line.size()) return fields;
    line.remove_prefix(comma + 1);
  }
}

// Columns are named without regard to case.
std::vector<std::string> column_names(std::vector<std::string> header) {
  for (std::string& name : header)
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return header;
}

void require_columns(const std::vector<std::string>& header, const std::string& source, int line,
                     const CsvColumns& columns) {
  for (const std::string& column : header)
    if (!column.empty() && std::ranges::count(header, column) > 1)
      throw csv_error(source, line, fmt::format("two columns are named '{}'", column), "name each column once");
  for (const std::string& column : columns.required)
    if (std::find(header.begin(), header.end(), column) == header.end())
      throw csv_error(source, line, fmt::format("no column '{}'", column),
                      fmt::format("the first line names the columns: {}", fmt::join(columns.required, ",")));
  for (const std::string& column : header)
    if (const auto meant = text::nearest(column, columns.optional); !meant.empty() && meant != column)
      throw csv_error(source, line, fmt::format("unknown column '{}'", column), fmt::format("did you mean {}?", meant));
}

}  // namespace

UsageError csv_error(const std::string& source, int line, const std::string& what, const std::string& remedy) {
  return UsageError(fmt::format("{} line {}: {}", source, line, what), remedy);
}

void read_csv(std::string_view text, const std::string& source, const CsvColumns& columns,
              const std::function<void(const CsvRow&)>& take, const std::function<bool(const CsvLine&)>& take_other) {
  const std::size_t size = text.size();
  bool has_others = false;
  std::vector<std::string> header;
  CsvRow row;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty() || line.starts_with('#')) continue;
    row.line = number;
    row.end = size - text.size();
    if (take_other && take_other({.text = trim(line), .line = row.line, .end = row.end})) {
      has_others = true;
      continue;
    }
    std::vector<std::string> fields = split_fields(line, source, number);
    if (header.empty()) {
      header = column_names(std::move(fields));
      require_columns(header, source, number, columns);
      continue;
    }
    if (fields.size() != header.size())
      throw csv_error(source, number, fmt::format("{} fields where the header has {}", fields.size(), header.size()),
                      "quote a field that holds a comma");
    for (std::size_t i = 0; i < header.size(); ++i) row.fields[header[i]] = std::move(fields[i]);
    take(row);
  }
  if (header.empty() && !has_others)
    throw csv_error(source, 1, "no header",
                    fmt::format("the first line names the columns: {}", fmt::join(columns.required, ",")));
}

}  // namespace ditune
