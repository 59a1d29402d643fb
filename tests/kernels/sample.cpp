// SPDX-License-Identifier: Apache-2.0
#include "kernels/sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "ditune/epilogue.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "tuner/verify/host_problem.hpp"

namespace ditune::test {
namespace {

// ---- traits: what a case is like, "tile_m = 128" or "17x131x36", as numbers

using Traits = std::vector<int>;

class Numbering {
 public:
  int operator()(const std::string& name) {
    return numbers_.try_emplace(name, static_cast<int>(numbers_.size())).first->second;
  }

 private:
  std::map<std::string, int> numbers_;
};

// The fields that a stub gives the constant `name`: "kEpilogue{\n .sx = ditune::ScaleX::token, ...}". Of the config,
// with its type before each, so that families keep theirs apart.
std::vector<std::string> fields(const std::string& stub, const std::string& name) {
  const std::size_t at = stub.find(" " + name + "{");
  const std::size_t end = stub.find("};", at);
  if (at == std::string::npos || end == std::string::npos) throw std::logic_error("no " + name + " in a stub");
  const std::string type = stub.substr(stub.rfind(' ', at - 1), at - stub.rfind(' ', at - 1));
  std::vector<std::string> result;
  for (std::size_t begin = stub.find('.', at); begin < end; begin = stub.find('.', begin + 1)) {
    result.push_back(type + stub.substr(begin, std::min(stub.find(',', begin), end) - begin));
  }
  return result;
}

Traits numbered(const std::vector<std::string>& names, Numbering& numbering) {
  Traits traits;
  for (const std::string& name : names) traits.push_back(numbering(name));
  return traits;
}

// Pairs of traits that have met.
class Pairs {
 public:
  void add(const Traits& a, const Traits& b) {
    for (const int x : a)
      for (const int y : b) met_.insert({x, y});
  }
  // How many pairs of one of `a` and one of `b` have not.
  int fresh(const Traits& a, const Traits& b) const {
    int count = 0;
    for (const int x : a)
      for (const int y : b) count += !met_.contains({x, y});
    return count;
  }

 private:
  std::set<std::pair<int, int>> met_;
};

// ---- set cover

// Of the candidates' elements, 0 and up: indices of candidates that between them have all. Takes the one with the most
// that are new, the first of several.
std::vector<std::size_t> greedy_cover(const std::vector<std::vector<int>>& elements, int count) {
  std::vector<char> covered(static_cast<std::size_t>(count));
  const auto fresh = [&](const std::vector<int>& of) {
    return std::ranges::count_if(of, [&](int e) { return !covered[static_cast<std::size_t>(e)]; });
  };
  std::vector<std::size_t> chosen;
  while (true) {
    const auto best = std::ranges::max_element(elements, {}, fresh);
    if (best == elements.end() || fresh(*best) == 0) return chosen;
    for (const int e : *best) covered[static_cast<std::size_t>(e)] = 1;
    chosen.push_back(static_cast<std::size_t>(best - elements.begin()));
  }
}

// Of candidates with names of fields' values: few that between them have every pair of values, and every value.
class PairCover {
 public:
  void add(const std::vector<std::string>& names) {
    const Traits of = numbered(names, traits_);
    std::vector<int>& elements = elements_.emplace_back();
    // A trait with itself too: its value.
    for (std::size_t i = 0; i < of.size(); ++i)
      for (std::size_t j = i; j < of.size(); ++j)
        elements.push_back(pairs_.try_emplace({of[i], of[j]}, static_cast<int>(pairs_.size())).first->second);
  }
  std::vector<std::size_t> chosen() const { return greedy_cover(elements_, static_cast<int>(pairs_.size())); }

 private:
  Numbering traits_;
  std::map<std::pair<int, int>, int> pairs_;
  std::vector<std::vector<int>> elements_;
};

// ---- cases

// A card of each kind, those first that allow a kernel least.
std::vector<DeviceInfo> cards() {
  std::vector<DeviceInfo> cards;
  for (const int arch : {86, 89, 120, 80, 90}) cards.push_back(reference_device({arch}));
  return cards;
}

// One row, one column, one K; sizes that divide nothing; a K that ends within the pipeline; several tiles, whole ones
// and none whole; a K for many parts, that they do not divide. K at every alignment.
const std::vector<Gemm> kAwkward = {{1, 1, 1},       {16, 8, 17},     {17, 131, 36},   {1, 40, 100},   {33, 75, 101},
                                    {257, 130, 40},  {130, 262, 48},  {64, 128, 128},  {520, 24, 64},  {70, 320, 72},
                                    {100, 130, 272}, {128, 256, 192}, {65, 136, 333},  {40, 72, 528},  {17, 40, 700},
                                    {33, 24, 589},   {24, 65, 1048},  {5, 40, 1036},   {1, 33, 1031},  {16, 33, 1040},
                                    {19, 33, 2064},  {16, 33, 4112},  {200, 328, 400}, {300, 520, 144}};

// Threads of the launch times K: about what its emulation takes.
double effort(const Case& one) {
  const LaunchPlan plan = launch_plan(one.config, one.target);
  return static_cast<double>(plan.grid) * plan.block * static_cast<double>(gemm_of(one.target.operation).k);
}

// The config on a problem, on the first card that takes it.
std::optional<Case> legal_case(const KernelConfig& config, const Gemm& problem, const Epilogue& epilogue,
                               const std::vector<DeviceInfo>& cards) {
  for (const DeviceInfo& card : cards) {
    const Target target = emulated_target({with(problem, epilogue), card}, config);
    if (!refusal(config, target)) return Case{config, target};
  }
  return std::nullopt;
}

// Deals out what a case needs besides its config.
class Dealer {
 public:
  static constexpr std::size_t kHands = 2;     // of a config, each with another epilogue
  static constexpr std::size_t kProblems = 2;  // of a hand, at most
  static constexpr std::size_t kRuns = 3;      // of a hand: each on another case of operands, with another seed

  // Cases with one epilogue: they share an object. Those of different problems come first.
  std::vector<Case> deal(const KernelConfig& config) {
    const Traits of_config = numbered(fields(emit(config, {}).text, "kConfig"), numbering_);
    const auto of_epilogue = [&](const Epilogue& epilogue) {
      return numbered(fields(emit(config, with({}, epilogue)).text, "kEpilogue"), numbering_);
    };
    for (const Epilogue& epilogue : by_merit(epilogues_, of_config, of_epilogue)) {
      const std::vector<Case> on_problems = deal_problems(config, epilogue, of_config);
      if (on_problems.empty()) continue;
      note(epilogue, of_config, of_epilogue(epilogue));
      std::vector<Case> cases;
      for (std::size_t i = 0; i < kRuns; ++i)
        cases.push_back(deal_operands(on_problems[i % on_problems.size()], of_config, of_epilogue(epilogue)));
      if (!ran_[format(config)].contains(OperandCase::extreme)) cases.push_back(with_long_sums(easiest(on_problems)));
      return cases;
    }
    throw std::logic_error(format(config) + " takes no problem of the list");
  }

 private:
  static constexpr double kMostEffort = 1e6;

  // Those first that bring most new pairs with `others`; of equals those that were dealt least.
  template <class T, class TraitsOf>
  std::vector<T> by_merit(std::vector<T> all, const Traits& others, TraitsOf traits_of) {
    std::map<std::string, std::pair<int, int>> merit;
    for (const T& one : all) merit[format(one)] = {-pairs_.fresh(others, traits_of(one)), dealt_[format(one)]};
    std::ranges::stable_sort(all, {}, [&](const T& one) { return merit.at(format(one)); });
    return all;
  }

  // One that was dealt out.
  template <class T>
  void note(const T& one, const Traits& others, const Traits& of_one) {
    pairs_.add(others, of_one);
    ++dealt_[format(one)];
  }

  Traits of_problem(const Gemm& problem) { return {numbering_(format(problem))}; }

  std::vector<Case> deal_problems(const KernelConfig& config, const Epilogue& epilogue, const Traits& of_config) {
    std::vector<std::pair<Gemm, Case>> legal;
    double least = kMostEffort;
    for (const Gemm& problem : by_merit(kAwkward, of_config, [&](const Gemm& p) { return of_problem(p); })) {
      if (const std::optional<Case> one = legal_case(config, problem, epilogue, cards_)) {
        legal.emplace_back(problem, *one);
        least = legal.size() == 1 ? effort(*one) : std::min(least, effort(*one));
      }
    }
    std::vector<Case> cases;
    for (auto& [problem, one] : legal) {
      // Long ones only where there is no other.
      if (cases.size() == kProblems || effort(one) > std::max(least, kMostEffort)) continue;
      note(problem, of_config, of_problem(problem));
      cases.push_back(one);
    }
    return cases;
  }

  // One that the config ran least; of these the one that brings most new pairs with config, epilogue and problem.
  Case deal_operands(Case one, const Traits& of_config, const Traits& of_epilogue) {
    Traits others = of_config;
    others.insert(others.end(), of_epilogue.begin(), of_epilogue.end());
    others.push_back(of_problem(gemm_of(one.target.operation)).front());
    const auto trait = [&](OperandCase which) { return Traits{numbering_("operands " + std::string(word(which)))}; };
    auto& ran = ran_[format(one.config)];
    const auto merit = [&](OperandCase which) {
      return std::pair(ran.count(which), -pairs_.fresh(others, trait(which)));
    };
    one.operands = std::ranges::min(kBesidesExtreme, {}, merit);
    ran.insert(one.operands);
    pairs_.add(others, trait(one.operands));
    one.seed = next_seed();
    return one;
  }

  // Extreme values need a K whose sums, and those of its parts, a float does not hold.
  Case with_long_sums(Case one) {
    gemm_of(one.target.operation).k += launch_plan(one.config, one.target).workspace_bytes > 0 ? 4096 : 2048;
    one.operands = OperandCase::extreme;
    ran_[format(one.config)].insert(one.operands);
    one.seed = next_seed();
    return one;
  }

  static const Case& easiest(const std::vector<Case>& cases) { return *std::ranges::min_element(cases, {}, effort); }

  std::uint64_t next_seed() { return seeds_() >> 40; }

  static constexpr std::array kBesidesExtreme{OperandCase::plain, OperandCase::padded, OperandCase::odd,
                                              OperandCase::far};

  const std::vector<Epilogue> epilogues_ = covering_epilogues();
  const std::vector<DeviceInfo> cards_ = cards();
  Numbering numbering_;
  Pairs pairs_;
  std::map<std::string, int> dealt_;                       // how often an epilogue or a problem was
  std::map<std::string, std::multiset<OperandCase>> ran_;  // by config
  std::mt19937_64 seeds_{3};
};

}  // namespace

std::vector<Gemm> typical_problems() {
  return {{4096, 4608, 4608}, {6144, 128, 4608},  {256, 4608, 53248}, {257, 130, 4608},   {16, 4608, 4608},
          {1, 18432, 512},    {4096, 4608, 4600}, {4096, 4608, 4604}, {4096, 4608, 4605}, {100, 130, 40},
          {64, 24, 36},       {17, 8, 17},        {1, 1, 1}};
}

std::vector<KernelConfig> all_candidates(std::span<const Gemm> problems, std::span<const DeviceInfo> devices) {
  std::vector<KernelConfig> candidates;
  std::set<std::string> known;
  for (const DeviceInfo& device : devices)
    for (const Gemm& problem : problems)
      for (const KernelConfig& config : enumerate({problem, device}))
        if (known.insert(format(config)).second) candidates.push_back(config);
  return candidates;
}

std::vector<KernelConfig> covering_configs(std::span<const KernelConfig> candidates) {
  PairCover cover;
  for (const KernelConfig& config : candidates) cover.add(fields(emit(config, {}).text, "kConfig"));
  std::vector<KernelConfig> chosen;
  for (const std::size_t i : cover.chosen()) chosen.push_back(candidates[i]);
  return chosen;
}

std::vector<Epilogue> covering_epilogues() {
  std::vector<Epilogue> all = all_epilogues();
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    if (all[i].op == EpilogueOp::none || all[i].op == EpilogueOp::swiglu) continue;
    all.push_back(all[i]);
    all.back().from = 21;  // in the middle of a tile, and of a lane's columns
  }
  const KernelConfig any = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3");
  PairCover cover;
  for (const Epilogue& epilogue : all) cover.add(fields(emit(any, with({}, epilogue)).text, "kEpilogue"));
  std::vector<Epilogue> chosen;
  for (const std::size_t i : cover.chosen()) chosen.push_back(all[i]);
  return chosen;
}

std::vector<Case> covering_cases() {
  const std::vector<KernelConfig> configs = covering_configs(all_candidates(typical_problems(), cards()));
  Dealer dealer;
  std::vector<std::vector<Case>> hands;
  for (std::size_t hand = 0; hand < Dealer::kHands; ++hand)
    for (const KernelConfig& config : configs) hands.push_back(dealer.deal(config));
  std::vector<Case> cases;
  const std::size_t most = std::ranges::max(hands, {}, &std::vector<Case>::size).size();
  for (std::size_t i = 0; i < most; ++i)
    for (const std::vector<Case>& hand : hands)
      if (i < hand.size()) cases.push_back(hand[i]);
  return cases;
}

std::string replay(const Case& one) {
  return fmt::format("ditune verify --on cpu --arch {} --shape {} --epilogue {} --config {} --case {} --seed {}",
                     format(one.target.device.arch), describe_sizes(one.target.operation),
                     format(gemm_of(one.target.operation).epilogue), format(one.config), word(one.operands), one.seed);
}

}  // namespace ditune::test
