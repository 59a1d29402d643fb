// SPDX-License-Identifier: Apache-2.0
// What the database's tests share: folders that go away, and trials and winners of a made-up run.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ditune/record.hpp"

namespace ditune::test {

// A new empty folder, removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ditune-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs `body` in a child process and returns its exit status, what `body` returns. A crash is -1.
template <class Body>
int in_child(Body&& body) {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline TuningKey sample_key(const Gemm& problem = {256, 4608, 4608}) {
  return {.device = {.name = "NVIDIA GeForce RTX 3090", .sms = 82, .arch = {86}},
          .operation = problem,
          .template_hash = "0123456789abcdef"};
}

inline Provenance sample_provenance() {
  return {.gpu_uuid = "GPU-8d3bc1c2-0000-4242-9999-0123456789ab",
          .driver_version = "580.95.05",
          .cuda_version = "13.0",
          .nvrtc_version = "13.0",
          .ditune_version = "0.1.0",
          .sm_clock_mhz = 1695.5,
          .temperature_c = 61,
          .when = "2026-01-02T03:04:05Z",
          .seed = 0xfedcba9876543210};
}

inline Trial sample_trial(const Gemm& problem = {256, 4608, 4608}) {
  Trial trial;
  trial.key = sample_key(problem);
  trial.config = parse_config("mma_s8:tile=128x128x64,warps=2x4,stages=3");
  trial.source = Source::measured;
  trial.measurement.samples_us = {41.5, 40.25, 42.0000000001};
  trial.measurement.median_us = 41.5;
  trial.measurement.low_us = 40.25;
  trial.measurement.high_us = 42.0000000001;
  trial.measurement.resources = {.registers = 168, .spill_bytes = 0, .shared_bytes = 49152};
  trial.predicted_us = 38.1;
  trial.provenance = sample_provenance();
  return trial;
}

inline TuningRecord measured_record(const Gemm& problem = {256, 4608, 4608}, double median_us = 41.5) {
  TuningRecord record;
  record.key = sample_key(problem);
  record.config = parse_config("mma_s8:tile=128x128x64,warps=2x4,stages=3");
  record.source = Source::measured;
  record.median_us = median_us;
  record.low_us = 0.75 * median_us;
  record.high_us = 1.25 * median_us;
  record.predicted_us = 38.1;
  record.resources = {.registers = 168, .spill_bytes = 0, .shared_bytes = 49152};
  record.provenance = sample_provenance();
  return record;
}

inline TuningRecord predicted_record(const Gemm& problem = {256, 4608, 4608}, double predicted_us = 38.1) {
  TuningRecord record = measured_record(problem);
  record.source = Source::predicted;
  record.median_us = record.low_us = record.high_us = 0;
  record.predicted_us = predicted_us;
  record.provenance = {.gpu_uuid = {},
                       .driver_version = {},
                       .cuda_version = "13.0",
                       .nvrtc_version = "13.0",
                       .ditune_version = "0.1.0",
                       .when = "2026-01-02T03:04:05Z",
                       .seed = 7};
  return record;
}

inline bool same(const TuningRecord& a, const TuningRecord& b) {
  return a.key == b.key && a.config == b.config && a.source == b.source && a.median_us == b.median_us &&
         a.low_us == b.low_us && a.high_us == b.high_us && a.power_w == b.power_w && a.tied == b.tied &&
         a.predicted_us == b.predicted_us && a.resources == b.resources && a.provenance == b.provenance &&
         a.cubin_hash == b.cubin_hash;
}

inline bool same(const Trial& a, const Trial& b) {
  const Measurement &x = a.measurement, &y = b.measurement;
  return a.key == b.key && a.config == b.config && a.source == b.source && a.predicted_us == b.predicted_us &&
         a.provenance == b.provenance && x.samples_us == y.samples_us && x.median_us == y.median_us &&
         x.low_us == y.low_us && x.high_us == y.high_us && x.power_w == y.power_w && x.resources == y.resources &&
         x.failure == y.failure;
}

}  // namespace ditune::test
