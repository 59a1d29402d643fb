// SPDX-License-Identifier: Apache-2.0
// What the tests of tune() share: a store in a folder of its own, a fake GPU, layers.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "db/fixtures.hpp"
#include "fake_gpu.hpp"
#include "tuner/tune.hpp"

namespace ditune::test {

inline const Operation kBig = Gemm{4096, 4608, 4608};
inline const Operation kSmall = Gemm{16, 4608, 4608};
inline const Operation kOther = Gemm{32, 4608, 4608};

inline const DeviceInfo& device() { return reference_device(SmArch{90}); }

struct Fixture {
  TempFolder folder;
  Store store = Store::open(folder / "tuning.db");
  FakeGpu gpu;

  std::vector<TuningRecord> run(const std::vector<Operation>& layers, const TuneOptions& options = {}) {
    return tune(layers, device(), options, gpu.backend(), store);
  }
  std::vector<TuningRecord> predict_only(const std::vector<Operation>& layers, const TuneOptions& options = {}) {
    return tune(layers, device(), options, gpu.compile_backend(), store);
  }
  std::ptrdiff_t trials_with(const std::string& failure) const {
    const std::vector<Trial> all = store.trials();
    return std::count_if(all.begin(), all.end(),
                         [&](const Trial& trial) { return trial.measurement.failure == failure; });
  }
  std::size_t trials_of(const Operation& layer) const {
    RecordFilter filter;
    filter.operation = layer;
    return store.trials(filter).size();
  }
};

inline TuneOptions trials(int count) {
  TuneOptions options;
  options.trials = count;
  return options;
}

inline Target target_of(const Operation& layer) { return {layer, device()}; }

// The first `count` candidates as the model ranks them.
inline std::vector<KernelConfig> model_order(const Operation& layer, std::size_t count) {
  return make_strategy("exhaustive", target_of(layer), {}, 0)->propose(count);
}

}  // namespace ditune::test
