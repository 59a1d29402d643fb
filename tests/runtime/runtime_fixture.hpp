// SPDX-License-Identifier: Apache-2.0
// Runtimes of made-up records on a driver without a GPU, and arguments for their GEMMs.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "ditune/runtime.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/fake_driver.hpp"
#include "runtime/runtime_parts.hpp"

namespace ditune::test {

inline const DeviceInfo& kCard = find_device("RTX 3090");
inline const KernelConfig kBig = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
inline const KernelConfig kSplit = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2");
inline const Gemm kProblem{4096, 4608, 4608};
inline const auto kStream = reinterpret_cast<CUstream_st*>(0x10);

struct Row {
  Gemm problem = kProblem;
  KernelConfig config = kBig;
  std::string cubin_hash = "stored";
  bool stale = false;
  Source source = Source::measured;
  double us = 100;
  std::optional<Quantize> quantize = {};  // in place of the problem
};

inline TuningRecord record(const Row& row) {
  TuningRecord result;
  const Operation operation = row.quantize ? Operation(*row.quantize) : row.problem;
  result.key = {device_class(kCard), operation, row.stale ? "0000000000000000" : template_hash(row.config)};
  result.config = row.config;
  result.source = row.source;
  (row.source == Source::measured ? result.median_us : result.predicted_us) = row.us;
  result.cubin_hash = row.cubin_hash;
  return result;
}

// A runtime with what its parts were asked for. A record's cubin_hash is its cubin.
struct Fixture {
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  explicit Fixture(const std::vector<Row>& rows, bool has_compiler = true) {
    RuntimeParts parts;
    for (const Row& row : rows) parts.records.push_back(record(row));
    parts.stored = [this](const TuningRecord& its) {
      ++reads;
      return its.cubin_hash;
    };
    if (has_compiler)
      parts.compile = [this](const KernelConfig& config, const Operation& operation, SmArch arch) {
        ++compilations;
        const std::string name = emit(config, operation).name;
        return KernelImage{"compiled for " + format(arch), name};
      };
    parts.driver = driver;
    runtime.emplace(std::move(parts));
  }

  std::shared_ptr<FakeDriver> driver = std::make_shared<FakeDriver>();
  std::atomic<int> reads = 0, compilations = 0;
  std::optional<Runtime> runtime;
};

// Far apart, and never read.
template <class T>
T* address(std::uintptr_t number) {
  return reinterpret_cast<T*>(number << 40);
}

inline FusedGemmArgs args(const Gemm& problem = kProblem) {
  FusedGemmArgs its{};
  its.x = address<signed char>(1), its.w = address<signed char>(2), its.y = address<void>(3);
  its.sx = address<float>(4), its.sw = address<float>(5), its.workspace = address<void>(6);
  its.m = problem.m, its.n = problem.n, its.k = problem.k;
  its.ldx = its.ldw = problem.k, its.ldy = output_columns(problem);
  return its;
}

// With a residual, and a gate for each of four images.
inline FusedGemmArgs gated_args(const Gemm& problem = kProblem) {
  FusedGemmArgs its = args(problem);
  its.r = address<void>(8), its.g = address<void>(9);
  its.ldr = its.ldg = problem.n;
  its.gates = 4, its.rows_per_gate = problem.m / 4;
  return its;
}

template <class T>
T parameter_of(const FakeLaunch& launch) {
  REQUIRE(launch.parameter.size == sizeof(T));
  T value;
  std::memcpy(&value, launch.parameter.bytes.data(), sizeof value);
  return value;
}

// Arguments have no gaps.
inline bool are_same_bytes(const FusedGemmArgs& a, const FusedGemmArgs& b) {
  return std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof a) == 0;
}

inline std::string shared(const KernelConfig& config, const Gemm& problem = kProblem) {
  return std::to_string(launch_plan(config, {problem, kCard}).shared_bytes);
}

}  // namespace ditune::test
