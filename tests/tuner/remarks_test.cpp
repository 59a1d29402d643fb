// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/remarks.hpp"

#include "catch.hpp"

using namespace ditune;

namespace {

using States = std::vector<std::optional<GpuState>>;

States at(double mhz, ClockLimits limits = {}, std::size_t rounds = 4) {
  return States(rounds, GpuState{.sm_clock_mhz = mhz, .limits = limits});
}

}  // namespace

TEST_CASE("a card that runs as it should is not remarked on") {
  Remarks remarks;
  remarks.measured(at(1980), Regime::burst);
  remarks.measured(at(1900, {.power = true}), Regime::burst);
  remarks.measured(at(1400, {.power = true}), Regime::sustained);
  remarks.measured(States(4), Regime::burst);  // nothing told
  remarks.measured({}, Regime::burst);
  remarks.measured(at(0), Regime::burst);
  remarks.processes(std::vector<unsigned>{7}, 7);
  remarks.processes({}, 7);
  CHECK(remarks.take().empty());
}

TEST_CASE("clocks that fell in bursts are said once, with why") {
  Remarks remarks;
  remarks.measured(at(1980), Regime::burst);
  remarks.measured(at(1755, {.power = true}), Regime::burst);
  remarks.measured(at(1500), Regime::burst);
  CHECK(remarks.take() == std::vector<std::string>{"the SM clock fell from 1980 to 1755 MHz in bursts, at the power "
                                                   "limit: times of different batches compare less well"});
  remarks.measured(at(1500), Regime::burst);
  CHECK(remarks.take().empty());
  Remarks others;
  others.measured(at(1980), Regime::burst);
  others.measured(at(1500), Regime::burst);
  CHECK(others.take().at(0).find("power") == std::string::npos);
}

TEST_CASE("heat and the hardware's slowdowns are said in both regimes, if they are no blink") {
  for (const Regime regime : {Regime::burst, Regime::sustained}) {
    Remarks remarks;
    States states = at(1980, {}, 8);
    states[3]->limits = {.heat = true, .hardware = true};  // as while clocks change
    remarks.measured(states, regime);
    CHECK(remarks.take().empty());
    states[4]->limits = {.heat = true};
    remarks.measured(states, regime);
    CHECK(remarks.take() == std::vector<std::string>{"the GPU slows down because it is hot: times are longer"});
    remarks.measured(at(1980, {.heat = true, .hardware = true}), regime);
    REQUIRE(remarks.take().size() == 1);
  }
}

TEST_CASE("every other program on the GPU is said once") {
  Remarks remarks;
  remarks.processes(std::vector<unsigned>{7, 1234}, 7);
  remarks.processes(std::vector<unsigned>{1234, 7, 99}, 7);
  CHECK(remarks.take() == std::vector<std::string>{"another program uses the GPU (pid 1234): times may be longer",
                                                   "another program uses the GPU (pid 99): times may be longer"});
}

TEST_CASE("where our number is not among them, one of them is us") {
  Remarks remarks;
  remarks.processes(std::vector<unsigned>{40001}, 7);
  CHECK(remarks.take().empty());
  remarks.processes(std::vector<unsigned>{40001, 40002}, 7);
  remarks.processes(std::vector<unsigned>{40001, 40002, 40003}, 7);
  CHECK(remarks.take() == std::vector<std::string>{"another program uses the GPU: times may be longer"});
}
