// SPDX-License-Identifier: Apache-2.0
// Warpgroups' asynchronous products: computed at once when the last lane has come, given back when they are waited for.
// Reading the operands later would make no difference: who writes them before has made a fault.
#include <algorithm>
#include <cstring>

#include "emulation/boxes.hpp"
#include "emulation/grid.hpp"
#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr int kUnfinished = static_cast<int>(0xa5a5a5a5);
constexpr unsigned kRowBytes = 128;  // of operands in shared memory

template <class Visit>
void each_chunk(unsigned long long descriptor, int rows, Visit visit) {
  for (int row = 0; row < rows; ++row)
    for (unsigned at = 0; at < kMatrixDepth; at += kChunkBytes)
      visit(swizzled(row_address(descriptor, row) + at, kRowBytes));
}

}  // namespace

// ---- operands

void Grid::check_operand(const char* name, unsigned long long descriptor, int rows, const Site& site) {
  if (const std::string wrong = refusal(descriptor); !wrong.empty()) fail(site, std::string(name) + " has " + wrong);
  each_chunk(descriptor, rows, [&](unsigned address) {
    std::optional<std::string> why;
    if (address + std::size_t{kChunkBytes} > launch_.shared_bytes) {
      why = "beyond the " + std::to_string(launch_.shared_bytes) + " that the CTA has";
    } else {
      why = hidden_from_units(address, kChunkBytes);
    }
    if (why) fail(site, name + (' ' + shared_text("reads", address, kChunkBytes)) + ' ' + *why);
  });
}

std::vector<signed char> Grid::operand(unsigned long long descriptor, int rows) const {
  std::vector<signed char> bytes(static_cast<std::size_t>(rows) * kMatrixDepth);
  signed char* to = bytes.data();
  each_chunk(descriptor, rows, [&](unsigned address) {
    std::memcpy(to, cta().shared->data() + address, kChunkBytes);
    to += kChunkBytes;
  });
  return bytes;
}

void Grid::hold_operands(const MatrixProduct& product, bool held) {
  const auto visit = [&](unsigned address) {
    held ? cta().async->hold(address, kChunkBytes) : cta().async->let_go(address, kChunkBytes);
  };
  each_chunk(product.a, kMatrixRows, visit);
  each_chunk(product.b, product.n, visit);
}

// ---- accumulators

// A lane's registers are as they were given to it, or it has fenced since.
void Grid::check_registers(const Warpgroup& group, const MatrixProduct& product, const Site& site) {
  const auto lane = static_cast<std::size_t>(lane_->thread % kWarpgroupLanes);
  if (lane_->products.fences == 0) fail(site, "has registers that no wgmma_fence has ordered");
  for (const Accumulators& known : group.accumulators) {
    const int* const mine = known.registers[lane];
    if (mine + known.n / 2 <= product.d || product.d + product.n / 2 <= mine) continue;
    const bool other = mine != product.d || known.n != product.n;
    if (known.away[lane] && other) fail(site, "has registers that another product has, which nobody has waited for");
    if (other) continue;
    for (int i = 0; i < known.n / 2; ++i) {
      const int right =
          known.away[lane]
              ? kUnfinished
              : known.value[static_cast<std::size_t>(fragment_element(static_cast<int>(lane), i, known.n))];
      if (mine[i] == right) continue;
      if (known.away[lane]) fail(site, "has registers that were written before they were waited for");
      if (lane_->products.fences == known.fences[lane])
        fail(site, "has registers that were written with no wgmma_fence since");
    }
  }
}

// Those that the lanes of the warpgroup have just asked for, with their values.
Accumulators& Grid::accumulators(Warpgroup& group, const Site& site) {
  std::array<int*, kWarpgroupLanes> registers{};
  const MatrixProduct& first = group.asked.front();
  for (std::size_t lane = 0; lane < group.asked.size(); ++lane) {
    const MatrixProduct& asked = group.asked[lane];
    if (asked.a != first.a || asked.b != first.b || asked.n != first.n || asked.accumulate != first.accumulate)
      fail(site, "other lanes of the warpgroup multiply something else");
    registers[lane] = asked.d;
  }
  const int n = first.n;
  auto found = std::ranges::find_if(
      group.accumulators, [&](const Accumulators& known) { return known.n == n && known.registers == registers; });
  if (found == group.accumulators.end()) {
    // Nobody has any more what lay there before.
    std::erase_if(group.accumulators, [&](const Accumulators& known) {
      return known.registers[0] < first.d + n / 2 && first.d < known.registers[0] + known.n / 2;
    });
    group.accumulators.push_back({.registers = registers, .n = n});
    found = group.accumulators.end() - 1;
    found->value.resize(static_cast<std::size_t>(kMatrixRows) * static_cast<std::size_t>(n));
  }
  for (std::size_t lane = 0; lane < registers.size(); ++lane) {
    if (found->away[lane]) continue;
    for (int i = 0; i < n / 2; ++i)
      found->value[static_cast<std::size_t>(fragment_element(static_cast<int>(lane), i, n))] = registers[lane][i];
  }
  return *found;
}

// ---- products

void Grid::multiply(const MatrixProduct& product, const Site& site) {
  Warpgroup& group = warpgroup(site);
  check_registers(group, product, site);
  group.asked[static_cast<std::size_t>(lane_->thread % kWarpgroupLanes)] = product;
  if (!come_to_warpgroup(site)) return;
  issue(group, site);
  leave_warpgroup();
}

void Grid::issue(Warpgroup& group, const Site& site) {
  const MatrixProduct& product = group.asked.front();
  Accumulators& d = accumulators(group, site);
  check_operand("a", product.a, kMatrixRows, site);
  check_operand("b", product.b, product.n, site);
  if (!product.accumulate) std::ranges::fill(d.value, 0);
  multiply_rows(d.value.data(), operand(product.a, kMatrixRows).data(), operand(product.b, product.n).data(),
                product.n);
  for (int* registers : d.registers) std::fill_n(registers, product.n / 2, kUnfinished);
  d.away.fill(true);
  d.last = ++group.issued;
  group.issued_at = site;
  group.reading.push_back(product);
  hold_operands(product, true);
}

void Grid::fence_products(const Site& site) {
  meet_in_warp(site, false);
  ++lane_->products.fences;
}

void Grid::commit_products(const Site& site) {
  meet_in_warp(site, false);
  lane_->products.groups.push_back(warpgroup(site).issued);
}

// What one lane of the warpgroup has waited for is done.
void Grid::wait_products(unsigned pending, const Site& site) {
  meet_in_warp(site, false);
  Warpgroup& group = warpgroup(site);
  ProductGroups& mine = lane_->products;
  for (; mine.groups.size() > pending; mine.groups.pop_front()) mine.done = mine.groups.front();
  for (; group.done < mine.done; ++group.done, group.reading.pop_front()) hold_operands(group.reading.front(), false);
  const auto lane = static_cast<std::size_t>(lane_->thread % kWarpgroupLanes);
  for (Accumulators& d : group.accumulators) {
    if (!d.away[lane] || d.last > mine.done) continue;
    int* const registers = d.registers[lane];
    for (int i = 0; i < d.n / 2; ++i) {
      if (registers[i] != kUnfinished) fail(site, "brings registers that were written before they were waited for");
      registers[i] = d.value[static_cast<std::size_t>(fragment_element(static_cast<int>(lane), i, d.n))];
    }
    d.away[lane] = false;
    d.fences[lane] = mine.fences;
  }
}

}  // namespace ditune::emulation
