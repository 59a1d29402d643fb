#include "db/serving.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "generator/cost_model.hpp"

namespace ditune {
namespace {

constexpr std::int64_t kFineStep = 16, kStep = 64;  // M at which the model is asked
constexpr std::int64_t kMostSteps = 64;             // in one gap

// The largest m that is nearer to `low` than to `high` on a log scale: m * m < low * high.
std::int64_t last_nearer(std::int64_t low, std::int64_t high) {
  const std::int64_t product = low * high;  // below 2^62
  auto m = static_cast<std::int64_t>(std::sqrt(static_cast<double>(product)));
  while (m * m >= product) --m;
  while ((m + 1) * (m + 1) < product) ++m;
  return m;
}

std::int64_t step_of(std::int64_t gap) {
  if (gap <= kFineStep * kMostSteps) return kFineStep;
  return (gap / kMostSteps + kStep - 1) / kStep * kStep;
}

// A winner at work on other M than its own.
class Server {
 public:
  Server(const TuningRecord& winner, const DeviceInfo& device)
      : winner_(&winner), target_{winner.key.problem, winner.key.epilogue, device} {
    const double predicted_us = predict_us(m());
    if (winner.source == Source::measured && predicted_us > 0) measured_by_predicted_ = winner.median_us / predicted_us;
  }
  const TuningRecord* winner() const { return winner_; }
  std::int64_t m() const { return winner_->key.problem.m; }  // its own
  double measured_by_predicted() const { return measured_by_predicted_; }

  double predict_us(std::int64_t m) { return predict(winner_->config, at(m)).total_us; }

  // The M nearest to `bound` that it may be launched for, between it and its own. Constraints on M are bounds from
  // above, as of the grid, and from below, where every CTA must have a part of K.
  std::int64_t legal_bound(std::int64_t bound) {
    const auto is_legal = [&](std::int64_t m) { return !refusal(winner_->config, at(m)); };
    if (is_legal(bound)) return bound;
    std::int64_t legal = m(), refused = bound;
    while (std::abs(refused - legal) > 1) {
      const std::int64_t middle = std::midpoint(legal, refused);
      (is_legal(middle) ? legal : refused) = middle;
    }
    return legal;
  }

 private:
  const Target& at(std::int64_t m) {
    target_.problem.m = m;
    return target_;
  }

  const TuningRecord* winner_;
  Target target_;
  double measured_by_predicted_ = 1;
};

class Ranges {
 public:
  void add(const Server& server, std::int64_t first, std::int64_t last) {
    if (first > last) return;
    if (!ranges_.empty() && ranges_.back().winner == server.winner() && ranges_.back().m_last + 1 == first)
      ranges_.back().m_last = last;
    else
      ranges_.push_back({server.winner(), first, last});
  }
  std::vector<Served> take() { return std::move(ranges_); }

 private:
  std::vector<Served> ranges_;
};

// The M between two winners.
class Gap {
 public:
  Gap(Server& low, Server& high)
      : low_(low),
        high_(high),
        first_(low.m() + 1),
        last_(high.m() - 1),
        nearer_(last_nearer(low.m(), high.m())),
        low_ends_(low.legal_bound(last_)),
        high_begins_(high.legal_bound(first_)),
        is_comparable_(low.winner()->key.regime == high.winner()->key.regime) {}

  void share(Ranges& ranges) {
    if (low_.winner()->config == high_.winner()->config) return share_at(nearer_, ranges);
    const std::int64_t step = step_of(last_ - first_ + 1);
    for (std::int64_t m = first_; m <= last_;) {
      const std::int64_t last = std::min(last_, (m + step - 1) / step * step);
      add(is_low_faster(last), m, last, ranges);
      m = last + 1;
    }
  }

 private:
  void share_at(std::int64_t border, Ranges& ranges) const {
    add(true, first_, std::min(border, last_), ranges);
    add(false, std::max(border + 1, first_), last_, ranges);
  }

  bool is_low_faster(std::int64_t m) {
    const double low_us = low_.predict_us(m) * (is_comparable_ ? low_.measured_by_predicted() : 1);
    const double high_us = high_.predict_us(m) * (is_comparable_ ? high_.measured_by_predicted() : 1);
    if (low_us < high_us || high_us < low_us) return low_us < high_us;
    return m <= nearer_;  // the model knows nothing of this device
  }

  // Where the one that should serve may not be launched, the other does.
  void add(bool low, std::int64_t first, std::int64_t last, Ranges& ranges) const {
    if (low) {
      ranges.add(low_, first, std::min(last, low_ends_));
      ranges.add(high_, std::max({first, low_ends_ + 1, high_begins_}), last);
    } else {
      ranges.add(low_, first, std::min({last, low_ends_, high_begins_ - 1}));
      ranges.add(high_, std::max(first, high_begins_), last);
    }
  }

  Server &low_, &high_;
  std::int64_t first_, last_;
  std::int64_t nearer_;                  // the last M nearer to low than to high
  std::int64_t low_ends_, high_begins_;  // where they may be launched
  bool is_comparable_;                   // times of different regimes are not
};

// Their own m in place of whoever served it.
std::vector<Served> with_own(std::vector<Served> ranges, std::span<const TuningRecord* const> winners) {
  for (const TuningRecord* winner : winners) {
    const std::int64_t m = winner->key.problem.m;
    std::vector<Served> split;
    for (const Served& range : ranges) {
      if (range.m_first < m) split.push_back({range.winner, range.m_first, std::min(range.m_last, m - 1)});
      if (range.m_last > m) split.push_back({range.winner, std::max(range.m_first, m + 1), range.m_last});
    }
    const auto after = std::ranges::find_if(split, [&](const Served& range) { return range.m_first > m; });
    split.insert(after, {winner, m, m});
    ranges = std::move(split);
  }
  return ranges;
}

}  // namespace

DeviceInfo device_of(const DeviceClass& device) {
  const auto known = std::ranges::find(known_devices(), device.name, &DeviceInfo::name);
  DeviceInfo info = known == known_devices().end() ? reference_device(runs_as(device.arch)) : *known;
  info.arch = device.arch;
  info.name = device.name;
  info.sms = device.sms;
  return info;
}

Target target_of(const TuningKey& key) {
  return {.problem = key.problem, .epilogue = key.epilogue, .device = device_of(key.device)};
}

std::vector<Served> serve(std::span<const TuningRecord* const> winners, const DeviceInfo& device) {
  const auto is_measured = [](const TuningRecord* winner) { return winner->source == Source::measured; };
  const bool any_measured = std::ranges::any_of(winners, is_measured);
  std::vector<Server> servers;
  std::vector<const TuningRecord*> predicted;
  for (const TuningRecord* winner : winners) {
    if (any_measured && !is_measured(winner))
      predicted.push_back(winner);
    else
      servers.emplace_back(*winner, device);
  }
  if (servers.empty()) return {};

  Ranges ranges;
  ranges.add(servers.front(), servers.front().legal_bound(1), servers.front().m());
  for (std::size_t i = 1; i < servers.size(); ++i) {
    if (servers[i].m() - servers[i - 1].m() > 1) Gap(servers[i - 1], servers[i]).share(ranges);
    ranges.add(servers[i], servers[i].m(), servers[i].m());
  }
  ranges.add(servers.back(), servers.back().m() + 1, servers.back().legal_bound(kMaxExtent));
  return with_own(ranges.take(), predicted);
}

}  // namespace ditune
