// SPDX-License-Identifier: Apache-2.0
#include "db/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/plain_text.hpp"
#include "db/columns.hpp"
#include "db/row_reader.hpp"
#include "db/validate.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

using Names = std::vector<std::string_view>;

template <class Columns>
Names names_of(const Columns& columns) {
  return std::apply([](const auto&... column) { return Names{column.name...}; }, columns);
}

// "name, sms, arch", each behind `prefix`.
std::string list(const Names& names, std::string_view prefix = "") {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(prefix).append(name);
  return text;
}

// "?1, ?2, ?3"
std::string parameters(std::size_t count) {
  std::string text;
  for (std::size_t i = 1; i <= count; ++i) text += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
  return text;
}

// Where a row of kAllColumns<Trial>, and so of any, has a column.
consteval int position_of(std::string_view name) {
  const auto names = std::apply([](const auto&... column) { return std::array{column.name...}; }, kAllColumns<Trial>);
  const auto found = std::ranges::find(names, name);
  return found != names.end() ? static_cast<int>(found - names.begin()) : throw "no such column";
}

// LEFT JOIN: a row that refers to nothing is read, found invalid and counted.
std::string joins() {
  std::string text;
  const auto join = [&](const auto& table) {
    text += fmt::format("LEFT JOIN {0} ON {0}.id = {1} ", table.name, table.key);
  };
  std::apply([&](const auto&... table) { (join(table), ...); }, kReferencedTables<Trial>);
  return text +
         "WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR sms = ?2) AND (?3 IS NULL OR arch = ?3) "
         "AND (?4 IS NULL OR arch = ?4) AND (?5 IS NULL OR regime = ?5)";
}

// Rows of one operation, by the indices of `operations` and of the table: not found by reading every row.
std::string_view of_operation(const RecordFilter& filter) {
  return filter.operation ? "AND operation_id IN (SELECT id FROM operations WHERE (kind, layer, rows) = (?6, ?7, ?8))"
                          : "";
}

// Of the statement of a select(); what has the wrong type is left out.
SkippedRow skipped_row(const Statement& statement, const char* table, const std::string& reason) {
  constexpr int kId = std::tuple_size_v<decltype(kAllColumns<Trial>)>;
  static_assert(kId == std::tuple_size_v<decltype(kAllColumns<TuningRecord>)>);
  const auto number = [&](int column) { return statement.integer(column).value_or(0); };
  const auto text = [&](int column) { return std::string(statement.text(column).value_or("")); };
  return {.table = table,
          .id = number(kId),
          .device = text(position_of("name")),
          .kind = text(position_of("kind")),
          .layer = text(position_of("layer")),
          .rows = number(position_of("rows")),
          .reason = reason};
}

// Of a table whose rows `id` tells apart.
template <class Row>
Selection<Row> select(const Database& db, const char* table, std::string_view id, const RecordFilter& filter,
                      std::string_view order = "") {
  std::optional<std::string> name;
  std::optional<std::string_view> regime;
  std::optional<int> sms, device_arch, arch;
  if (filter.device) name = filter.device->name, sms = filter.device->sms, device_arch = filter.device->arch.number;
  if (filter.device_name) name = filter.device_name;
  if (filter.arch) arch = filter.arch->number;
  if (filter.regime) regime = format(*filter.regime);

  Selection<Row> selection;
  Texts texts;
  Statement statement(db, fmt::format("SELECT {0}, {1}.{2} FROM {1} {3} {4} {5}", list(names_of(kAllColumns<Row>)),
                                      table, id, joins(), of_operation(filter), order));
  if (const auto& asked = filter.operation)
    statement.bind(name, sms, device_arch, arch, regime, kind_name(*asked), format_layer(*asked), rows(*asked));
  else
    statement.bind(name, sms, device_arch, arch, regime);
  while (statement.step()) {
    try {
      selection.rows.push_back(RowReader(statement, texts).read<Row>());
    } catch (const UsageError& error) {
      selection.skipped.push_back(skipped_row(statement, table, error.what()));
    }
  }
  return selection;
}

// What a column holds of a row, as it is bound; 0 and nothing stand for unknown in memory, NULL in the tables.
template <auto kMember, class Row>
auto stored(const Column<kMember>& column, const Row& row) {
  const auto& member = column.of(row);
  using T = std::remove_cvref_t<decltype(member)>;
  if constexpr (std::is_same_v<T, double>) {
    return member == 0 ? std::nullopt : std::optional(member);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return std::bit_cast<std::int64_t>(member);
  } else if constexpr (std::is_same_v<T, std::string>) {
    std::string text = column.noun.empty() ? member : to_plain(member);
    return text.empty() && !column.noun.empty() ? std::nullopt : std::optional(std::move(text));
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return member.empty() ? std::nullopt : std::optional(nlohmann::json(member).dump());
  } else if constexpr (std::is_same_v<T, std::vector<KernelConfig>>) {
    std::vector<std::string> texts;
    for (const KernelConfig& config : member) texts.push_back(format(config));
    return texts.empty() ? std::nullopt : std::optional(nlohmann::json(texts).dump());
  } else if constexpr (std::is_integral_v<T>) {
    return member;
  } else {
    return std::string(format(member));
  }
}

template <auto kPart, class Row>
auto stored(const OperationColumn<kPart>& column, const Row& row) {
  return column.of(row);
}

// Binds `first...`, then what the columns hold of the row.
template <class Columns, class Row, class... First>
Statement& bind_row(Statement& statement, const Columns& columns, const Row& row, const First&... first) {
  return std::apply(
      [&](const auto&... column) -> Statement& { return statement.bind(first..., stored(column, row)...); }, columns);
}

// The id of the row that has these values, added if it is not there.
template <class ReferencedTable, class Row>
std::int64_t id_of(Database& db, const ReferencedTable& table, const Row& row) {
  const Names names = names_of(table.columns);
  Statement insert(db, fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING", table.name, list(names),
                                   parameters(names.size())));
  bind_row(insert, table.columns, row).run();
  Statement found(
      db, fmt::format("SELECT id FROM {} WHERE ({}) = ({})", table.name, list(names), parameters(names.size())));
  bind_row(found, table.columns, row).step();
  const std::optional<std::int64_t> id = found.integer(0);
  if (!id)
    throw DbError(DbError::Kind::unusable, fmt::format("{}: table {} lost a row", db.name(), table.name),
                  "restore a copy");
  return *id;
}

// What a row is inserted as: the keys of what it refers to, then its own columns.
template <class Row>
Names inserted() {
  Names names = std::apply([](const auto&... table) { return Names{table.key...}; }, kReferencedTables<Row>);
  const Names own = names_of(kOwnColumns<Row>);
  names.insert(names.end(), own.begin(), own.end());
  return names;
}

// `sql` has the parameters of inserted<Row>().
template <class Row>
void insert_row(Database& db, const std::string& sql, const Row& row) {
  Statement insert(db, sql);
  std::apply([&](const auto&... table) { bind_row(insert, kOwnColumns<Row>, row, id_of(db, table, row)...); },
             kReferencedTables<Row>);
  insert.run();
}

// That a row of a table is in an index of it with the same values in these columns, which are all of the index: so the
// comparison is made in it.
std::string is_in_index(std::string_view table, std::string_view index, const Names& names) {
  return fmt::format("AND EXISTS (SELECT 1 FROM {0} AS i INDEXED BY {1} WHERE ({2}) = ({3})) ", table, index,
                     list(names, "i."), list(names, fmt::format("{}.", table)));
}

// The same of all that a row refers to.
std::string are_references_sound() {
  std::string text;
  const auto add = [&](const auto& table) {
    Names names = names_of(table.columns);
    names.push_back("id");
    text += is_in_index(table.name, fmt::format("sqlite_autoindex_{}_1", table.name), names);
  };
  std::apply([&](const auto&... table) { (add(table), ...); }, kReferencedTables<Trial>);
  return text;
}

// One row after the other by its id, so that each is lost alone. `indexed`: the columns of an index, the id last.
template <class Row>
std::vector<Row> salvage(const Database& db, std::string_view table, std::string_view index, const Names& indexed) {
  constexpr std::int64_t kBytesPerRow = 16;  // there are fewer rows than that many bytes allow, whatever the ids are
  std::vector<Row> rows;
  Texts texts;
  try {
    const std::int64_t bytes = db.integer("PRAGMA page_count") * db.integer("PRAGMA page_size");
    const std::int64_t last =
        std::min(db.integer(fmt::format("SELECT ifnull(max(rowid), 0) FROM {}", table)), bytes / kBytesPerRow);
    Statement statement(
        db, fmt::format("SELECT {0} FROM {1} {2} AND {1}.{3} = ?6 {4} {5}", list(names_of(kAllColumns<Row>)), table,
                        joins(), indexed.back(), are_references_sound(), is_in_index(table, index, indexed)));
    constexpr std::optional<int> kAny;
    for (std::int64_t id = 1; id <= last; ++id) {
      try {
        if (statement.bind(kAny, kAny, kAny, kAny, kAny, id).step())
          rows.push_back(RowReader(statement, texts).read<Row>());
      } catch (const DamageError&) {
      } catch (const UsageError&) {
      }
    }
  } catch (const DamageError&) {
    // Of the schema, or of the root of the table: the rest cannot be found.
  }
  return rows;
}

bool is_before(const TuningKey& a, const TuningKey& b) {
  const auto device = [](const TuningKey& key) { return std::tie(key.device.arch, key.device.name, key.device.sms); };
  const auto rest = [](const TuningKey& key) { return std::tuple(rows(key.operation), key.regime, key.template_hash); };
  if (device(a) != device(b)) return device(a) < device(b);
  const std::weak_ordering layers = compare_layers(a.operation, b.operation);
  return std::is_eq(layers) ? rest(a) < rest(b) : std::is_lt(layers);
}

// Not by SQLite, which would write all columns once more to sort them.
void sort_by_key(std::vector<TuningRecord>& records) {
  if (std::ranges::is_sorted(records, is_before, &TuningRecord::key)) return;
  std::vector<TuningRecord*> order;
  for (TuningRecord& record : records) order.push_back(&record);
  std::ranges::sort(order, is_before, [](const TuningRecord* record) -> const TuningKey& { return record->key; });
  std::vector<TuningRecord> sorted;
  sorted.reserve(records.size());
  for (TuningRecord* record : order) sorted.push_back(std::move(*record));
  records = std::move(sorted);
}

bool is_median_of_samples(const Measurement& measurement) {
  constexpr double kRounding = 1e-9;
  std::vector<double> samples = measurement.samples_us;
  if (samples.empty()) return measurement.median_us == 0;
  std::ranges::sort(samples);
  const double median = (samples[samples.size() / 2] + samples[(samples.size() - 1) / 2]) / 2;
  return std::abs(median - measurement.median_us) <= kRounding * median;
}

bool is_backed_by(const TuningRecord& record, const Trial& trial) {
  const Measurement& m = trial.measurement;
  const bool same_time = record.source == Source::predicted
                             ? record.predicted_us == trial.predicted_us
                             : std::tie(record.median_us, record.low_us, record.high_us, record.power_w) ==
                                   std::tie(m.median_us, m.low_us, m.high_us, m.power_w);
  return same_time && record.source == trial.source && record.config == trial.config && record.key == trial.key;
}

}  // namespace

void insert_trial(Database& db, const Trial& trial) {
  const Names names = inserted<Trial>();
  insert_row(db, fmt::format("INSERT INTO trials ({}) VALUES ({})", list(names), parameters(names.size())), trial);
}

bool insert_trial_if_new(Database& db, const Trial& trial) {
  const Names names = inserted<Trial>();
  // The first three by the index; IS takes NULL for a value.
  insert_row(db,
             fmt::format("INSERT INTO trials ({0}) SELECT {1} WHERE NOT EXISTS (SELECT 1 FROM trials WHERE "
                         "({2}) = (?1, ?2, ?3) AND ({0}) IS ({1}))",
                         list(names), parameters(names.size()), list({names[0], names[1], names[2]})),
             trial);
  return db.integer("SELECT changes()") > 0;
}

void replace_winner(Database& db, const TuningRecord& record) {
  const Names names = inserted<TuningRecord>();
  insert_row(db, fmt::format("INSERT OR REPLACE INTO winners ({}) VALUES ({})", list(names), parameters(names.size())),
             record);
}

void remove_winner(Database& db, const TuningKey& key) {
  const DeviceClass& device = key.device;
  Statement(db,
            "DELETE FROM winners WHERE template_hash = ?1 AND regime = ?2 "
            "AND device_id = (SELECT id FROM devices WHERE (name, sms, arch) = (?3, ?4, ?5)) "
            "AND operation_id = (SELECT id FROM operations WHERE (kind, layer, rows) = (?6, ?7, ?8))")
      .bind(key.template_hash, format(key.regime), device.name, device.sms, device.arch.number,
            kind_name(key.operation), format_layer(key.operation), rows(key.operation))
      .run();
}

Selection<Trial> select_trials(const Database& db, const RecordFilter& filter) {
  return select<Trial>(db, "trials", "id", filter, "ORDER BY finished_at, trials.id");
}

Selection<TuningRecord> select_winners(const Database& db, const RecordFilter& filter) {
  auto selection = select<TuningRecord>(db, "winners", "rowid", filter);
  sort_by_key(selection.rows);
  return selection;
}

std::vector<Trial> salvage_trials(const Database& db) {
  auto trials = salvage<Trial>(db, "trials", "trials_by_operation", {"operation_id", "device_id", "config_id", "id"});
  std::erase_if(trials, [](const Trial& trial) { return !is_median_of_samples(trial.measurement); });
  return trials;
}

std::vector<TuningRecord> salvage_winners(const Database& db, const std::vector<Trial>& trials) {
  auto winners = salvage<TuningRecord>(db, "winners", "sqlite_autoindex_winners_1",
                                       {"device_id", "operation_id", "template_hash", "regime", "rowid"});
  std::erase_if(winners, [&](const TuningRecord& winner) {
    return std::ranges::none_of(trials, [&](const Trial& trial) { return is_backed_by(winner, trial); });
  });
  return winners;
}

}  // namespace ditune
