// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/operands.hpp"
#include "core/plain_text.hpp"

namespace ditune::cli {
namespace {

// Unbuffered, so that a line is one write.
void write_message(const std::string& text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr)); }

std::string lower(std::string_view text) {
  std::string low(text);
  std::ranges::transform(low, low.begin(), [](unsigned char c) { return std::tolower(c); });
  return low;
}

// Indented, or with -1 on one line. A database may hold any bytes as a name; JSON is UTF-8.
std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

[[noreturn]] void fail_results() {
  const int error = errno;
  const std::string what = "cannot write to standard output";
  const std::string remedy = fmt::format("{}: what was printed is incomplete", std::strerror(error));
  if (error == EPIPE) throw BrokenPipe(what, remedy);
  throw Error(what, remedy);
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) column.header = escape(column.header);
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = escape(cell);
  rows_.push_back(std::move(cells));
}

void Table::add(std::vector<std::string> first, const std::vector<std::string>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  add(std::move(first));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(columns_[i].header.size());
    for (const auto& row : rows_) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  const auto append = [&](std::size_t i, const std::string& cell) {
    if (columns_[i].align == Align::right) text += fmt::format("{:>{}}", cell, widths[i]);
    if (columns_[i].align == Align::left) text += fmt::format("{:<{}}", cell, widths[i]);
    text += "  ";
  };
  const auto end_line = [&] {
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) append(i, columns_[i].header);
  end_line();
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < columns_.size(); ++i) append(i, row[i]);
    end_line();
  }
  return text;
}

Json layer_json(const Operation& operation) {
  Json json;
  for (const auto& [name, value] : sizes_of(operation)) json[lower(name)] = value;
  if (const Gemm* const gemm = std::get_if<Gemm>(&operation)) json["epilogue"] = format(gemm->epilogue);
  json["operation"] = format(operation);
  json["kind"] = kind_name(operation);
  return json;
}

void add_device(Json& json, const DeviceClass& device) {
  json["arch"] = format(device.arch);
  json["device"] = device.name;
}

std::vector<std::string> layer_cells(const Operation& operation) {
  std::vector<std::string> cells;
  for (const std::string_view column : {"M", "N", "K"}) {
    std::string& cell = cells.emplace_back();
    for (const auto& [name, value] : sizes_of(operation))
      if (name == column) cell = std::to_string(value);
  }
  cells.push_back(describe_fused(operation));
  return cells;
}

std::vector<std::string> problem_cells(const Operation& operation) {
  return {describe_sizes(operation), describe_fused(operation)};
}

Speed speed(const Operation& operation, double microseconds) {
  if (rate_of(operation) == Rate::operations) return {tops(operation, microseconds), "TOPS", "tops"};
  const auto bytes = static_cast<double>(operand_bytes(operation, packed_strides(operation)));
  return {bytes / microseconds * 1e-3, "GB/s", "gbps"};
}

void add_speed(Json& json, const Operation& operation, double microseconds) {
  const auto [value, unit, key] = speed(operation, microseconds);
  json[key] = value;
}

std::string speed_cell(const Operation& operation, double microseconds) {
  const auto [value, unit, key] = speed(operation, microseconds);
  return unit == "TOPS" ? number(value) : fmt::format("{} {}", number(value), unit);
}

std::optional<double> known_picojoules(const Operation& operation, double microseconds, double power_w) {
  if (!(power_w > 0) || rate_of(operation) != Rate::operations) return std::nullopt;
  return picojoules_an_operation(operation, microseconds, power_w);
}

Json record_json(const TuningRecord& record) {
  Json json = layer_json(record.key.operation);
  json["config"] = format(record.config);
  add_device(json, record.key.device);
  json["source"] = format(record.source);
  json["regime"] = format(record.key.regime);
  if (record.source == Source::measured) json["median_us"] = record.median_us;
  if (record.low_us > 0) json["low_us"] = record.low_us;
  if (record.high_us > 0) json["high_us"] = record.high_us;
  if (record.power_w > 0) json["power_w"] = record.power_w;
  if (const auto picojoules = known_picojoules(record.key.operation, record.median_us, record.power_w))
    json["picojoules_an_operation"] = *picojoules;
  for (const KernelConfig& config : record.tied) json["tied"].push_back(format(config));
  json["predicted_us"] = record.predicted_us;
  add_speed(json, record.key.operation, record.microseconds());
  json["registers"] = record.resources.registers;
  json["spill_bytes"] = record.resources.spill_bytes;
  json["shared_bytes"] = record.resources.shared_bytes;
  return json;
}

void print(const Table& table) { print_text(table.text()); }

void print(const Json& json) { print_text(text_of(json, 2)); }

void print_line(std::string_view line) { print_text(escape(line) + "\n"); }

void print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_results();
}

void flush_results() {
  if (std::fflush(stdout) != 0) fail_results();
}

void require_results() {
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return;
  errno = EBADF;
  fail_results();
}

void print_error(std::string_view message) { print_message(fmt::format("ditune: error: {}", message)); }

void print_note(std::string_view message) { print_message(fmt::format("ditune: note: {}", message)); }

void print_message(std::string_view message) { write_message(escape(message) + "\n"); }

void print_json_line(const Json& json) { write_message(text_of(json, -1)); }

void replace_line(std::string_view line) {
  constexpr std::string_view kErase = "\r\033[K";  // ECMA-48 "erase in line"
  write_message(fmt::format("{}{}", kErase, escape(line)));
}

Table record_table(const std::vector<TuningRecord>& records) {
  Table table({{"M", Align::right},
               {"N", Align::right},
               {"K", Align::right},
               {"FUSED"},
               {"DEVICE"},
               {"CONFIG"},
               {"US", Align::right},
               {"TOPS", Align::right},
               {"SOURCE"},
               {"REGIME"}});
  for (const TuningRecord& record : records) {
    const Operation& operation = record.key.operation;
    table.add(layer_cells(operation), {record.key.device.name, format(record.config), number(record.microseconds()),
                                       speed_cell(operation, record.microseconds()), std::string(format(record.source)),
                                       std::string(format(record.key.regime))});
  }
  return table;
}

std::string number(double value) {
  if (!(value > 0) || !std::isfinite(value)) return fmt::format("{}", value);
  const int before_point = static_cast<int>(std::floor(std::log10(value))) + 1;
  return fmt::format("{:.{}f}", value, std::clamp(4 - before_point, 0, 9));
}

}  // namespace ditune::cli
