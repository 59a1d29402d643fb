// SPDX-License-Identifier: Apache-2.0
#include "lookup/serving.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/kind.hpp"
#include "generator/cost_model.hpp"
#include "generator/emit.hpp"

namespace ditune {
namespace {

constexpr std::int64_t kFineStep = 16, kStep = 64;  // M at which the model is asked
constexpr std::int64_t kMostSteps = 64;             // in one gap
constexpr double kTrust = 0.5;                      // in what was measured beside an m: an exponent
constexpr double kDoubt = 0.02;                     // of the model, an octave away from what was measured
constexpr std::int64_t kFar = 4;                    // times the last m, up to which the model is asked
constexpr std::size_t kMostOnASide = 4;             // winners that may serve a gap, of those above and of those below

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
      : winner_(&winner),
        target_{winner.key.operation, device},
        first_(legal_bound(1)),
        last_(legal_bound(max_rows(winner.key.operation))) {
    own_us_ = predict_us(m());
    if (winner.source == Source::measured && own_us_ > 0) slowness_ = std::log(winner.median_us / own_us_);
  }
  const TuningRecord& winner() const { return *winner_; }
  std::int64_t m() const { return rows(winner_->key.operation); }  // its own

  // The M that it may be launched for: constraints on M are bounds from above, as of the grid, and from below, where
  // every CTA must have a part of K.
  std::int64_t first() const { return first_; }
  std::int64_t last() const { return last_; }

  // By how much longer it was measured to take at its own m than the model has it: a logarithm, 0 where it was not.
  double slowness() const { return slowness_; }

  double own_us() const { return own_us_; }  // as the model has it at its own m
  double predict_us(std::int64_t m) { return predict(winner_->config, at(m)).total_us; }

  // That, corrected by its slowness beside that of winners as a whole.
  double correct(double predicted_us, std::int64_t m, double usual_slowness) const {
    return predicted_us * std::exp((slowness_ - usual_slowness) * kTrust / (1 + octaves(m)) + kDoubt * octaves(m));
  }

  // Between m and its own.
  double octaves(std::int64_t m) const {
    return std::abs(std::log2(static_cast<double>(m) / static_cast<double>(this->m())));
  }

 private:
  const Target& at(std::int64_t m) {
    target_.operation = with_rows(target_.operation, m);
    return target_;
  }

  // The M nearest to `bound` that it may be launched for, between it and its own.
  std::int64_t legal_bound(std::int64_t bound) {
    const auto is_legal = [&](std::int64_t m) { return !refusal(winner_->config, at(m)); };
    if (is_legal(bound)) return bound;
    std::int64_t legal = rows(winner_->key.operation), refused = bound;
    while (std::abs(refused - legal) > 1) {
      const std::int64_t middle = std::midpoint(legal, refused);
      (is_legal(middle) ? legal : refused) = middle;
    }
    return legal;
  }

  const TuningRecord* winner_;
  Target target_;
  std::int64_t first_, last_;
  double own_us_ = 0, slowness_ = 0;
};

// On a log scale; at the same distance the larger.
bool is_nearer(const Server& a, const Server& b, std::int64_t m) {
  if (a.m() == b.m()) return false;
  return a.m() < b.m() ? m * m < a.m() * b.m() : m * m >= a.m() * b.m();
}

class Ranges {
 public:
  void add(const Server& server, std::int64_t first, std::int64_t last) {
    if (first > last) return;
    if (!ranges_.empty() && ranges_.back().winner == &server.winner() && ranges_.back().m_last + 1 == first)
      ranges_.back().m_last = last;
    else
      ranges_.push_back({&server.winner(), first, last});
  }
  std::vector<Served> take() { return std::move(ranges_); }

 private:
  std::vector<Served> ranges_;
};

// The M from `first` to `last`, of which none is a winner's own, and the winners around, in the order of their m.
class Gap {
 public:
  Gap(std::span<Server> servers, std::int64_t first, std::int64_t last)
      : servers_(servers), first_(first), last_(last) {
    // Times of different regimes do not compare.
    const Regime regime = servers.front().winner().key.regime;
    is_corrected_ =
        std::ranges::all_of(servers, [&](const Server& server) { return server.winner().key.regime == regime; });
    for (const Server& server : servers) usual_slowness_ += server.slowness() / static_cast<double>(servers.size());
  }

  // Returns who serves its end; null if nobody does.
  const Server* share(Ranges& ranges) {
    std::int64_t first = first_;
    const Server* server = nullptr;
    for (const std::int64_t last : ends()) {
      server = fastest(first, last);
      if (server) ranges.add(*server, first, last);
      first = last + 1;
    }
    return server;
  }

 private:
  // Of the parts in which one winner serves: steps, cut where a winner begins or ceases to be legal, or to be the
  // nearest of those with its config.
  std::set<std::int64_t> ends() const {
    std::set<std::int64_t> ends;
    const auto add = [&](std::int64_t m) {
      if (first_ <= m && m < last_) ends.insert(m);
    };
    const std::int64_t step = step_of(last_ - first_ + 1);
    for (std::int64_t m = (first_ + step - 1) / step * step; m < last_; m += step) add(m);
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      add(servers_[i].first() - 1);
      add(servers_[i].last());
      for (std::size_t j = i + 1; j < servers_.size(); ++j)
        if (servers_[i].winner().config == servers_[j].winner().config)
          add(last_nearer(servers_[i].m(), servers_[j].m()));
    }
    ends.insert(last_);
    return ends;
  }

  // Null if none may be launched. The nearest where the model tells no difference.
  const Server* fastest(std::int64_t first, std::int64_t last) {
    std::vector<Server*> contenders;
    for (Server& server : servers_)
      if (server.first() <= first && last <= server.last()) contenders.push_back(&server);
    std::ranges::sort(contenders, [&](const Server* a, const Server* b) { return is_nearer(*a, *b, last); });
    std::vector<Expected> nearer;
    const Expected* best = nullptr;
    nearer.reserve(contenders.size());  // which keeps `best` where it is
    for (Server* contender : contenders) {
      const KernelConfig& config = contender->winner().config;
      const auto has_config = [&](const Expected& other) { return other.server->winner().config == config; };
      if (std::ranges::any_of(nearer, has_config)) continue;
      nearer.push_back(expect(*contender, last, nearer));
      if (!best || nearer.back().us < best->us) best = &nearer.back();  // not where the model tells nothing
    }
    return best ? best->server : nullptr;
  }

  struct Expected {
    const Server* server;
    double predicted_us, us;
  };

  // No less than those allow that are nearer on the same side: at its own m each was measured to be faster than all
  // else, so that another one can only be ahead by what the model says it has gained since.
  Expected expect(Server& server, std::int64_t m, std::span<const Expected> nearer) {
    const double predicted_us = server.predict_us(m);
    if (!is_corrected_) return {&server, predicted_us, predicted_us};
    double us = server.correct(predicted_us, m, usual_slowness_);
    for (const Expected& other : nearer) {
      if ((other.server->m() < m) != (server.m() < m)) continue;
      const double gain = predicted_us / other.predicted_us / ratio_at_own(server, *other.server);
      us = std::max(us, other.us * gain * std::exp(kDoubt * server.octaves(other.server->m())));
    }
    return {&server, predicted_us, us};
  }

  // What the model has for a server over what it has for another one, at the other one's own m.
  double ratio_at_own(Server& server, const Server& other) {
    double& ratio = ratios_[{&server, &other}];
    if (ratio == 0) ratio = server.predict_us(other.m()) / other.own_us();
    return ratio;
  }

  std::span<Server> servers_;
  std::int64_t first_, last_;
  bool is_corrected_ = true;
  double usual_slowness_ = 0;
  std::map<std::pair<const Server*, const Server*>, double> ratios_;  // those that were asked for
};

// Their own m in place of whoever served it.
std::vector<Served> with_own(std::vector<Served> ranges, std::span<const TuningRecord* const> winners) {
  for (const TuningRecord* winner : winners) {
    const std::int64_t m = rows(winner->key.operation);
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

bool is_of_todays_template(const TuningRecord& record) {
  return record.key.template_hash == template_hash(record.config);
}

Target target_of(const TuningKey& key) { return {.operation = key.operation, .device = device_of(key.device)}; }

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

  // The gap in front of the i-th: of those on both sides of it, who is near may serve it.
  Ranges ranges;
  const auto share = [&](std::size_t i, std::int64_t first, std::int64_t last) -> const Server* {
    const std::size_t begin = i - std::min(i, kMostOnASide), end = std::min(i + kMostOnASide, servers.size());
    return first <= last ? Gap(std::span(servers).subspan(begin, end - begin), first, last).share(ranges) : nullptr;
  };
  for (std::size_t i = 0; i < servers.size(); ++i) {
    share(i, i == 0 ? 1 : servers[i - 1].m() + 1, servers[i].m() - 1);
    ranges.add(servers[i], servers[i].m(), servers[i].m());
  }
  const std::int64_t last = servers.back().m(), far = std::min(kFar * last, max_rows(winners.front()->key.operation));
  const Server* const farthest = share(servers.size(), last + 1, far);
  std::int64_t served = far;
  for (const Server* server : {farthest, static_cast<const Server*>(&servers.back())}) {
    if (!server) continue;
    ranges.add(*server, served + 1, server->last());
    served = std::max(served, server->last());
  }
  return with_own(ranges.take(), predicted);
}

}  // namespace ditune
