// SPDX-License-Identifier: Apache-2.0
// The activation functions over all floats: the errors that docs/numerics.md states.
#include "activation.hpp"

#include <array>
#include <cstdio>

#include "catch.hpp"
#include "core/in_parallel.hpp"

using namespace ditune::test;

TEST_CASE("activation functions of all 2^32 floats") {
  constexpr std::size_t kParts = 256;
  constexpr std::uint64_t kPartSize = (1ULL << 32) / kParts;
  for (const Activation& activation : kActivations) {
    std::array<WorstError, kParts> worst_of;
    ditune::in_parallel(kParts, 0, [&](std::size_t part) {
      worst_of[part] = worst_error(activation, part * kPartSize, (part + 1) * kPartSize, 1);
    });
    WorstError worst;
    for (const WorstError& part : worst_of) worst.include(part);
    std::printf("%s: at most %.4f of what is allowed, at %.9g\n", activation.name, worst.error,
                static_cast<double>(worst.x));
    CHECK(worst.error <= activation.bound);
  }
}
