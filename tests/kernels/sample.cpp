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

#include "core/config_fields.hpp"
#include "core/kind.hpp"
#include "generator/families.hpp"
#include "kernels/cover.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune::test {
namespace {

// ".sx = ditune::ScaleX::token, ..." in pieces, each with the type before it, so that families keep theirs apart.
std::vector<std::string> pieces(std::string_view type, const std::string& fields) {
  std::vector<std::string> result;
  for (std::size_t begin = fields.find('.'); begin != std::string::npos; begin = fields.find('.', begin + 1))
    result.push_back(std::string(type) + fields.substr(begin, fields.find(',', begin) - begin));
  return result;
}

std::vector<std::string> fields_of_config(const KernelConfig& config) {
  const auto of = [](const auto& c) { return designated_initializers(field_values(c)); };
  return pieces(family_name(config), std::visit(of, config));
}

// Of what is fused.
std::vector<std::string> fused_fields(const Operation& operation) {
  const OperationText text = std::visit([](const auto& op) { return operation_text(op); }, operation);
  return pieces(text.type, text.fields);
}

// The config on such sizes, on the first card that takes it.
std::optional<Case> legal_case(const KernelConfig& config, const Operation& operation,
                               const std::vector<DeviceInfo>& cards) {
  for (const DeviceInfo& card : cards) {
    const Target target = emulated_target({operation, card}, config);
    if (!refusal(config, target)) return Case{config, target};
  }
  return std::nullopt;
}

// Deals out what a case needs besides its config.
class Dealer {
 public:
  explicit Dealer(const KindSample& sample) : sample_(sample) {}

  // Cases with the same fused: they share an object. Those of different problems come first.
  std::vector<Case> deal(const KernelConfig& config) {
    const Traits of_config = numbering_(fields_of_config(config));
    const auto of_fused = [&](const Operation& fused) { return numbering_(fused_fields(fused)); };
    std::vector<Operation> all = by_merit(sample_.fused, of_config, of_fused, describe_fused);
    std::ranges::stable_partition(all, [&](const Operation& fused) { return dealt_[describe_fused(fused)] == 0; });
    for (const Operation& fused : all) {
      const std::vector<Case> on_problems = deal_problems(config, fused, of_config);
      if (on_problems.empty()) continue;
      note(describe_fused(fused), of_config, of_fused(fused));
      std::vector<Case> cases;
      for (std::size_t i = 0; i < sample_.runs; ++i)
        cases.push_back(deal_operands(on_problems[i % on_problems.size()], of_config, of_fused(fused)));
      if (!ran_[format(config)].contains(OperandCase::extreme)) cases.push_back(with_extremes(easiest(on_problems)));
      return cases;
    }
    throw std::logic_error(format(config) + " takes no problem of the list");
  }

 private:
  // Those first that bring most new pairs with `others`; of equals those that were dealt least.
  template <class TraitsOf>
  std::vector<Operation> by_merit(std::vector<Operation> all, const Traits& others, TraitsOf traits_of,
                                  std::string (*describe)(const Operation&)) {
    std::map<std::string, std::pair<int, int>> merit;
    for (const Operation& one : all)
      merit[describe(one)] = {-pairs_.fresh(others, traits_of(one)), dealt_[describe(one)]};
    std::ranges::stable_sort(all, {}, [&](const Operation& one) { return merit.at(describe(one)); });
    return all;
  }

  // One that was dealt out.
  void note(const std::string& one, const Traits& others, const Traits& of_one) {
    pairs_.add(others, of_one);
    ++dealt_[one];
  }

  Traits of_problem(const Operation& problem) { return {numbering_(describe_sizes(problem))}; }

  std::vector<Case> deal_problems(const KernelConfig& config, const Operation& fused, const Traits& of_config) {
    std::vector<Operation> problems;
    for (const Operation& sizes : sample_.awkward) problems.push_back(sample_.with(sizes, fused));
    std::vector<Case> legal;
    double least = sample_.most_effort;
    const auto traits_of = [&](const Operation& problem) { return of_problem(problem); };
    for (const Operation& problem : by_merit(std::move(problems), of_config, traits_of, describe_sizes)) {
      if (const std::optional<Case> one = legal_case(config, problem, cards_)) {
        legal.push_back(*one);
        least = legal.size() == 1 ? sample_.effort(*one) : std::min(least, sample_.effort(*one));
      }
    }
    std::vector<Case> cases;
    for (const Case& one : legal) {
      // Long ones only where there is no other.
      if (cases.size() == sample_.problems || sample_.effort(one) > std::max(least, sample_.most_effort)) continue;
      note(describe_sizes(one.target.operation), of_config, of_problem(one.target.operation));
      cases.push_back(one);
    }
    return cases;
  }

  // One that the config ran least; of these the one that brings most new pairs with config, fused and problem.
  Case deal_operands(Case one, const Traits& of_config, const Traits& of_fused) {
    Traits others = of_config;
    others.insert(others.end(), of_fused.begin(), of_fused.end());
    others.push_back(of_problem(one.target.operation).front());
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

  Case with_extremes(Case one) {
    sample_.lengthen(one);
    one.operands = OperandCase::extreme;
    ran_[format(one.config)].insert(one.operands);
    one.seed = next_seed();
    return one;
  }

  const Case& easiest(const std::vector<Case>& cases) const {
    return *std::ranges::min_element(cases, {}, sample_.effort);
  }

  std::uint64_t next_seed() { return seeds_() >> 40; }

  static constexpr std::array kBesidesExtreme{OperandCase::plain, OperandCase::padded, OperandCase::odd,
                                              OperandCase::far};

  const KindSample& sample_;
  const std::vector<DeviceInfo> cards_ = sample_cards();
  Numbering numbering_;
  Pairs pairs_;
  std::map<std::string, int> dealt_;                       // how often something fused or a problem was
  std::map<std::string, std::multiset<OperandCase>> ran_;  // by config
  std::mt19937_64 seeds_{3};
};

}  // namespace

std::vector<KernelConfig> all_candidates(std::span<const Operation> operations, std::span<const DeviceInfo> devices) {
  std::vector<KernelConfig> candidates;
  std::set<std::string> known;
  for (const DeviceInfo& device : devices)
    for (const Operation& operation : operations)
      for (const KernelConfig& config : enumerate({operation, device}))
        if (known.insert(format(config)).second) candidates.push_back(config);
  return candidates;
}

std::vector<KernelConfig> covering_configs(std::span<const KernelConfig> candidates) {
  PairCover cover;
  for (const KernelConfig& config : candidates) cover.add(fields_of_config(config));
  std::vector<KernelConfig> chosen;
  for (const std::size_t i : cover.chosen()) chosen.push_back(candidates[i]);
  return chosen;
}

std::vector<Operation> covering_fused(std::span<const Operation> operations) {
  PairCover cover;
  for (const Operation& operation : operations) cover.add(fused_fields(operation));
  std::vector<Operation> chosen;
  for (const std::size_t i : cover.chosen()) chosen.push_back(operations[i]);
  return chosen;
}

std::vector<DeviceInfo> sample_cards() {
  std::vector<DeviceInfo> cards;
  for (const int arch : {86, 89, 120, 80, 90}) cards.push_back(reference_device({arch}));
  return cards;
}

std::vector<Case> covering_cases(const KindSample& sample) {
  const std::vector<KernelConfig> configs = covering_configs(all_candidates(sample.typical, sample_cards()));
  Dealer dealer(sample);
  std::vector<std::vector<Case>> hands;
  for (std::size_t hand = 0; hand < sample.hands; ++hand)
    for (const KernelConfig& config : configs) hands.push_back(dealer.deal(config));
  std::vector<Case> cases;
  const std::size_t most = std::ranges::max(hands, {}, &std::vector<Case>::size).size();
  for (std::size_t i = 0; i < most; ++i)
    for (const std::vector<Case>& hand : hands)
      if (i < hand.size()) cases.push_back(hand[i]);
  return cases;
}

std::string replay(const Case& one) {
  return fmt::format("ditune verify --on cpu --arch {} --operation {} --config {} --case {} --seed {}",
                     format(one.target.device.arch), format(one.target.operation), format(one.config),
                     word(one.operands), one.seed);
}

}  // namespace ditune::test
