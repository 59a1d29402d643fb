// What is printed: tables for people, JSON for programs, errors.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ditune/record.hpp"

namespace ditune::cli {

enum class Align { left, right };

struct Column {
  std::string header;
  Align align = Align::left;
};

// Columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }  // one a column
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

using Json = nlohmann::ordered_json;

// What is known of every row that is about a layer: m, n, k, epilogue; and of a device: arch, device.
Json layer_json(const GemmProblem& problem, const Epilogue& epilogue);
void add_device(Json& json, const DeviceClass& device);

// A predicted record has predicted_us alone, a measured one median_us, too, with the interval and the watts if they are
// known and what ties with it if anything does.
Json record_json(const TuningRecord& record);

void print(const Table& table);
void print(const Json& json);

// The one line on standard error that every error is.
void print_error(std::string message);

// A table of winners, one a row.
Table record_table(const std::vector<TuningRecord>& records);

// 4 significant digits, without an exponent: "0.01234", "812.3", "12345".
std::string number(double value);

}  // namespace ditune::cli
