// SPDX-License-Identifier: Apache-2.0
// Registers that warpgroups of Hopper hand to one another, under emulation.
#include <type_traits>

#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;

namespace {

template <int N>
using Registers = std::integral_constant<int, N>;

}  // namespace

TEST_CASE("registers are moved by whole warpgroups") {
  CHECK(fault({}, [] { raise_registers<240>(); }) == "");
  CHECK_THAT(fault({},
                   [] {
                     if (thread_index() < 96) lower_registers<24>();
                   }),
             Contains("lower_registers") && Contains("is not reached by all: warp 3, lane 0 has ended"));
  CHECK_THAT(fault({},
                   [] {
                     if (thread_index() < 32)
                       lower_registers<24>();
                     else
                       raise_registers<240>();
                   }),
             Contains("other lanes of the warpgroup are at"));
  CHECK_THAT(fault({.block = 64}, [] { lower_registers<24>(); }), Contains("needs four warps"));
}

TEST_CASE("registers are raised by what other warpgroups gave back, and by no more") {
  // Of 65536 an SM has 168 for each of 384 threads, in steps of 8.
  const auto faults_of = [](auto lowered, auto raised) {
    return fault({.block = 384}, [] {
      if (thread_index() < 128)
        lower_registers<decltype(lowered)::value>();
      else
        raise_registers<decltype(raised)::value>();
    });
  };
  CHECK(faults_of(Registers<24>{}, Registers<240>{}) == "");
  CHECK_THAT(faults_of(Registers<32>{}, Registers<240>{}),
             Contains("raise_registers") && Contains("waits for 1024 registers more than the CTA has left"));
  CHECK_THAT(faults_of(Registers<24>{}, Registers<248>{}),
             Contains("waits for 2048 registers more than the CTA has left"));
  CHECK_THAT(faults_of(Registers<176>{}, Registers<240>{}),
             Contains("lowers the registers of a thread to 176, of which it has 168"));
  // As ptxas sees to it, nobody has more than the most that is asked for.
  CHECK(faults_of(Registers<24>{}, Registers<160>{}) == "");
}

TEST_CASE("a CTA does not begin with what the one before it gave back") {
  int begun = 0;
  const emulation::Launch launch{.kernel = "k", .grid = 2, .block = 384, .resident = 1};
  const auto kernel = [&] {
    if (thread_index() == 0) ++begun;
    block_barrier();
    if (begun == 1) {
      lower_registers<24>();
    } else {
      raise_registers<176>();
    }
  };
  CHECK_THAT(emulation::emulate(launch, {}, kernel, emulation::running()).fault,
             Contains("waits for 1024 registers more than the CTA has left"));
}

TEST_CASE("two CTAs on an SM have half of its registers each, and without launch bounds nobody knows") {
  const auto with = [](int ctas) {
    return emulation::emulate(
               {.kernel = "k", .block = 384, .ctas_per_sm = ctas}, {},
               [] {
                 if (thread_index() < 128)
                   lower_registers<24>();
                 else
                   raise_registers<112>();
               },
               emulation::running())
        .fault;
  };
  CHECK(with(1) == "");
  CHECK_THAT(with(2), Contains("waits for 1024 registers more than the CTA has left"));
  CHECK_THAT(with(0), Contains("may have no effect: the kernel has no launch bounds"));
}
