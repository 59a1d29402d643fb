// SPDX-License-Identifier: Apache-2.0
// All output of the program. Results go to standard output: tables and lines for people, JSON for programs. Messages go
// to standard error. Paths and names may hold any bytes; control characters in them are escaped.
//
// A result that cannot be written is an error, but for a pipe that its reader closed. A message that cannot be written
// is dropped: nobody can be told, and the command's work is not undone.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/error.hpp"
#include "ditune/record.hpp"

namespace ditune::cli {

// Whoever read the results has closed the pipe: `ditune list | head -1`.
class BrokenPipe : public Error {
 public:
  using Error::Error;
};

enum class Align { left, right };

struct Column {
  std::string header;
  Align align = Align::left;
};

// Columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<Column> columns);
  void add(std::vector<std::string> cells);  // one a column
  void add(std::vector<std::string> first, const std::vector<std::string>& rest);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

using Json = nlohmann::ordered_json;

// The fields of a row about a layer: its sizes (m, n, k), for a GEMM epilogue, then operation and kind. add_device adds
// arch and device.
Json layer_json(const Operation& operation);
void add_device(Json& json, const DeviceClass& device);

// The cells of a layer in the columns M, N, K and FUSED, or in PROBLEM and FUSED. Empty: what its kind does not have.
std::vector<std::string> layer_cells(const Operation& operation);
std::vector<std::string> problem_cells(const Operation& operation);

// How fast a launch is, in the unit of its kind: 10^12 operations, or 10^9 bytes that it reads and writes, a second.
struct Speed {
  double value = 0;
  std::string_view unit, key;  // "TOPS", "tops"; "GB/s", "gbps"
};
Speed speed(const Operation& operation, double microseconds);
void add_speed(Json& json, const Operation& operation, double microseconds);
// In a column TOPS: "512.3", "2810 GB/s".
std::string speed_cell(const Operation& operation, double microseconds);

// Nothing where the watts are not known (0), or where the speed of the kind is not told in operations.
std::optional<double> known_picojoules(const Operation& operation, double microseconds, double power_w);

// A predicted record has predicted_us alone, a measured one median_us, too, with the interval and the watts if they are
// known and what ties with it if anything does.
Json record_json(const TuningRecord& record);

// These write results to standard output. They throw BrokenPipe if nobody reads it any more, another Error if it cannot
// be written for another reason.
void print(const Table& table);
void print(const Json& json);
void print_line(std::string_view line);  // without its end
void print_text(std::string_view text);  // as it is, for programs: a source
void flush_results();                    // at the end: standard output keeps some of it until then
void require_results();                  // that standard output is open for writing, before anything is

// Messages, one line each. Errors begin with "ditune: error: ", notes with "ditune: note: ".
void print_error(std::string_view message);
void print_note(std::string_view message);
void print_message(std::string_view message);
void print_json_line(const Json& json);  // a message for a program

// On a terminal: replaces the line that is written there now by this one, or by nothing.
void replace_line(std::string_view line);

// A table of winners, one a row.
Table record_table(const std::vector<TuningRecord>& records);

// 4 significant digits, without an exponent: "0.01234", "812.3", "12345".
std::string number(double value);

}  // namespace ditune::cli
