// SPDX-License-Identifier: Apache-2.0
#include "kernels/cover.hpp"

#include <algorithm>

namespace ditune::test {
namespace {

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

}  // namespace

Traits Numbering::operator()(const std::vector<std::string>& names) {
  Traits traits;
  for (const std::string& name : names) traits.push_back((*this)(name));
  return traits;
}

void Pairs::add(const Traits& a, const Traits& b) {
  for (const int x : a)
    for (const int y : b) met_.insert({x, y});
}

int Pairs::fresh(const Traits& a, const Traits& b) const {
  int count = 0;
  for (const int x : a)
    for (const int y : b) count += !met_.contains({x, y});
  return count;
}

void PairCover::add(const std::vector<std::string>& names) {
  const Traits of = traits_(names);
  std::vector<int>& elements = elements_.emplace_back();
  // A trait with itself too: its value.
  for (std::size_t i = 0; i < of.size(); ++i)
    for (std::size_t j = i; j < of.size(); ++j)
      elements.push_back(pairs_.try_emplace({of[i], of[j]}, static_cast<int>(pairs_.size())).first->second);
}

std::vector<std::size_t> PairCover::chosen() const { return greedy_cover(elements_, static_cast<int>(pairs_.size())); }

}  // namespace ditune::test
