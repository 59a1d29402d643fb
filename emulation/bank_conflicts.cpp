// SPDX-License-Identifier: Apache-2.0
#include "emulation/bank_conflicts.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

#include "emulation/site.hpp"

namespace ditune::emulation {
namespace {

constexpr unsigned kBanks = 32;
constexpr unsigned kBankBytes = 4;

// Of the words that one served part of a warp accesses. At most one a bank, if there are no conflicts.
Wavefronts serve(std::vector<unsigned>& words) {
  std::ranges::sort(words);
  const auto repeated = std::ranges::unique(words);
  words.erase(repeated.begin(), repeated.end());
  std::array<int, kBanks> wanted{};
  for (const unsigned word : words) ++wanted[word % kBanks];
  return {.taken = *std::ranges::max_element(wanted), .needed = static_cast<int>((words.size() + kBanks - 1) / kBanks)};
}

}  // namespace

Wavefronts wavefronts(const std::array<unsigned, kWarp>& address, std::uint32_t active, unsigned bytes) {
  const int together = bytes <= 4 ? kWarp : bytes <= 8 ? kWarp / 2 : kWarp / 4;
  Wavefronts sum;
  std::vector<unsigned> words;
  for (int first = 0; first < kWarp; first += together) {
    words.clear();
    for (int lane = first; lane < first + together; ++lane) {
      if ((active >> lane & 1) == 0) continue;
      const unsigned begin = address[static_cast<std::size_t>(lane)], end = begin + bytes;
      for (unsigned word = begin / kBankBytes; word * kBankBytes < end; ++word) words.push_back(word);
    }
    const Wavefronts part = serve(words);
    sum.taken += part.taken;
    sum.needed += part.needed;
  }
  return sum;
}

bool BankConflicts::SiteOrder::operator()(const Site& a, const Site& b) const {
  const auto key = [](const Site& s) { return std::tuple(s.line, s.wrapper, s.file); };
  return std::less<>()(key(a), key(b));
}

std::size_t BankConflicts::index(const Site& site) {
  const auto [at, fresh] = known_.try_emplace(site, sites_.size());
  if (fresh) sites_.push_back({.wrapper = site.wrapper, .file = file_name(site.file), .line = site.line});
  return at->second;
}

void BankConflicts::record(const Site& site, int warp, int lane, unsigned address, unsigned bytes) {
  const std::size_t at = index(site);
  if (streams_.size() <= static_cast<std::size_t>(warp)) streams_.resize(static_cast<std::size_t>(warp) + 1);
  std::vector<Stream>& streams = streams_[static_cast<std::size_t>(warp)];
  if (streams.size() <= at) streams.resize(at + 1);
  Stream& stream = streams[at];
  int& made = stream.made[static_cast<std::size_t>(lane)];
  if (made == static_cast<int>(stream.open.size())) stream.open.push_back({.bytes = bytes});
  Access& access = stream.open[static_cast<std::size_t>(made)];
  ++made;
  access.address[static_cast<std::size_t>(lane)] = address;
  access.active |= 1U << lane;
  while (!stream.open.empty() && stream.open.front().active == ~0U) {
    count(at, stream.open.front());
    stream.open.pop_front();
    for (int& each : stream.made) --each;
  }
}

void BankConflicts::settle(int warp) {
  if (streams_.size() <= static_cast<std::size_t>(warp)) return;
  std::vector<Stream>& streams = streams_[static_cast<std::size_t>(warp)];
  for (std::size_t site = 0; site < streams.size(); ++site) {
    if (streams[site].open.empty()) continue;
    for (const Access& access : streams[site].open) count(site, access);
    streams[site] = {};
  }
}

void BankConflicts::count(std::size_t site, const Access& access) {
  const Wavefronts met = wavefronts(access.address, access.active, access.bytes);
  SharedTraffic& traffic = sites_[site];
  ++traffic.accesses;
  traffic.wavefronts += met.taken;
  traffic.needed += met.needed;
}

std::vector<SharedTraffic> BankConflicts::traffic() const {
  // Instantiations of one wrapper have sites of their own at the same line.
  std::map<std::tuple<std::string, int, std::string>, SharedTraffic> merged;
  for (const SharedTraffic& site : sites_) {
    const auto [at, fresh] = merged.try_emplace({site.file, site.line, site.wrapper}, site);
    if (fresh) continue;
    at->second.accesses += site.accesses;
    at->second.wavefronts += site.wavefronts;
    at->second.needed += site.needed;
  }
  std::vector<SharedTraffic> traffic;
  for (auto& [key, site] : merged) traffic.push_back(std::move(site));
  return traffic;
}

}  // namespace ditune::emulation
