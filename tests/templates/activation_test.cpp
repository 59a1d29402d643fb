// SPDX-License-Identifier: Apache-2.0
// The activation functions in a plain loop, over a sample of all floats. tests/nightly takes them all.
#include "activation.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::uint64_t kFloats = 1ULL << 32;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// FNV-1a over the results' bits.
std::uint64_t hash_of_results(const Activation& activation, std::uint64_t stride) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::uint64_t bits = 0; bits < kFloats; bits += stride) {
    const float result = activation.function(emulation::float_of(static_cast<unsigned>(bits)));
    hash = (hash ^ (std::isnan(result) ? 0x7fffffffU : emulation::bits_of(result))) * 0x100000001b3;
  }
  return hash;
}

// Each with its neighbours, and of either sign.
std::vector<float> special_values() {
  std::vector<float> values;
  for (const float v : {0.0f, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::min(), 0x1p-31f,
                        1.0f, 8.5f, 9.5f, 85.0f, 126.0f / 1.4426950f, 88.0f, 103.97f, 0x1p22f, 0x1p31f,
                        std::numeric_limits<float>::max(), kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const float near : {v, std::nextafter(v, 0.0f), std::nextafter(v, kInfinity)}) {
      values.push_back(near);
      values.push_back(-near);
    }
  }
  return values;
}

}  // namespace

TEST_CASE("an activation function is as near to the exact value as the contract says") {
  for (const Activation& activation : kActivations) {
    const WorstError worst = worst_error(activation, 0, kFloats, 1021);
    INFO(activation.name << " at " << worst.x);
    CHECK(worst.error <= activation.bound);
  }
}

TEST_CASE("an activation function takes zeros, subnormals, infinities, NaN and the ends of its clamps") {
  for (const Activation& activation : kActivations) {
    for (const float x : special_values()) {
      INFO(activation.name << " at " << x);
      CHECK(error_of(activation, x) <= activation.bound);
    }
  }
}

TEST_CASE("silu and gelu of large x are x, of zero zero") {
  for (const auto function : {silu, gelu_tanh, gelu_erf}) {
    for (const float x : {100.0f, 12345.678f, 0x1p100f, std::numeric_limits<float>::max(), kInfinity}) {
      CHECK(function(x) == x);
    }
    CHECK(function(0.0f) == 0);
    CHECK(function(-0.0f) == 0);
  }
}

// The definition, pinned: whoever changes a bit changes images, and what docs/numerics.md says.
TEST_CASE("the bits of activation functions stay") {
  CHECK(hash_of_results(kActivations[0], 65521) == 0xc195af63de76a99e);
  CHECK(hash_of_results(kActivations[1], 65521) == 0x511c878645d7aaef);
  CHECK(hash_of_results(kActivations[2], 65521) == 0x360d3fa37cd17c5b);
  CHECK(hash_of_results(kActivations[3], 65521) == 0x81ef2461e88cffb2);
}
