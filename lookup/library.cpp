// SPDX-License-Identifier: Apache-2.0
#include "ditune/library.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/hash.hpp"
#include "generator/cost_model.hpp"
#include "generator/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "lookup/append_only_map.hpp"
#include "lookup/serving.hpp"

namespace ditune {
namespace {

// What every record that can answer has in common with the question: all but the rows.
Operation layer_of(const Operation& operation) { return with_rows(operation, 0); }

// A question about a layer on a device: as it is asked, with a view of the device's name, and as it is kept.
template <class Name>
struct QuestionOf {
  Operation layer;     // of no rows
  std::int64_t m = 0;  // its rows; 0: whichever
  Name device;
  int sms = 0;
  SmArch arch;
  Regime regime = Regime::burst;

  template <class Other>
  bool operator==(const QuestionOf<Other>& other) const {
    return is_same(layer, other.layer) && m == other.m && sms == other.sms && arch == other.arch &&
           regime == other.regime && device == other.device;
  }
};
using Question = QuestionOf<std::string_view>;
using KeptQuestion = QuestionOf<std::string>;

KeptQuestion kept(const Question& q) { return {q.layer, q.m, std::string(q.device), q.sms, q.arch, q.regime}; }

struct HashQuestion {
  template <class Name>
  std::size_t operator()(const QuestionOf<Name>& q) const noexcept {
    // Names are compared; few programs have devices that differ in nothing else.
    return mix(hash_of(q.layer), static_cast<std::uint64_t>(q.m) << 16 ^ static_cast<std::uint64_t>(q.sms) << 1 ^
                                     static_cast<std::uint64_t>(q.regime));
  }
};

// Records that answer alike, and which of them serves which M.
class Tier {
 public:
  // All that an answer needs of its record, which is large and elsewhere.
  struct Range {
    const TuningRecord* record = nullptr;
    std::int64_t m_own = 0, m_last = 0;
    KernelConfig config;
  };

  Tier() = default;
  // `match`: of an m that is not a winner's own.
  Tier(Match match, const std::vector<Served>& served) : match_(match) {
    for (const Served& s : served) {
      firsts_.push_back(s.m_first);
      ranges_.push_back({s.winner, rows(s.winner->key.operation), s.m_last, s.winner->config});
    }
  }

  Match match() const { return match_; }
  const Range* find(std::int64_t m) const {
    const auto after = std::ranges::upper_bound(firsts_, m);
    if (after == firsts_.begin()) return nullptr;
    const Range& range = ranges_[static_cast<std::size_t>(after - firsts_.begin() - 1)];
    return m <= range.m_last ? &range : nullptr;
  }

 private:
  Match match_ = Match::none;
  std::vector<std::int64_t> firsts_;
  std::vector<Range> ranges_;
};

// For a layer on a device, the best first.
using Tiers = std::array<Tier, 3>;

struct Modelled {
  Match match = Match::none;
  KernelConfig config;
};

// Without a record: what the model makes of every candidate.
Modelled ask_model(const Target& target) {
  const std::vector<KernelConfig> candidates = enumerate(target);
  if (candidates.empty()) return {};
  double best_us = std::numeric_limits<double>::infinity();
  const KernelConfig* best = nullptr;
  for (const KernelConfig& config : candidates) {
    const double us = predict(config, target).total_us;
    if (us < best_us) {
      best_us = us;
      best = &config;
    }
  }
  return best ? Modelled{Match::model, *best} : Modelled{Match::fallback, candidates.front()};
}

// The same where nothing may be compiled: what is built in.
Modelled ask_built_in(const Target& target) {
  const std::optional<KernelConfig> config = fallback_config(target.operation);
  if (!config || refusal(*config, target)) return {};
  return {Match::fallback, *config};
}

// How far apart two cards of one arch are.
double distance(const DeviceClass& a, const DeviceInfo& b) {
  return std::abs(std::log(static_cast<double>(a.sms) / static_cast<double>(b.sms)));
}

}  // namespace

class Library::Index {
 public:
  Index(std::vector<TuningRecord> records, LibraryOptions options)
      : records_(std::move(records)), options_(std::move(options)) {
    for (const TuningRecord& record : records_) {
      const bool is_stale = !is_of_todays_template(record);
      if (!may_compile() && (is_stale || record.cubin_hash.empty())) continue;
      layers_[layer_of(record.key.operation)].push_back({&record, is_stale});
    }
  }

  LookupResult lookup(const Operation& operation, const DeviceInfo& device, Regime regime) {
    const std::int64_t m = rows(operation);
    Question question{layer_of(operation), 0, device.name, device.sms, device.arch, regime};
    const Tiers* tiers = served_.find(question);
    if (!tiers) tiers = served_.insert(kept(question), tiers_of(question.layer, device, regime)).first;
    for (const Tier& tier : *tiers)
      if (const Tier::Range* range = tier.find(m)) {
        const bool is_own = tier.match() == Match::nearest_m && range->m_own == m;
        return {is_own ? Match::exact : tier.match(), range->config, launch_plan(range->config, operation, device.sms),
                range->record};
      }
    question.m = m;
    const Modelled* answer = modelled_.find(question);
    if (!answer) answer = model(question, {operation, device});
    if (answer->match == Match::none) return {};
    return {answer->match, answer->config, launch_plan(answer->config, operation, device.sms), nullptr};
  }

 private:
  struct Entry {
    const TuningRecord* record;
    bool is_stale;
  };
  using ByM = std::map<std::int64_t, const TuningRecord*>;

  static constexpr std::size_t kBuckets = 4096;

  bool may_compile() const { return options_.compile == CompilePolicy::as_needed; }

  const Modelled* model(const Question& question, const Target& target) {
    const auto [answer, is_new] =
        modelled_.insert(kept(question), may_compile() ? ask_model(target) : ask_built_in(target));
    if (is_new && options_.on_miss) options_.on_miss({target.operation, device_class(target.device), answer->match});
    return answer;
  }

  Tiers tiers_of(const Operation& layer, const DeviceInfo& device, Regime regime) const {
    const auto found = layers_.find(layer);
    if (found == layers_.end()) return {};
    const std::vector<Entry>& entries = found->second;
    const DeviceClass asked = device_class(device);
    const auto its = [&](bool stale) {
      return ranges(entries, device, regime,
                    [&](const Entry& entry) { return entry.record->key.device == asked && entry.is_stale == stale; });
    };
    return {Tier{Match::nearest_m, its(false)}, Tier{Match::stale, its(true)},
            Tier{Match::other_device, sibling_ranges(entries, device, regime)}};
  }

  // Of the nearest sibling that has a winner that is legal on this device.
  static std::vector<Served> sibling_ranges(const std::vector<Entry>& entries, const DeviceInfo& device,
                                            Regime regime) {
    const auto nearer = [&](const DeviceClass& a, const DeviceClass& b) {
      return std::pair(distance(a, device), a) < std::pair(distance(b, device), b);
    };
    std::vector<DeviceClass> siblings;
    for (const Entry& entry : entries) {
      const DeviceClass& other = entry.record->key.device;
      if (!entry.is_stale && other.arch == device.arch && other != device_class(device)) siblings.push_back(other);
    }
    std::ranges::sort(siblings, nearer);
    for (const DeviceClass& sibling : siblings) {
      std::vector<Served> its = ranges(entries, device, regime, [&](const Entry& entry) {
        return entry.record->key.device == sibling && !entry.is_stale;
      });
      if (!its.empty()) return its;
    }
    return {};
  }

  // Of those that answer. Figures are those of device_of, not what the driver says, so that an exported header comes to
  // the same.
  template <class Answers>
  static std::vector<Served> ranges(const std::vector<Entry>& entries, const DeviceInfo& device, Regime regime,
                                    const Answers& answers) {
    std::map<std::int64_t, const TuningRecord*> by_m;
    for (const Entry& entry : entries) {
      const TuningRecord& record = *entry.record;
      if (!answers(entry) || refusal(record.config, {record.key.operation, device})) continue;
      const TuningRecord*& best = by_m[rows(record.key.operation)];
      if (!best || is_better(record, *best, regime)) best = &record;
    }
    std::vector<const TuningRecord*> winners;
    for (const auto& [m, winner] : by_m) winners.push_back(winner);
    if (winners.empty()) return {};
    return serve(winners, device_of(device_class(device)));
  }

  std::vector<TuningRecord> records_;
  LibraryOptions options_;
  std::unordered_map<Operation, std::vector<Entry>, HashOperation> layers_;
  AppendOnlyMap<KeptQuestion, Tiers, HashQuestion> served_{kBuckets};
  AppendOnlyMap<KeptQuestion, Modelled, HashQuestion> modelled_{kBuckets};
};

Library::Library(std::vector<TuningRecord> records, LibraryOptions options)
    : index_(std::make_unique<Index>(std::move(records), std::move(options))) {}

Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;
Library::~Library() = default;

LookupResult Library::lookup(const Operation& operation, const DeviceInfo& device, Regime regime) const& {
  validate(operation);
  return index_->lookup(operation, device, regime);
}

}  // namespace ditune
