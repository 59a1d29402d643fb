// SPDX-License-Identifier: Apache-2.0
// How libFuzzer changes a database file: mostly a few bytes in place, since all that is behind an insertion would be
// lost, and not in the part of the header without which nothing else is read.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "databases.hpp"
#include "fuzz.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kHeaderBytes = 100;

const std::string& sample(int schema) {
  static const std::string samples[] = {ditune::fuzz::sample_database(1), ditune::fuzz::sample_database(2),
                                        ditune::fuzz::sample_database(3)};
  return samples[schema - 1];
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::minstd_rand random(seed);
  const std::string& whole = sample(1 + static_cast<int>(random() % 3));
  if (size < kHeaderBytes && whole.size() <= max_size) {
    std::memcpy(data, whole.data(), whole.size());
    return whole.size();
  }
  if (random() % 16 == 0 || size < kHeaderBytes) return LLVMFuzzerMutate(data, size, max_size);
  constexpr std::size_t kMost = 48;
  const std::size_t first = random() % 8 == 0 ? 0 : kHeaderBytes;
  const std::size_t at = first + random() % (size - first);
  std::vector<std::uint8_t> bytes(data + at, data + std::min(size, at + 1 + random() % kMost));
  LLVMFuzzerMutate(bytes.data(), bytes.size(), bytes.size());
  std::ranges::copy(bytes, data + at);
  return size;
}
