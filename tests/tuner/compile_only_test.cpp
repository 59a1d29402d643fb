// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/compile_only.hpp"

#include "catch.hpp"
#include "db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("without a GPU real kernels are compiled and the best of them is kept with its cubin") {
  const TempFolder folder;
  Store store = Store::open(folder / "tuning.db");
  TuneOptions options;
  options.trials = 2;
  const std::vector<TuningRecord> winners =
      tune({Gemm{16, 256, 512}}, reference_device(SmArch{86}), options, compile_only_backend(), store);
  REQUIRE(winners.size() == 1);
  const TuningRecord& winner = winners.front();
  CHECK(winner.source == Source::predicted);
  CHECK(winner.resources.registers > 0);
  CHECK(winner.resources.spill_bytes == 0);
  CHECK(winner.resources.shared_bytes > 0);
  CHECK_FALSE(winner.provenance.nvrtc_version.empty());
  CHECK(winner.provenance.gpu_uuid.empty());
  CHECK(winner.provenance.when.size() == std::string("2026-11-22T12:00:00Z").size());
  CHECK(contains(store.cubin(winner.cubin_hash), "ELF"));
}
