// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_peers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>

#include "cli/database.hpp"
#include "ditune/error.hpp"
#include "ditune/library.hpp"
#include "runtime/copy_peer.hpp"
#include "runtime/gemm_s8/cublaslt.hpp"

namespace ditune::cli {
namespace {

constexpr std::string_view kCublasLt = "cublaslt", kWinners = "winners", kPlain = "plain", kCopy = "copy";
constexpr std::array kPeerWords{kCublasLt, kWinners, kPlain, kCopy};
constexpr std::size_t kPeerBytes = std::size_t{1} << 30;  // operands of each peer

// These kernels of ditune, as the algorithms of one peer; `none`: the reason where there are none.
Peer peer_of(const std::string& name, const std::vector<KernelConfig>& configs, const char* none, const Target& target,
             const GpuTuner& gpu) {
  Peer peer;
  peer.name = name;
  peer.reason = none;
  std::vector<TimedEntry> entries;
  for (const KernelConfig& config : configs) {
    CheckedEntry checked = gpu.timed_entry(target, config);
    if (checked.ok())
      entries.push_back(std::move(checked.entry));
    else
      peer.reason = std::move(checked.failure);
  }
  if (entries.empty()) return peer;
  peer.reason.clear();
  peer.algorithms = static_cast<int>(entries.size());
  peer.sets = entries[0].sets;
  for (const TimedEntry& entry : entries) peer.configs.push_back(entry.name);
  peer.launch = [entries](int i, int set, const Stream& stream) {
    entries[static_cast<std::size_t>(i)].launch(set, stream);
  };
  return peer;
}

// Winners of the same layer at other M that can run this problem too, without the config that a lookup serves.
std::vector<KernelConfig> other_winners(const std::vector<TuningRecord>& winners, const Target& target,
                                        const KernelConfig& served) {
  std::vector<KernelConfig> others;
  for (const TuningRecord& record : winners) {
    const TuningKey& key = record.key;
    const bool is_of_layer = with_rows(key.operation, rows(target.operation)) == target.operation &&
                             key.device == device_class(target.device);
    if (is_of_layer && record.config != served && !std::ranges::count(others, record.config) &&
        !refusal(record.config, target))
      others.push_back(record.config);
  }
  return others;
}

// The kernel that a library serves, as a peer.
std::vector<Peer> served_peer(const std::string& name, const Library& library, const Target& target, Regime regime,
                              const GpuTuner& gpu) {
  const LookupResult found = library.lookup(target.operation, target.device, regime);
  const bool has_kernel = found.match != Match::none;
  return {peer_of(name, has_kernel ? std::vector{found.config} : std::vector<KernelConfig>(),
                  "no kernel of ditune runs it", target, gpu)};
}

// The same GEMM with its bias, and nothing fused behind that.
std::vector<Peer> plain_peer(const Library& library, Target target, Regime regime, const GpuTuner& gpu) {
  Gemm* const gemm = std::get_if<Gemm>(&target.operation);
  if (!gemm) return {peer_of(std::string(kPlain), {}, "it is for GEMMs alone", target, gpu)};
  const Epilogue its = gemm->epilogue;
  gemm->epilogue = {.sx = its.sx, .sw = its.sw, .bias = its.bias, .out = its.out};
  return served_peer(std::string(kPlain), library, target, regime, gpu);
}

}  // namespace

std::vector<Peers> peers_of(const std::vector<std::string>& names, const std::vector<TuningRecord>& winners,
                            Regime regime, const GpuTuner& gpu) {
  std::vector<Peers> all;
  for (const std::string& name : names) {
    if (name == kCublasLt) {
      all.push_back([](const Target& target, const KernelConfig&) {
        return cublaslt_peers(target.operation, target.device, kPeerBytes);
      });
    } else if (name == kCopy) {
      all.push_back([](const Target& target, const KernelConfig&) {
        return std::vector{copy_peer(target.operation, target.device, kPeerBytes)};
      });
    } else if (name == kPlain) {
      all.push_back(
          [library = std::make_shared<const Library>(winners), regime, &gpu](
              const Target& target, const KernelConfig&) { return plain_peer(*library, target, regime, gpu); });
    } else if (name == kWinners) {
      all.push_back([&winners, &gpu](const Target& target, const KernelConfig& served) {
        return std::vector{
            peer_of("other winners", other_winners(winners, target, served), "there is none", target, gpu)};
      });
    } else {
      const auto library = std::make_shared<const Library>(read_records({name}, [&](const SkippedRows& rows) {
        note_skipped(static_cast<std::size_t>(rows.count), "winner", name);
      }));
      all.push_back([library, name, regime, &gpu](const Target& target, const KernelConfig&) {
        return served_peer(name, *library, target, regime, gpu);
      });
    }
  }
  return all;
}

void require_peers(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::error_code ignored;
        !std::ranges::count(kPeerWords, name) && !std::filesystem::is_regular_file(name, ignored))
      throw UsageError(fmt::format("unknown peer '{}' of --against", name),
                       fmt::format("use {}, or the file of another database", fmt::join(kPeerWords, ", ")));
}

}  // namespace ditune::cli
