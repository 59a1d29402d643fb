// SPDX-License-Identifier: Apache-2.0
// Few of many candidates that between them have every pair of traits.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ditune::test {

// What a candidate is like, "tile_m = 128" or "17x131x36", as numbers.
using Traits = std::vector<int>;

class Numbering {
 public:
  int operator()(const std::string& name) {
    return numbers_.try_emplace(name, static_cast<int>(numbers_.size())).first->second;
  }
  Traits operator()(const std::vector<std::string>& names);

 private:
  std::map<std::string, int> numbers_;
};

// Pairs of traits that have met.
class Pairs {
 public:
  void add(const Traits& a, const Traits& b);
  // How many pairs of one of `a` and one of `b` have not.
  int fresh(const Traits& a, const Traits& b) const;

 private:
  std::set<std::pair<int, int>> met_;
};

// Of candidates with names of fields' values: few that between them have every pair of values, and every value.
class PairCover {
 public:
  void add(const std::vector<std::string>& names);
  std::vector<std::size_t> chosen() const;  // in the order in which they are chosen

 private:
  Numbering traits_;
  std::map<std::pair<int, int>, int> pairs_;
  std::vector<std::vector<int>> elements_;
};

}  // namespace ditune::test
