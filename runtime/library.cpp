#include "ditune/library.hpp"

#include <cmath>
#include <limits>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "generator/cost_model.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"

namespace ditune {
namespace {

// What every record that can answer has in common with the question.
struct LayerKey {
  std::int64_t n, k;
  Epilogue epilogue;
  bool operator==(const LayerKey&) const = default;
};

struct LayerKeyHash {
  std::size_t operator()(const LayerKey& layer) const {
    const Epilogue& e = layer.epilogue;
    std::uint64_t hash = static_cast<std::uint64_t>(layer.n) << 32 | static_cast<std::uint64_t>(layer.k);
    for (const auto field : {static_cast<int>(e.sx), static_cast<int>(e.sw), static_cast<int>(e.bias),
                             static_cast<int>(e.op), static_cast<int>(e.out)}) {
      hash = (hash ^ static_cast<std::uint64_t>(field)) * 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
    }
    return hash ^ hash >> 32;
  }
};

struct Entry {
  const TuningRecord* record;
  double log_m;
  bool stale;
};

// How well an entry answers, the least is the best: match, whether it is only predicted, distance of m on a log scale,
// minus m, whether it is of the other regime, microseconds.
using Rank = std::tuple<Match, bool, double, std::int64_t, bool, double>;

constexpr Rank kNoAnswer = {Match::none, false, 0, 0, false, 0};

Rank rank(const Entry& entry, const GemmProblem& problem, double log_m, const DeviceClass& device, Regime regime) {
  const TuningKey& key = entry.record->key;
  Match match = Match::none;
  if (key.device == device) {
    match = entry.stale ? Match::stale : key.problem.m == problem.m ? Match::exact : Match::nearest_m;
  } else if (key.device.arch == device.arch && !entry.stale) {
    match = Match::other_device;
  }
  const bool predicted = entry.record->source == Source::predicted;
  return {match,
          predicted,
          std::abs(entry.log_m - log_m),
          -key.problem.m,
          key.regime != regime,
          entry.record->microseconds()};
}

LookupResult answer(Match match, const KernelConfig& config, const Target& target, const TuningRecord* record) {
  return {match, config, launch_plan(config, target), record};
}

// Without a record: what the model makes of every candidate.
LookupResult ask_model(const Target& target) {
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
  if (best) return answer(Match::model, *best, target, nullptr);
  return answer(Match::fallback, candidates.front(), target, nullptr);
}

}  // namespace

struct Library::Index {
  std::vector<TuningRecord> records;
  std::unordered_map<LayerKey, std::vector<Entry>, LayerKeyHash> layers;
};

Library::Library(std::vector<TuningRecord> records) {
  auto index = std::make_unique<Index>();
  index->records = std::move(records);
  for (const TuningRecord& record : index->records) {
    const GemmProblem& problem = record.key.problem;
    index->layers[{problem.n, problem.k, record.key.epilogue}].push_back(
        {&record, std::log2(static_cast<double>(problem.m)), record.key.template_hash != template_hash(record.config)});
  }
  index_ = std::move(index);
}

Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;
Library::~Library() = default;

LookupResult Library::lookup(const GemmProblem& problem, const Epilogue& epilogue, const DeviceInfo& device,
                             Regime regime) const& {
  validate(problem);
  const Target target{problem, epilogue, device};
  const auto layer = index_->layers.find({problem.n, problem.k, epilogue});
  if (layer == index_->layers.end()) return ask_model(target);

  const DeviceClass asked = device_class(device);
  const double log_m = std::log2(static_cast<double>(problem.m));
  Rank best_rank = kNoAnswer;
  const TuningRecord* best = nullptr;
  for (const Entry& entry : layer->second) {
    const Rank its = rank(entry, problem, log_m, asked, regime);
    if (std::get<Match>(its) == Match::none || its >= best_rank || refusal(entry.record->config, target)) continue;
    best_rank = its;
    best = entry.record;
  }
  if (!best) return ask_model(target);
  return answer(std::get<Match>(best_rank), best->config, target, best);
}

}  // namespace ditune
