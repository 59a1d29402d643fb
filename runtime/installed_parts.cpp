// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/store.hpp"
#include "generator/emit.hpp"
#include "runtime/nvrtc.hpp"
#include "runtime/runtime_parts.hpp"

namespace ditune {

RuntimeParts installed_parts(const RuntimeOptions& options) {
  const auto stores = std::make_shared<std::vector<Store>>();
  std::vector<std::vector<TuningRecord>> databases;
  for (const std::filesystem::path& path : options.databases) {
    stores->push_back(Store::open_read_only(path));
    databases.push_back(read_winners(stores->back(), path, options.on_skipped));
  }
  RuntimeParts parts;
  parts.records = in_order(std::move(databases), options.compile);
  parts.regime = options.regime;
  parts.on_miss = options.on_miss;
  parts.stored = [stores](const TuningRecord& record) {
    std::string cubin;
    for (auto store = stores->begin(); store != stores->end() && cubin.empty(); ++store)
      cubin = store->cubin(record.cubin_hash);
    return cubin;
  };
  parts.compile = [file = options.nvrtc, nvrtc = std::make_shared<std::optional<Nvrtc>>()](
                      const KernelConfig& config, const Operation& operation, SmArch arch) {
    if (!*nvrtc) nvrtc->emplace(file);
    CompiledKernel compiled = (*nvrtc)->compile(emit(config, operation), arch);
    return KernelImage{std::move(compiled.cubin), std::move(compiled.name)};
  };
  parts.policy = options.compile;
  parts.driver = cuda_driver();
  return parts;
}

}  // namespace ditune
