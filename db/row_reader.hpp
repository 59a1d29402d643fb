// SPDX-License-Identifier: Apache-2.0
// Rows of the database into trials and winners. What is no sound value is a UsageError.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/plain_text.hpp"
#include "db/columns.hpp"
#include "db/sqlite.hpp"
#include "db/validate.hpp"
#include "ditune/error.hpp"

namespace ditune {

// What was parsed before: thousands of rows have the same few texts. Stored text is canonical, or nothing would find
// it.
class Texts {
 public:
  const KernelConfig& config(std::string_view text) {
    if (const auto found = configs_.find(text); found != configs_.end()) return found->second;
    const KernelConfig config = parse_config(text);
    require_canonical(text, format(config));
    return configs_.emplace(text, config).first->second;
  }

  // Of one row.
  const Operation& layer(std::string_view kind, std::string_view layer) {
    auto layers = layers_.find(kind);
    if (layers == layers_.end()) layers = layers_.emplace(kind, ByText<Operation>()).first;
    if (const auto found = layers->second.find(layer); found != layers->second.end()) return found->second;
    const Operation operation = parse_layer(kind, layer);
    require_canonical(layer, format_layer(operation));
    return layers->second.emplace(layer, operation).first->second;
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  static void require_canonical(std::string_view text, std::string_view canonical) {
    if (text != canonical) throw UsageError(fmt::format("'{}' is not canonical", text), "tune it again");
  }

  ByText<KernelConfig> configs_;
  std::map<std::string, ByText<Operation>, std::less<>> layers_;  // by kind
};

// A stored array, no text being an empty one, whose elements all satisfy `is_element`.
template <class Element, class IsElement>
std::vector<Element> parse_array(std::string_view text, IsElement is_element) {
  if (text.empty()) return {};
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_element))
    throw UsageError("a stored value is no array of what it should hold", "tune it again");
  return json.get<std::vector<Element>>();
}

// The columns of a row from left to right; one of another type than the schema's makes the row invalid.
class RowReader {
 public:
  RowReader(const Statement& statement, Texts& texts) : statement_(statement), texts_(texts) {}

  template <class Row>
  Row read() {
    Row row;
    std::apply([&](const auto&... column) { (read_column(column, row), ...); }, kAllColumns<Row>);
    validate(row);
    return row;
  }

 private:
  template <auto kMember, class Row>
  void read_column(const Column<kMember>& column, Row& row) {
    auto& member = column.of(row);
    if constexpr (std::is_same_v<decltype(member), std::string&>) {
      member = column.noun.empty() ? text() : text_or_empty();
      if (!column.noun.empty() && !is_plain(member))
        throw UsageError(fmt::format("a stored {} is not plain text", column.noun), "tune it again");
    } else {
      read(member);
    }
    ++next_;
  }

  void read_column(const KindColumn&, const auto&) {
    kind_ = text();
    ++next_;
  }
  void read_column(const LayerColumn&, const auto&) {
    layer_ = text();
    ++next_;
  }
  // The last of an operation's columns.
  void read_column(const RowsColumn&, auto& row) {
    row.key.operation = with_rows(texts_.layer(kind_, layer_), require(statement_.integer(next_)));
    ++next_;
  }

  void read(std::int64_t& value) { value = require(statement_.integer(next_)); }
  void read(std::uint64_t& value) { value = std::bit_cast<std::uint64_t>(require(statement_.integer(next_))); }
  void read(int& value) {
    const std::int64_t stored = require(statement_.integer(next_));
    if (stored < std::numeric_limits<int>::min() || stored > std::numeric_limits<int>::max()) refuse();
    value = static_cast<int>(stored);
  }
  void read(double& value) { value = statement_.is_null(next_) ? 0 : require(statement_.real(next_)); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void read(Enum& value) {
    const std::string_view word = text();
    const auto found = std::ranges::find(kEnumerators<Enum>, word);
    if (found == kEnumerators<Enum>.end()) throw UsageError(fmt::format("unknown word '{}'", word), "tune it again");
    value = static_cast<Enum>(found - kEnumerators<Enum>.begin());
  }
  void read(KernelConfig& config) { config = texts_.config(text()); }
  void read(std::vector<double>& samples) {
    samples = parse_array<double>(text_or_empty(), [](const nlohmann::json& element) { return element.is_number(); });
  }
  void read(std::vector<KernelConfig>& configs) {
    if (statement_.is_null(next_)) return;
    const auto is_text = [](const nlohmann::json& element) { return element.is_string(); };
    for (const std::string& config : parse_array<std::string>(text(), is_text))
      configs.push_back(texts_.config(config));
  }

  std::string_view text() { return require(statement_.text(next_)); }
  std::string_view text_or_empty() { return statement_.is_null(next_) ? std::string_view() : text(); }
  template <class T>
  T require(std::optional<T> value) {
    if (!value) refuse();
    return *std::move(value);
  }
  [[noreturn]] static void refuse() { throw UsageError("a stored value has the wrong type", "tune it again"); }

  const Statement& statement_;
  Texts& texts_;
  std::string_view kind_, layer_;  // of the operation that is being read
  int next_ = 0;
};

}  // namespace ditune
