// SPDX-License-Identifier: Apache-2.0
// One variant of one problem on one GPU: what emit and compile are about.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/target.hpp"
#include "ditune/config.hpp"
#include "generator/search_space.hpp"

namespace ditune::cli {

// As written on the command line.
struct VariantOptions {
  std::string shape, operation, config, epilogue;
  TargetOptions target;
};

struct Variant {
  Target target;
  KernelConfig config;
};

void add_variant(CLI::App& app, VariantOptions& options);

// Throws UsageError naming the constraint if the config is not legal there.
Variant choose_variant(const VariantOptions& options);

// One line on standard error: no candidate is left for the target, and what refused the first.
void report_no_variant(const Target& target);

}  // namespace ditune::cli
