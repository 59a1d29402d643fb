// SPDX-License-Identifier: Apache-2.0
// A launch of what is prepared allocates nothing.
#include <cstdlib>
#include <new>

#include "bench/no_driver.hpp"
#include "catch.hpp"
#include "ditune/runtime.hpp"
#include "generator/emit.hpp"
#include "runtime/runtime_parts.hpp"

namespace {

thread_local long allocations = 0;

void* allocate(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Of the whole program.
void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes > 0 ? bytes : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace ditune;

namespace {

const DeviceInfo& kCard = find_device("H100");

signed char* at(std::uintptr_t address) { return reinterpret_cast<signed char*>(address); }

}  // namespace

TEST_CASE("runtime: a launch of what is prepared allocates nothing") {
  const Gemm problem{512, 4608, 4608};
  for (const char* config : {"mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2", "wgmma_s8:tile=128x128,stages=4"}) {
    TuningRecord record;
    record.config = parse_config(config);
    record.key = {device_class(kCard), problem, template_hash(record.config)};
    record.source = Source::measured;
    record.median_us = 10;
    RuntimeParts parts;
    parts.records = {record};
    parts.stored = [](const TuningRecord&) { return "a cubin"; };
    parts.driver = std::make_shared<NoDriver>(kCard);
    const Runtime runtime(std::move(parts));

    GemmArgs args{};
    args.x = at(1ull << 40), args.w = at(2ull << 40), args.y = at(3ull << 40), args.workspace = at(4ull << 40);
    args.sx = reinterpret_cast<const float*>(at(5ull << 40)), args.sw = args.sx + 4096;
    args.m = problem.m, args.n = problem.n, args.k = problem.k;
    args.ldx = args.ldw = problem.k, args.ldy = problem.n;
    const Prepared& prepared = runtime.prepare(problem, 0);
    REQUIRE(prepared.match() == Match::exact);
    const long before = allocations;
    runtime.launch(prepared, args, nullptr);
    runtime.launch(args, {}, 0, nullptr);
    runtime.prepare(problem, 0);
    CHECK(allocations == before);
  }
}
