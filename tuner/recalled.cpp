// SPDX-License-Identifier: Apache-2.0
#include "tuner/recalled.hpp"

namespace ditune {

std::vector<Contender> Recalled::all() const {
  std::vector<Contender> contenders;
  for (const auto& [text, contender] : by_text_) contenders.push_back(contender);
  return contenders;
}

std::vector<Contender> Recalled::known(const std::vector<KernelConfig>& batch) const {
  std::vector<Contender> found;
  for (const KernelConfig& config : batch)
    if (const auto at = by_text_.find(format(config)); at != by_text_.end()) found.push_back(at->second);
  return found;
}

std::vector<KernelConfig> Recalled::unknown(std::vector<KernelConfig> batch) const {
  std::erase_if(batch, [&](const KernelConfig& config) { return has(config); });
  return batch;
}

}  // namespace ditune
