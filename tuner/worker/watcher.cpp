// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/watcher.hpp"

namespace ditune {

std::string compile_key(const KernelSource& source, SmArch arch) { return format(arch) + "\n" + source.text; }

std::string run_key(const Target& target, const KernelConfig& config) {
  return describe(target.operation) + " " + format(config);
}

}  // namespace ditune
