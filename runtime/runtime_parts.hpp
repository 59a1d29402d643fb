// SPDX-License-Identifier: Apache-2.0
// What a Runtime is made of; tests bring their own.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "ditune/runtime.hpp"
#include "runtime/driver.hpp"

namespace ditune {

class Store;

struct KernelImage {
  std::string image, name;
};

struct RuntimeParts {
  std::vector<TuningRecord> records;
  Regime regime = Regime::burst;
  std::function<void(const Miss&)> on_miss = {};
  // The kernel of a record as it is stored, or nothing. One call at a time. May be empty.
  std::function<std::string(const TuningRecord&)> stored = {};
  CompilePolicy policy = CompilePolicy::as_needed;
  // Throws Error where it cannot. One call at a time; none under CompilePolicy::never. May be empty.
  std::function<KernelImage(const KernelConfig&, const Operation&, SmArch)> compile = {};
  std::shared_ptr<const Driver> driver;
};

// What a user has: kernels in the files of the options, NVRTC, which is opened when it is first needed, and the CUDA
// driver. Throws DbError.
RuntimeParts installed_parts(const RuntimeOptions& options);

// All winners of one database.
std::vector<TuningRecord> read_winners(const Store& store, const std::filesystem::path& path,
                                       const std::function<void(const SkippedRows&)>& on_skipped);

// Of databases in order: a record stands aside for one of today's templates in an earlier file that has the same
// device, operation and regime, unless that one is predicted and this one measured. One that cannot be launched under
// `policy` has none stand aside.
std::vector<TuningRecord> in_order(std::vector<std::vector<TuningRecord>> databases, CompilePolicy policy);

}  // namespace ditune
