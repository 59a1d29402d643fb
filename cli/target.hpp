// SPDX-License-Identifier: Apache-2.0
// TARGET: the GPU that a command is about, here or not.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ditune/device.hpp"

namespace ditune::cli {

// As written on the command line; empty where it was left out.
struct TargetOptions {
  std::optional<int> ordinal = {};
  std::string gpu = {}, arch = {};
  bool all = false;  // --device all
  bool empty() const { return !ordinal && !all && gpu.empty() && arch.empty(); }
};

struct ChosenTarget {
  DeviceInfo device;
  std::optional<int> ordinal;  // among the visible GPUs, if it is one
};

// Whether both name one GPU: in letters of either case.
bool is_same_name(std::string_view a, std::string_view b);

enum class Devices { one, or_all };  // whether --device all is offered, for choose_targets
void add_target(CLI::App& app, TargetOptions& options, Devices devices = Devices::one);

// For what is about several: each of the options any number of times.
void add_targets(CLI::App& app, std::vector<TargetOptions>& targets);

// --gpu is a visible GPU of that name, else a known one; --arch is that arch's reference card; nothing is the first
// visible GPU that is supported. Throws UsageError if there is none, and for --device all.
ChosenTarget choose_target(const TargetOptions& options);

// The same, for what can work on several: --device all is every visible GPU that is supported.
std::vector<ChosenTarget> choose_targets(const TargetOptions& options);

struct VisibleTarget {
  DeviceInfo device;
  int ordinal = 0;
};

// The same, for what only a GPU that is here can do. Throws UsageError if the target is not here.
VisibleTarget choose_visible(const TargetOptions& options);

}  // namespace ditune::cli
