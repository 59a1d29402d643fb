// SPDX-License-Identifier: Apache-2.0
#include "models/csv.hpp"

#include "catch.hpp"

using namespace ditune;

namespace {

std::vector<CsvRow> rows_of(const std::string& text) {
  std::vector<CsvRow> rows;
  read_csv(text, "list.csv", {.required = {"m", "n"}}, [&](const CsvRow& row) { rows.push_back(row); });
  return rows;
}

std::string error_of(const std::string& text) {
  try {
    rows_of(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("rows come by column name with their line") {
  const auto rows = rows_of("# a comment\n\nm, n ,note\r\n1,2,\"a, \"\"b\"\"\"\n3,4,");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].line == 4);
  CHECK(rows[0].fields.at("n") == "2");
  CHECK(rows[0].fields.at("note") == "a, \"b\"");
  CHECK(rows[1].line == 5);
  CHECK(rows[0].end + 4 == rows[1].end);
  CHECK(rows[1].fields.at("m") == "3");
  CHECK(rows[1].fields.at("note").empty());
}

TEST_CASE("what a spreadsheet writes is read") {
  const auto rows = rows_of("\xEF\xBB\xBFM,N,Note,,\r\n1,2,Text,,\r\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].fields.at("m") == "1");
  CHECK(rows[0].fields.at("note") == "Text");
}

TEST_CASE("a bad line is named") {
  CHECK(error_of("m,n,M\n1,2,3\n") == "list.csv line 1: two columns are named 'm' (name each column once)");
  CHECK(error_of("m,n\n1,2\n1,2,3\n") ==
        "list.csv line 3: 3 fields where the header has 2 (quote a field that holds a comma)");
  CHECK(error_of("m,n\n1\n") == "list.csv line 2: 1 fields where the header has 2 (quote a field that holds a comma)");
  CHECK(error_of("m,n\n1,\"2\n") == "list.csv line 2: a quote is not closed (close it on the same line)");
  CHECK(error_of("m,n\n\"10\"24,64\n") ==
        "list.csv line 2: column 1 has '24' behind its closing quote (put the whole field in quotes, or none of it)");
  CHECK(error_of("m,n\n1,\"2\" x") ==
        "list.csv line 2: column 2 has 'x' behind its closing quote (put the whole field in quotes, or none of it)");
  CHECK(error_of("m,n\n\"10\" \t,\"64\" \n") == "no error");
  CHECK(error_of("m,k\n") == "list.csv line 1: no column 'n' (the first line names the columns: m,n)");
  CHECK(error_of("# nothing\n") == "list.csv line 1: no header (the first line names the columns: m,n)");
}
