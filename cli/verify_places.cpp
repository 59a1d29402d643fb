// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_places.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "cli/environment.hpp"
#include "cli/host.hpp"
#include "ditune/error.hpp"
#include "tuner/measure/gpu.hpp"
#include "tuner/verify/cpu_verifier.hpp"

namespace ditune::cli {

VerifyJob on_gpu(int ordinal, const VerifyOptions& options) {
  return [gpu = GpuTuner({.ordinal = ordinal, .seed = options.seed, .nvrtc = nvrtc_file()}), cases = options.cases](
             const Job& job, const Announce& announce) {
    constexpr std::size_t kBatch = 16;  // variants verified between two announcements
    std::vector<Verified> verified;
    for (const KernelConfig& config : job.configs) verified.push_back({{config, {}}, job.target.operation, {}});
    std::size_t done = 0;  // variants times cases
    for (const OperandCase which : cases) {
      if (cases.size() > 1 && !gpu.fits(job.target, which)) {
        for (Verified& one : verified) one.left_out.push_back(which);
        done += job.configs.size();
        continue;
      }
      for (std::size_t at = 0; at < job.configs.size(); at += kBatch) {
        announce(done / cases.size(), job.configs[at]);
        const auto batch = std::span(job.configs).subspan(at, std::min(kBatch, job.configs.size() - at));
        const std::vector<Verdict> verdicts = gpu.verify(job.target, batch, which);
        for (std::size_t i = 0; i < batch.size(); ++i)
          if (verified[at + i].verdict.ok()) verified[at + i].verdict = verdicts[i];
        done += batch.size();
      }
    }
    return verified;
  };
}

VerifyJob on_cpu(const VerifyOptions& options, BankConflicts& conflicts) {
  const auto verify = [cpu = CpuVerifier(host_compiler(), {.seed = options.seed, .cases = options.cases})](
                          const Job& job, const Announce& announce) {
    try {
      return cpu.verify(job.target, job.configs, announce);
    } catch (const HostCompilerError&) {
      require_temporary_files();
      throw;
    }
  };
  return [verify, &conflicts](const Job& job, const Announce& announce) {
    std::vector<Verified> verified;
    for (EmulatedVerdict& emulated : verify(job, announce)) {
      conflicts.add(emulated.verdict.config, emulated.shared);
      verified.push_back({std::move(emulated.verdict), emulated.operation, {}});
    }
    return verified;
  };
}

}  // namespace ditune::cli
