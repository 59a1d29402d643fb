#include "cli/verify_places.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "cli/host.hpp"
#include "ditune/error.hpp"
#include "tuner/cpu_verifier.hpp"
#include "tuner/gpu.hpp"

namespace ditune::cli {

VerifyJob on_gpu(int ordinal, std::uint64_t seed) {
  return [gpu = GpuTuner({.ordinal = ordinal, .seed = seed})](const Job& job, const Announce& announce) {
    constexpr std::size_t kBatch = 16;  // variants verified between two announcements
    std::vector<Verified> verified;
    for (std::size_t at = 0; at < job.configs.size(); at += kBatch) {
      announce(at, job.configs[at]);
      const auto batch = std::span(job.configs).subspan(at, std::min(kBatch, job.configs.size() - at));
      for (Verdict& verdict : gpu.verify(job.target, batch))
        verified.push_back({std::move(verdict), job.target.problem});
    }
    return verified;
  };
}

VerifyJob on_cpu(std::uint64_t seed, BankConflicts& conflicts) {
  const auto verify = [cpu = CpuVerifier(host_compiler(), {.seed = seed})](const Job& job, const Announce& announce) {
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
      verified.push_back({std::move(emulated.verdict), emulated.problem});
    }
    return verified;
  };
}

}  // namespace ditune::cli
