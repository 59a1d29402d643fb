// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize_s8/sample.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "catch.hpp"
#include "quantize.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Two fields of a prologue and their values.
using Pair = std::tuple<std::size_t, int, std::size_t, int>;

std::set<Pair> pairs(const std::vector<Operation>& operations) {
  std::set<Pair> result;
  for (const Operation& operation : operations) {
    const Prologue prologue = quantize_of(operation).prologue;
    const std::vector<int> of =
        std::apply([](const auto&... member) { return std::vector{static_cast<int>(member)...}; }, members(prologue));
    for (std::size_t i = 0; i < of.size(); ++i)
      for (std::size_t j = i; j < of.size(); ++j) result.insert({i, of[i], j, of[j]});
  }
  return result;
}

template <class Predicate>
std::ptrdiff_t count(const std::vector<Case>& cases, Predicate predicate) {
  return std::ranges::count_if(cases, [&](const Case& one) { return predicate(quantize_of(one.target.operation)); });
}

}  // namespace

TEST_CASE("few prologues have every legal pair of values of two fields") {
  const std::vector<Operation> few = covering_prologues();
  CHECK(pairs(few) == pairs(random_prologues(40000, 2)));
  CHECK(few.size() < 60);
}

TEST_CASE("pairs of values that few prologues have are covered, too") {
  const std::set<Pair> its = pairs(covering_prologues());
  const auto has = [&](const Prologue& prologue) {
    const std::set<Pair> of = pairs({Quantize{.prologue = prologue}});
    return std::ranges::includes(its, of);
  };
  CHECK(has({.residual = Branch::gate_rms, .norm = Norm::layer}));
  CHECK(has({.act = Activation::swiglu_interleaved, .split = 21}));
  CHECK(has({.act = Activation::swiglu, .rotate = 256}));
  CHECK(has({.split = 8, .rotate = 256}));
  CHECK(has({.rotate = 16, .scale = QuantizedScale::tensor}));
  CHECK(has({.norm = Norm::rms_head, .head = 256}));
  CHECK(has({.act = Activation::silu, .head = 64, .rope = Rope::half}));
  CHECK(has({.parameters = ParameterType::f32, .out = QuantizedType::f16}));
}

TEST_CASE("rows are ragged, in place, split and rotated") {
  const std::vector<Case> cases = covering_cases(quantize_sample());
  CHECK(count(cases, [](const Quantize& q) { return q.k < 8; }) >= 4);
  CHECK(count(cases, [](const Quantize& q) { return q.k % 8 != 0; }) >= 40);
  CHECK(count(cases, [](const Quantize& q) { return q.m == 1; }) >= 40);
  CHECK(count(cases, [](const Quantize& q) { return q.m >= 5; }) >= 40);
  CHECK(count(cases, [](const Quantize& q) { return q.prologue.residual != Branch::none; }) >= 40);
  CHECK(count(cases, [](const Quantize& q) { return q.prologue.split % 8 != 0; }) >= 20);
  CHECK(count(cases, [](const Quantize& q) { return q.prologue.split > 0 && q.prologue.split % 8 == 0; }) >= 20);
  CHECK(count(cases, [](const Quantize& q) { return q.prologue.norm == Norm::rms_head; }) >= 20);
  for (const Rope rope : {Rope::half, Rope::pairs})
    CHECK(count(cases, [&](const Quantize& q) { return q.prologue.rope == rope; }) >= 20);
  for (const int group : {16, 64, 256})
    CHECK(count(cases, [&](const Quantize& q) { return q.prologue.rotate == group; }) >= 20);
}
