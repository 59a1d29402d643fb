// SPDX-License-Identifier: Apache-2.0
#include "tuner/time_budget.hpp"

#include "catch.hpp"

using namespace ditune;
using namespace std::chrono_literals;

namespace {

struct FakeClock {
  TimeBudget::Clock::time_point time{};
  std::function<TimeBudget::Clock::time_point()> read() {
    return [this] { return time; };
  }
};

}  // namespace

TEST_CASE("without a total there is always time") {
  FakeClock clock;
  TimeBudget budget(clock.read(), std::nullopt, 1);
  budget.begin_layer(0);
  clock.time += 1000h;
  budget.end_batch();
  CHECK(budget.has_time_for_another());
  CHECK_FALSE(budget.is_spent());
}

TEST_CASE("layers share what is left") {
  FakeClock clock;
  TimeBudget budget(clock.read(), 100s, 2);
  budget.begin_layer(0);
  clock.time += 20s;
  budget.end_batch();
  CHECK(budget.has_time_for_another());  // 40 of 50
  clock.time += 20s;
  budget.end_batch();
  CHECK_FALSE(budget.has_time_for_another());  // 60 of 50
  budget.begin_layer(1);                       // 60 are left
  clock.time += 30s;
  budget.end_batch();
  CHECK(budget.has_time_for_another());
  clock.time += 30s;
  CHECK(budget.is_spent());
  CHECK_FALSE(budget.has_time_for_another());
}

TEST_CASE("the time left is extrapolated, and no more than the budget") {
  FakeClock clock;
  TimeBudget open(clock.read(), std::nullopt, 4), tight(clock.read(), 15s, 4);
  CHECK(open.seconds_left(0) == 0);
  CHECK(tight.seconds_left(0) == 15);
  clock.time += 10s;
  CHECK(open.seconds_left(0.25) == Approx(30));
  CHECK(tight.seconds_left(0.25) == Approx(5));
}
