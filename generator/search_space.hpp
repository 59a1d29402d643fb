// SPDX-License-Identifier: Apache-2.0
// The candidates of an operation on a device, and why a config is not one. Pure; nothing here touches CUDA.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/device.hpp"
#include "ditune/operation.hpp"

namespace ditune {

// An operation on a device: what a config is judged for.
struct Target {
  Operation operation;
  DeviceInfo device;
};

// The same of one kind, for its families: a view.
template <class Op>
struct TargetOf {
  const Op& op;
  const DeviceInfo& device;
};

struct Rejection {
  std::string constraint;  // its name: "shared_memory"
  std::string reason;      // "needs 245760 bytes of shared memory, a CTA has 232448"
};

// The first constraint that refuses the config, or nothing.
std::optional<Rejection> refusal(const KernelConfig& config, const Target& target);

// Throws UsageError naming config, constraint and reason if one refuses.
void require_legal(const KernelConfig& config, const Target& target);

struct Candidate {
  KernelConfig config;
  std::optional<Rejection> rejection;
};

// The points of every family's dimensions, the rejected ones with their reason: one stands for all that would follow
// from it. The order is fixed.
std::vector<Candidate> enumerate_all(const Target& target);

// The legal ones alone.
std::vector<KernelConfig> enumerate(const Target& target);

// Whether there is a legal one: faster than to list them.
bool has_candidates(const Target& target);

}  // namespace ditune
