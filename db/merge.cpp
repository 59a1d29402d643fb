// SPDX-License-Identifier: Apache-2.0
#include "db/merge.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "ditune/error.hpp"
#include "generator/search_space.hpp"
#include "lookup/serving.hpp"

namespace ditune {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

// Everything that is_preferred does not compare as a number. JSON, so that no two records have the same.
std::string rest_of(const TuningRecord& record) {
  const Provenance& from = record.provenance;
  const ResourceUsage& used = record.resources;
  std::vector<std::string> tied;
  for (const KernelConfig& config : record.tied) tied.push_back(format(config));
  return nlohmann::json{
      format(record.config), std::move(tied),   record.low_us,      record.predicted_us, record.power_w,
      used.registers,        used.spill_bytes,  used.shared_bytes,  from.when,           from.gpu_uuid,
      from.driver_version,   from.cuda_version, from.nvrtc_version, from.ditune_version, from.sm_clock_mhz,
      from.temperature_c,    from.seed}
      .dump();
}

auto rank(const TuningRecord& record) {
  const bool measured = record.source == Source::measured;
  const bool known = record.high_us > 0;
  const double upper = measured ? (known ? record.high_us : kUnknown) : record.predicted_us;
  const double width = known ? (record.high_us - record.low_us) / record.median_us : kUnknown;
  return std::tuple(!measured, upper, width, record.median_us, rest_of(record));
}

bool is_legal(const TuningKey& key, const KernelConfig& config) { return !refusal(config, target_of(key)); }

bool is_legal(const Trial& trial) { return is_legal(trial.key, trial.config); }

bool is_legal(const TuningRecord& record) {
  return is_legal(record.key, record.config) &&
         std::ranges::all_of(record.tied, [&](const KernelConfig& config) { return is_legal(record.key, config); });
}

// Those of `rows`, which `store` has just returned, that may be run; the others are counted, and those that it skipped.
template <class Row>
std::vector<Row> legal_rows(std::vector<Row> rows, const Store& store, MergeResult& result) {
  const auto illegal = std::erase_if(rows, [](const Row& row) { return !is_legal(row); });
  result.skipped += store.skipped_rows();
  result.refused += store.skipped_rows() + static_cast<int>(illegal);
  return rows;
}

}  // namespace

bool is_preferred(const TuningRecord& a, const TuningRecord& b) { return rank(a) < rank(b); }

void require_mergeable(const std::filesystem::path& into, const std::filesystem::path& from) {
  std::error_code error;  // of a file that is not there
  if (std::filesystem::equivalent(into, from, error))
    throw DbError(DbError::Kind::unusable, from.string() + " would be merged into itself", "name another source");
  Store::open_read_only(from).require_sound();
}

MergeResult merge(Store& into, const Store& from, bool trust_binaries) {
  MergeResult result;
  const auto trials = legal_rows(from.trials(), from, result);
  const auto winners = legal_rows(from.winners(), from, result);
  into.atomically([&] {
    for (const Trial& trial : trials) result.trials += into.add_if_new(trial);
    std::map<std::string, TuningRecord> kept;
    for (TuningRecord& record : into.winners()) kept.emplace(format(record.key), std::move(record));
    for (TuningRecord record : winners) {
      const std::string cubin = trust_binaries ? from.cubin(record.cubin_hash) : std::string();
      record.cubin_hash.clear();
      const auto current = kept.find(format(record.key));
      const bool is_new = current == kept.end() || is_preferred(record, current->second);
      const bool brings_cubin = !is_new && !cubin.empty() && current->second.cubin_hash.empty() &&
                                !is_preferred(current->second, record);  // the same otherwise
      if (is_new || brings_cubin) into.set_winner(record, cubin);
      result.winners += is_new;
    }
  });
  return result;
}

}  // namespace ditune
