// SPDX-License-Identifier: Apache-2.0
// Comma-separated values with a header line: the table of models, and users' lists of problems.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/error.hpp"

namespace ditune {

struct CsvRow {
  int line = 0;                               // in the file, from 1
  std::size_t end = 0;                        // in the text: where the next line starts
  std::map<std::string, std::string> fields;  // by column name in lower case
};

struct CsvLine {
  std::string_view text;  // without blanks around it
  int line = 0;
  std::size_t end = 0;
};

// In lower case. A file may have others, too.
struct CsvColumns {
  std::vector<std::string> required;
  std::vector<std::string_view> optional = {};
};

// Hands the rows below the header to `take`, one after the other. Blank lines and lines that start with '#' are
// skipped; a field may be quoted, "" in it is a quote; a byte order mark is skipped. Throws UsageError naming `source`
// and the line for a row that does not have the header's columns, or an open quote, and naming the column if a required
// one is not in the header, one is there twice, or one is nearly named like an optional one. `take_other`, which may be
// empty, is shown each line first, and says whether it took it as something else; a text of such lines alone needs no
// header.
void read_csv(std::string_view text, const std::string& source, const CsvColumns& columns,
              const std::function<void(const CsvRow&)>& take,
              const std::function<bool(const CsvLine&)>& take_other = {});

// The error of one row: "SOURCE line N: WHAT".
UsageError csv_error(const std::string& source, int line, const std::string& what, const std::string& remedy);

}  // namespace ditune
