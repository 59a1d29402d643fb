// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_rows.hpp"

#include <algorithm>
#include <cstdint>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "operand.cuh"

using namespace ditune;

namespace {

std::size_t bytes_of(const std::vector<std::span<std::byte>>& spans) {
  std::size_t sum = 0;
  for (const std::span<std::byte> span : spans) sum += span.size();
  return sum;
}

}  // namespace

TEST_CASE("buffers are aligned as pointers must be and no more, and empty ones are null") {
  for (const std::size_t bytes : {1, 16, 100, 4096, 1 << 20}) {
    const HostBuffer buffer(bytes);
    CHECK(buffer.bytes() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % (2 * kPointerAlignment) == kPointerAlignment);
  }
  CHECK(HostBuffer(0).data() == nullptr);
}

TEST_CASE("what lies beside rows is the guards and the gaps") {
  const HostRows rows({.rows = 3, .bytes = 10, .pitch = 16}, 64);
  CHECK(reinterpret_cast<std::uintptr_t>(rows.data()) % (2 * kPointerAlignment) == kPointerAlignment);
  CHECK(rows.row(2).data() == rows.data() + 32);
  const auto beside = rows.beside();
  CHECK(beside.front().data() == rows.data() - 64);
  CHECK(beside.back().data() == rows.data() + 42);
  CHECK(bytes_of(beside) == 64 + 6 + 6 + 64);
}

TEST_CASE("rows that are far apart hold what is written, with guards of their own") {
  constexpr std::size_t kPitch = (std::size_t{1} << 31) + 16;
  HostRows rows({.rows = 500, .bytes = 5000, .pitch = kPitch}, 64);
  CHECK(reinterpret_cast<std::uintptr_t>(rows.data()) % (2 * kPointerAlignment) == kPointerAlignment);
  for (std::size_t i = 0; i < 500; ++i) std::ranges::fill(rows.row(i), static_cast<std::byte>(i));
  for (const std::span<std::byte> guard : rows.beside()) std::ranges::fill(guard, std::byte{0xa5});
  const HostRows moved = std::move(rows);
  for (std::size_t i = 0; i < 500; ++i) {
    CHECK(std::ranges::count(moved.row(i), static_cast<std::byte>(i)) == 5000);
    CHECK(moved.row(i).data() == moved.data() + i * kPitch);
  }
  CHECK(bytes_of(moved.beside()) == std::size_t{500} * 2 * 64);
}

TEST_CASE("more addresses than a process has are an error that says so") {
  CHECK_THROWS_WITH(HostRows({.rows = 1 << 20, .bytes = 1, .pitch = std::size_t{1} << 31}),
                    Catch::StartsWith("no 2097150 GiB of addresses") && Catch::Contains("--case"));
}
