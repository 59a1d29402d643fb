// SPDX-License-Identifier: Apache-2.0
// The examples, built and run as their first lines say.
#include "catch.hpp"
#include "db/export_header.hpp"
#include "db/store.hpp"
#include "runtime/cuda.hpp"
#include "runtime/fallback.hpp"
#include "templates/embedded.hpp"
#include "tests/db/compilers.hpp"
#include "tests/db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

TuningRecord current(TuningRecord record) {
  record.key.template_hash = template_hash(family_name(record.config));
  return record;
}

std::string exported(const TuningRecord& record) {
  return export_header({record}, {.embed = Embed::cubin,
                                  .cubin_of = [](const TuningRecord&) { return "no kernel at all"; },
                                  .fallback_ptx =
                                      [](const KernelConfig& config) {
                                        return std::string(fallback_kernel({80}, config).image);
                                      }})
      .header;
}

}  // namespace

TEST_CASE("run_layer builds against an exported header, and falls back on a GPU that nobody tuned for") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  TuningRecord record = current(measured_record());
  record.key.device = {.name = "NVIDIA Jetson AGX Orin", .sms = 16, .arch = {87}};  // where no test runs
  write_file(folder / "tuned.h", exported(record));
  const std::string program = (folder / "run_layer").string();
  const std::string command = DITUNE_GXX " -std=c++17 -O1 -Wall -Wextra -Werror -I" + folder.path().string() +
                              kCudaInclude + " " DITUNE_SOURCE_DIR "/examples/run_layer.cpp -o " + program +
                              " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread";
  const int built = run(command, folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);
  const int status = run(program, folder / "log");
  const std::string said = read_file(folder / "log");
  INFO(said);
  if (device_count() == 0)
    CHECK((status == 77 && said == "skipped: there is no GPU\n"));
  else
    CHECK((status == 0 && contains(said, "(a fallback: ")));
}

TEST_CASE("run_layer builds against a header with kernels that take tensor maps") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  TuningRecord record = measured_record();
  record.key.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}};
  record.config = parse_config("wgmma_s8:tile=128x256,stages=3");
  write_file(folder / "tuned.h", exported(current(record)));
  const int built = run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only -I" +
                            folder.path().string() + kCudaInclude + " " DITUNE_SOURCE_DIR "/examples/run_layer.cpp",
                        folder / "log");
  INFO(read_file(folder / "log"));
  CHECK(built == 0);
}

TEST_CASE("lookup finds a record, and says what it found") {
  const TempFolder folder;
  {
    Store store = Store::open(folder / "t.db");
    store.set_winner(current(measured_record()));
  }
  const std::string lookup = DITUNE_EXAMPLE_LOOKUP " " + (folder / "t.db").string();
  REQUIRE(run(lookup + " 'RTX 3090' 256x4608x4608", folder / "log") == 0);
  const std::string exact = read_file(folder / "log");
  CHECK(contains(exact, "mma_s8:tile=128x128x64,warps=2x4,stages=3\n"));
  CHECK(contains(exact, "match: exact\nmeasured at M = 256: 41.5 us\n"));
  REQUIRE(run(lookup + " 'RTX 3090' 300x4608x4608", folder / "log") == 0);
  CHECK(contains(read_file(folder / "log"), "match: nearest m\n"));
  CHECK(run(lookup + " 'RTX 3090' 0x4608x4608", folder / "log") == 1);
  CHECK(contains(read_file(folder / "log"), "lookup: "));
  CHECK(run(DITUNE_EXAMPLE_LOOKUP, folder / "log") == 2);
}

TEST_CASE("lookup_c finds a record through the C ABI, where there is no GPU, too") {
  const TempFolder folder;
  {
    Store store = Store::open(folder / "t.db");
    store.set_winner(current(measured_record()));
  }
  const std::string lookup = DITUNE_EXAMPLE_LOOKUP_C " " + (folder / "t.db").string();
  REQUIRE(run(lookup + " 'RTX 3090' 256 4608 4608", folder / "log") == 0);
  CHECK(read_file(folder / "log") == "mma_s8:tile=128x128x64,warps=2x4,stages=3, match 0, 0 bytes of workspace\n");
  REQUIRE(run(lookup + " 'RTX 3090' 300 4608 4608", folder / "log") == 0);
  CHECK(contains(read_file(folder / "log"), ", match 1, "));
  CHECK(run(lookup + " 'no such card' 300 4608 4608", folder / "log") == 1);
  CHECK(contains(read_file(folder / "log"), "lookup_c: the name 'no such card' alone"));
  CHECK(run(DITUNE_EXAMPLE_LOOKUP_C, folder / "log") == 2);
}
