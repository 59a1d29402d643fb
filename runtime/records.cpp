// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "db/store.hpp"
#include "ditune/library.hpp"
#include "generator/search_space.hpp"
#include "lookup/serving.hpp"
#include "runtime/runtime_parts.hpp"

namespace ditune {

std::vector<TuningRecord> in_order(std::vector<std::vector<TuningRecord>> databases, CompilePolicy policy) {
  const auto name = [](const TuningRecord& record) {
    TuningKey key = record.key;
    key.template_hash.clear();
    return format(key);
  };
  const auto can_be_launched = [&](const TuningRecord& record) {
    return is_of_todays_template(record) && !(policy == CompilePolicy::never && record.cubin_hash.empty()) &&
           !refusal(record.config, target_of(record.key));
  };
  if (databases.size() == 1) return std::move(databases.front());
  std::vector<TuningRecord> all;
  std::map<std::string, Source> earlier;
  for (const std::vector<TuningRecord>& records : databases) {
    const std::size_t first = all.size();
    for (const TuningRecord& record : records) {
      const auto other = earlier.find(name(record));
      const bool stands_aside =
          other != earlier.end() && (other->second == Source::measured || record.source == Source::predicted);
      if (!stands_aside) all.push_back(record);
    }
    for (std::size_t i = first; i < all.size(); ++i) {
      if (!can_be_launched(all[i])) continue;
      const auto [its, is_new] = earlier.emplace(name(all[i]), all[i].source);
      if (!is_new && all[i].source == Source::measured) its->second = Source::measured;
    }
  }
  return all;
}

std::vector<TuningRecord> read_winners(const Store& store, const std::filesystem::path& path,
                                       const std::function<void(const SkippedRows&)>& on_skipped) {
  std::vector<TuningRecord> winners = store.winners();
  if (const int skipped = store.skipped_rows(); skipped > 0 && on_skipped) on_skipped({path, skipped});
  return winners;
}

std::vector<TuningRecord> read_records(const std::vector<std::filesystem::path>& databases,
                                       const std::function<void(const SkippedRows&)>& on_skipped) {
  std::vector<std::vector<TuningRecord>> records;
  for (const std::filesystem::path& path : databases)
    records.push_back(read_winners(Store::open_read_only(path), path, on_skipped));
  return in_order(std::move(records), CompilePolicy::as_needed);
}

}  // namespace ditune
