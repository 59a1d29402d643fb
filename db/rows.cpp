// SPDX-License-Identifier: Apache-2.0
#include "db/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "db/plain_text.hpp"
#include "db/validate.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

// What trials and winners share, in the order in which Columns reads it.
constexpr std::string_view kShared =
    "devices.name, devices.sms, devices.arch, m, n, k, epilogue, template_hash, regime, config, source, "
    "median_us, low_us, high_us, power_w, predicted_us, "
    "registers, spill_bytes, shared_bytes, "
    "gpu_uuid, driver_version, cuda_version, nvrtc_version, ditune_version, sm_clock_mhz, temperature_c, finished_at, "
    "seed";

// LEFT JOIN: a row that refers to nothing is read, found invalid and counted.
constexpr std::string_view kJoins =
    "LEFT JOIN devices ON devices.id = device_id LEFT JOIN problems ON problems.id = problem_id "
    "LEFT JOIN configs ON configs.id = config_id LEFT JOIN toolchains ON toolchains.id = toolchain_id "
    "WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR sms = ?2) AND (?3 IS NULL OR arch = ?3) "
    "AND (?4 IS NULL OR arch = ?4) AND (?5 IS NULL OR epilogue = ?5) AND (?6 IS NULL OR regime = ?6)";

// 0 stands for unknown in memory, NULL in the tables.
std::optional<double> known(double value) { return value == 0 ? std::nullopt : std::optional(value); }

// The columns of a row from left to right; one of another type than the schema's makes the row invalid.
class Columns {
 public:
  explicit Columns(const Statement& statement) : statement_(statement) {}

  std::int64_t integer() { return require(statement_.integer(next_++)); }
  int small() {
    const std::int64_t value = integer();
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) refuse();
    return static_cast<int>(value);
  }
  double real_or_zero() { return null() ? 0 : require(statement_.real(next_++)); }
  std::string text() { return require(statement_.text(next_++)); }
  std::string text_or_empty() { return null() ? std::string() : text(); }

 private:
  // Steps over a NULL.
  bool null() {
    const bool is_null = statement_.is_null(next_);
    if (is_null) ++next_;
    return is_null;
  }
  template <class T>
  T require(std::optional<T> value) {
    if (!value) refuse();
    return *std::move(value);
  }
  [[noreturn]] static void refuse() { throw UsageError("a stored value has the wrong type", "tune it again"); }

  const Statement& statement_;
  int next_ = 0;
};

// Stored text is canonical, or nothing would find it.
template <class Value>
Value parse_canonical(const std::string& text, Value (*parse)(std::string_view)) {
  Value value = parse(text);
  if (format(value) != text) throw UsageError(fmt::format("'{}' is not canonical", text), "tune it again");
  return value;
}

// What was parsed before: thousands of rows have the same few texts.
template <class Value>
class Parsed {
 public:
  explicit Parsed(Value (*parse)(std::string_view)) : parse_(parse) {}
  const Value& operator()(const std::string& text) {
    const auto found = values_.find(text);
    return found != values_.end() ? found->second : values_.emplace(text, parse_canonical(text, parse_)).first->second;
  }

 private:
  Value (*parse_)(std::string_view);
  std::unordered_map<std::string, Value> values_;
};

struct Texts {
  Parsed<Epilogue> epilogue{parse_epilogue};
  Parsed<KernelConfig> config{parse_config};
};

// The one of `values` whose text it is.
template <class Enum>
Enum parse_word(const std::string& text, std::initializer_list<Enum> values) {
  for (const Enum value : values)
    if (text == format(value)) return value;
  throw UsageError(fmt::format("unknown word '{}'", text), "tune it again");
}

// The columns of kShared into a Trial or a TuningRecord; `timed` is the one itself, or the trial's measurement.
template <class Row, class Timed>
void read_shared(Columns& columns, Texts& texts, Row& row, Timed& timed) {
  row.key.device.name = columns.text();
  row.key.device.sms = columns.small();
  row.key.device.arch.number = columns.small();
  row.key.problem.m = columns.integer();
  row.key.problem.n = columns.integer();
  row.key.problem.k = columns.integer();
  row.key.epilogue = texts.epilogue(columns.text());
  row.key.template_hash = columns.text();
  row.key.regime = parse_word(columns.text(), {Regime::burst, Regime::sustained});
  row.config = texts.config(columns.text());
  row.source = parse_word(columns.text(), {Source::measured, Source::predicted});
  timed.median_us = columns.real_or_zero();
  timed.low_us = columns.real_or_zero();
  timed.high_us = columns.real_or_zero();
  timed.power_w = columns.real_or_zero();
  row.predicted_us = columns.real_or_zero();
  timed.resources.registers = columns.small();
  timed.resources.spill_bytes = columns.small();
  timed.resources.shared_bytes = columns.small();
  Provenance& from = row.provenance;
  from.gpu_uuid = columns.text();
  from.driver_version = columns.text();
  from.cuda_version = columns.text();
  from.nvrtc_version = columns.text();
  from.ditune_version = columns.text();
  from.sm_clock_mhz = columns.real_or_zero();
  from.temperature_c = columns.real_or_zero();
  from.when = columns.text();
  from.seed = std::bit_cast<std::uint64_t>(columns.integer());
}

// A stored array, no text being an empty one, whose elements all satisfy `is_element`.
template <class Element, class IsElement>
std::vector<Element> parse_array(const std::string& text, IsElement is_element) {
  const auto json = nlohmann::json::parse(text.empty() ? "[]" : text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_element))
    throw UsageError("a stored value is no array of what it should hold", "tune it again");
  return json.get<std::vector<Element>>();
}

std::vector<double> parse_samples(const std::string& text) {
  return parse_array<double>(text, [](const nlohmann::json& element) { return element.is_number(); });
}

std::vector<KernelConfig> parse_tied(const std::string& text, Texts& texts) {
  if (text.empty()) return {};
  std::vector<KernelConfig> tied;
  const auto is_text = [](const nlohmann::json& element) { return element.is_string(); };
  for (const std::string& config : parse_array<std::string>(text, is_text)) tied.push_back(texts.config(config));
  return tied;
}

Trial read_trial(const Statement& statement, Texts& texts) {
  Columns columns(statement);
  Trial trial;
  Measurement& measurement = trial.measurement;
  read_shared(columns, texts, trial, measurement);
  measurement.failure = columns.text_or_empty();
  measurement.samples_us = parse_samples(columns.text_or_empty());
  if (!is_plain(measurement.failure)) throw UsageError("a stored reason is not plain text", "tune it again");
  validate(trial);
  return trial;
}

TuningRecord read_winner(const Statement& statement, Texts& texts) {
  Columns columns(statement);
  TuningRecord record;
  read_shared(columns, texts, record, record);
  record.tied = parse_tied(columns.text_or_empty(), texts);
  record.cubin_hash = columns.text_or_empty();
  if (!is_plain(record.cubin_hash)) throw UsageError("a stored hash is not plain text", "tune it again");
  validate(record);
  return record;
}

// Rows of one problem, by the indices of `problems` and of the table: not found by reading every row.
std::string_view of_problem(const RecordFilter& filter) {
  if (!filter.problem) return {};
  return filter.epilogue ? "AND problem_id IN (SELECT id FROM problems WHERE (n, k, epilogue, m) = (?8, ?9, ?5, ?7))"
                         : "AND problem_id IN (SELECT id FROM problems WHERE (n, k, m) = (?8, ?9, ?7))";
}

// Of the statement of a select(); what has the wrong type is left out.
SkippedRow skipped_row(const Statement& statement, const char* table, const std::string& reason) {
  constexpr int kId = static_cast<int>(std::ranges::count(kShared, ',')) + 1 + 2;
  enum : int { name, sms, arch, m, n, k, epilogue };  // as in kShared
  const auto number = [&](int column) { return statement.integer(column).value_or(0); };
  return {.table = table,
          .id = number(kId),
          .device = statement.text(name).value_or(""),
          .epilogue = statement.text(epilogue).value_or(""),
          .problem = {number(m), number(n), number(k)},
          .reason = reason};
}

// `sql` has the columns of kShared, two that `read` knows, and the id; and the filter's parameters: of kJoins and
// of_problem.
template <class Row>
Selection<Row> select(const Database& db, const char* table, const std::string& sql, const RecordFilter& filter,
                      Row (*read)(const Statement&, Texts&)) {
  std::optional<std::string> name, epilogue;
  std::optional<std::string_view> regime;
  std::optional<int> sms, device_arch, arch;
  if (filter.device) name = filter.device->name, sms = filter.device->sms, device_arch = filter.device->arch.number;
  if (filter.arch) arch = filter.arch->number;
  if (filter.epilogue) epilogue = format(*filter.epilogue);
  if (filter.regime) regime = format(*filter.regime);

  Selection<Row> selection;
  Texts texts;
  Statement statement(db, sql);
  if (filter.problem)
    statement.bind(name, sms, device_arch, arch, epilogue, regime, filter.problem->m, filter.problem->n,
                   filter.problem->k);
  else
    statement.bind(name, sms, device_arch, arch, epilogue, regime);
  while (statement.step()) {
    try {
      selection.rows.push_back(read(statement, texts));
    } catch (const UsageError& error) {
      selection.skipped.push_back(skipped_row(statement, table, error.what()));
    }
  }
  return selection;
}

// The id of the row with these values in these columns of a table, added if it is not there.
template <class... Values>
std::int64_t id_of(Database& db, std::string_view table, std::string_view columns, const Values&... values) {
  std::string parameters = "?1";
  for (std::size_t i = 2; i <= sizeof...(values); ++i) parameters += fmt::format(", ?{}", i);
  Statement(db, fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING", table, columns, parameters))
      .bind(values...)
      .run();
  Statement found(db, fmt::format("SELECT id FROM {} WHERE ({}) = ({})", table, columns, parameters));
  found.bind(values...).step();
  const std::optional<std::int64_t> id = found.integer(0);
  if (!id)
    throw DbError(DbError::Kind::unusable, fmt::format("{}: table {} lost a row", db.name(), table), "restore a copy");
  return *id;
}

struct Ids {
  std::int64_t device, problem, config, toolchain;
};

Ids ids_of(Database& db, const TuningKey& key, const KernelConfig& config, const Provenance& from) {
  const GemmProblem& problem = key.problem;
  return {.device = id_of(db, "devices", "name, sms, arch", key.device.name, key.device.sms, key.device.arch.number),
          .problem = id_of(db, "problems", "m, n, k, epilogue", problem.m, problem.n, problem.k, format(key.epilogue)),
          .config = id_of(db, "configs", "config", format(config)),
          .toolchain = id_of(db, "toolchains", "driver_version, cuda_version, nvrtc_version, ditune_version",
                             from.driver_version, from.cuda_version, from.nvrtc_version, from.ditune_version)};
}

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

template <class Element>
std::optional<std::string> array_or_null(const std::vector<Element>& elements) {
  return elements.empty() ? std::nullopt : std::optional(nlohmann::json(elements).dump());
}

constexpr std::string_view kTrialColumns =
    "device_id, problem_id, config_id, toolchain_id, template_hash, regime, source, failure, median_us, low_us, "
    "high_us, power_w, samples_us, predicted_us, registers, spill_bytes, shared_bytes, gpu_uuid, sm_clock_mhz, "
    "temperature_c, finished_at, seed";
constexpr std::string_view kTrialValues =
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22";

void bind_trial(Database& db, Statement& statement, const Trial& trial) {
  const Ids ids = ids_of(db, trial.key, trial.config, trial.provenance);
  const Measurement& m = trial.measurement;
  const Provenance& from = trial.provenance;
  statement.bind(ids.device, ids.problem, ids.config, ids.toolchain, trial.key.template_hash, format(trial.key.regime),
                 format(trial.source), text_or_null(to_plain(m.failure)), known(m.median_us), known(m.low_us),
                 known(m.high_us), known(m.power_w), array_or_null(m.samples_us), known(trial.predicted_us),
                 m.resources.registers, m.resources.spill_bytes, m.resources.shared_bytes, from.gpu_uuid,
                 known(from.sm_clock_mhz), known(from.temperature_c), from.when,
                 std::bit_cast<std::int64_t>(from.seed));
}

// That the tables that a row refers to agree with their indices. A comparison of all columns of an index is made in it.
constexpr std::string_view kSoundReferences =
    "AND EXISTS (SELECT 1 FROM devices AS d INDEXED BY sqlite_autoindex_devices_1 WHERE "
    "(d.name, d.sms, d.arch, d.id) = (devices.name, devices.sms, devices.arch, devices.id)) "
    "AND EXISTS (SELECT 1 FROM problems AS p INDEXED BY sqlite_autoindex_problems_1 WHERE "
    "(p.n, p.k, p.epilogue, p.m, p.id) = (problems.n, problems.k, problems.epilogue, problems.m, problems.id)) "
    "AND EXISTS (SELECT 1 FROM configs AS c INDEXED BY sqlite_autoindex_configs_1 WHERE "
    "(c.config, c.id) = (configs.config, configs.id)) "
    "AND EXISTS (SELECT 1 FROM toolchains AS t INDEXED BY sqlite_autoindex_toolchains_1 WHERE "
    "(t.driver_version, t.cuda_version, t.nvrtc_version, t.ditune_version, t.id) = "
    "(toolchains.driver_version, toolchains.cuda_version, toolchains.nvrtc_version, toolchains.ditune_version, "
    "toolchains.id))";

// One row after the other by its id, so that each is lost alone. `sql` has the filter's parameters and, seventh, the
// id.
template <class Row>
std::vector<Row> salvage(const Database& db, std::string_view table, const std::string& sql,
                         Row (*read)(const Statement&, Texts&)) {
  constexpr std::int64_t kBytesPerRow = 16;  // there are fewer rows than that many bytes allow, whatever the ids are
  std::vector<Row> rows;
  Texts texts;
  try {
    const std::int64_t bytes = db.integer("PRAGMA page_count") * db.integer("PRAGMA page_size");
    const std::int64_t last =
        std::min(db.integer(fmt::format("SELECT ifnull(max(rowid), 0) FROM {}", table)), bytes / kBytesPerRow);
    Statement statement(db, sql);
    constexpr std::optional<int> kAny;
    for (std::int64_t id = 1; id <= last; ++id) {
      try {
        if (statement.bind(kAny, kAny, kAny, kAny, kAny, kAny, id).step()) rows.push_back(read(statement, texts));
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
  const auto layer = [](const TuningKey& key) {
    return std::tie(key.device.arch, key.device.name, key.device.sms, key.problem.n, key.problem.k);
  };
  const auto rest = [](const TuningKey& key) { return std::tie(key.problem.m, key.regime, key.template_hash); };
  if (layer(a) != layer(b)) return layer(a) < layer(b);
  return a.epilogue == b.epilogue ? rest(a) < rest(b) : format(a.epilogue) < format(b.epilogue);
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
  Statement insert(db, fmt::format("INSERT INTO trials ({}) VALUES ({})", kTrialColumns, kTrialValues));
  bind_trial(db, insert, trial);
  insert.run();
}

bool insert_trial_if_new(Database& db, const Trial& trial) {
  // The first three by the index; IS takes NULL for a value.
  Statement insert(db, fmt::format("INSERT INTO trials ({0}) SELECT {1} WHERE NOT EXISTS (SELECT 1 FROM trials WHERE "
                                   "device_id = ?1 AND problem_id = ?2 AND config_id = ?3 AND ({0}) IS ({1}))",
                                   kTrialColumns, kTrialValues));
  bind_trial(db, insert, trial);
  insert.run();
  return db.integer("SELECT changes()") > 0;
}

void replace_winner(Database& db, const TuningRecord& record) {
  const Ids ids = ids_of(db, record.key, record.config, record.provenance);
  std::vector<std::string> tied;
  for (const KernelConfig& config : record.tied) tied.push_back(format(config));
  const ResourceUsage& used = record.resources;
  const Provenance& from = record.provenance;
  Statement insert(
      db,
      "INSERT OR REPLACE INTO winners (device_id, problem_id, template_hash, regime, config_id, "
      "toolchain_id, source, median_us, low_us, high_us, power_w, tied, predicted_us, registers, spill_bytes, "
      "shared_bytes, cubin_hash, gpu_uuid, "
      "sm_clock_mhz, temperature_c, finished_at, seed) VALUES "
      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)");
  insert.bind(ids.device, ids.problem, record.key.template_hash, format(record.key.regime), ids.config, ids.toolchain,
              format(record.source), known(record.median_us), known(record.low_us), known(record.high_us),
              known(record.power_w), array_or_null(tied), known(record.predicted_us), used.registers, used.spill_bytes,
              used.shared_bytes, text_or_null(record.cubin_hash), from.gpu_uuid, known(from.sm_clock_mhz),
              known(from.temperature_c), from.when, std::bit_cast<std::int64_t>(from.seed));
  insert.run();
}

Selection<Trial> select_trials(const Database& db, const RecordFilter& filter) {
  const std::string sql =
      fmt::format("SELECT {}, failure, samples_us, trials.id FROM trials {} {} ORDER BY finished_at, trials.id",
                  kShared, kJoins, of_problem(filter));
  return select(db, "trials", sql, filter, read_trial);
}

Selection<TuningRecord> select_winners(const Database& db, const RecordFilter& filter) {
  const std::string sql =
      fmt::format("SELECT {}, tied, cubin_hash, winners.rowid FROM winners {} {}", kShared, kJoins, of_problem(filter));
  Selection<TuningRecord> selection = select(db, "winners", sql, filter, read_winner);
  sort_by_key(selection.rows);
  return selection;
}

std::vector<Trial> salvage_trials(const Database& db) {
  const std::string sql = fmt::format(
      "SELECT {}, failure, samples_us FROM trials {} AND trials.id = ?7 {} "
      "AND EXISTS (SELECT 1 FROM trials AS i INDEXED BY trials_by_problem WHERE "
      "(i.problem_id, i.device_id, i.config_id, i.id) = "
      "(trials.problem_id, trials.device_id, trials.config_id, trials.id))",
      kShared, kJoins, kSoundReferences);
  std::vector<Trial> trials = salvage(db, "trials", sql, read_trial);
  std::erase_if(trials, [](const Trial& trial) { return !is_median_of_samples(trial.measurement); });
  return trials;
}

std::vector<TuningRecord> salvage_winners(const Database& db, const std::vector<Trial>& trials) {
  const std::string sql = fmt::format(
      "SELECT {}, tied, cubin_hash FROM winners {} AND winners.rowid = ?7 {} "
      "AND EXISTS (SELECT 1 FROM winners AS i INDEXED BY sqlite_autoindex_winners_1 WHERE "
      "(i.device_id, i.problem_id, i.template_hash, i.regime, i.rowid) = "
      "(winners.device_id, winners.problem_id, winners.template_hash, winners.regime, winners.rowid))",
      kShared, kJoins, kSoundReferences);
  std::vector<TuningRecord> winners = salvage(db, "winners", sql, read_winner);
  std::erase_if(winners, [&](const TuningRecord& winner) {
    return std::ranges::none_of(trials, [&](const Trial& trial) { return is_backed_by(winner, trial); });
  });
  return winners;
}

}  // namespace ditune
