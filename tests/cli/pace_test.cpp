// SPDX-License-Identifier: Apache-2.0
#include "cli/pace.hpp"

#include "catch.hpp"

using namespace ditune::cli;
using namespace std::chrono_literals;

TEST_CASE("a line is due every 30 s at most, and none in the first 30 s") {
  const Pace::Clock::time_point start{};
  Pace pace(start, 30s);
  CHECK_FALSE(pace.is_due(start));
  CHECK_FALSE(pace.is_due(start + 29s));
  CHECK(pace.is_due(start + 31s));
  CHECK_FALSE(pace.is_due(start + 60s));
  CHECK(pace.is_due(start + 61s));
  CHECK(pace.is_due(start + 500s));
  CHECK_FALSE(pace.is_due(start + 501s));
}
