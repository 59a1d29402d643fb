#include "tuner/provenance.hpp"

#include <chrono>
#include <ctime>

#include "runtime/cuda.hpp"

namespace ditune {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Provenance toolchain_provenance(const Nvrtc& nvrtc) {
  Provenance from;
  from.cuda_version = cuda_runtime_version();
  from.nvrtc_version = nvrtc.version();
  from.ditune_version = DITUNE_VERSION;
  from.when = utc_now();
  return from;
}

}  // namespace ditune
