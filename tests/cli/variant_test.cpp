// SPDX-License-Identifier: Apache-2.0
// Commands on single variants: space, emit and compile.
#include <algorithm>
#include <filesystem>

#include "catch.hpp"
#include "cli/json.hpp"
#include "cli/program.hpp"

namespace {

const std::string kConfig = "mma_s8:tile=128x128x64,warps=2x2,stages=3";

}  // namespace

TEST_CASE("space lists candidates, best first, or why others are none") {
  const Workplace place;
  const Json legal = json_of(place.ditune("space --shape 4096x4608x4608 --arch sm_86 --json"));
  REQUIRE(legal.size() >= 100);
  check_fields(legal[0], {"m", "n", "k", "epilogue", "config", "arch", "device", "source", "predicted_us", "tops",
                          "shared_bytes"});
  CHECK(legal[0]["arch"] == "sm_86");
  CHECK(legal[0]["source"] == "predicted");
  CHECK(std::ranges::is_sorted(legal, {}, [](const Json& row) { return row["predicted_us"].get<double>(); }));
  CHECK_FALSE(legal[0].contains("median_us"));

  const Json rejected = json_of(place.ditune("space --shape 4096x4608x4608 --arch sm_86 --json --rejected"));
  REQUIRE_FALSE(rejected.empty());
  for (const Json& row : rejected) CHECK_FALSE(row["reason"].get<std::string>().empty());

  const Outcome table = place.ditune("space --shape 4096x4608x4608 --arch sm_86");
  CHECK(std::ranges::count(table.out, '\n') == static_cast<std::ptrdiff_t>(legal.size()) + 1);
}

TEST_CASE("emit writes a stub, or one file with everything in it") {
  const Workplace place;
  const std::string args = "emit --shape 128x128x128 --arch sm_86 --epilogue bias=bf16 --config " + kConfig;
  const Outcome stub = place.ditune(args);
  CHECK(stub.code == 0);
  CHECK(stub.out.find("#include \"mma_s8.cuh\"") != std::string::npos);
  CHECK(place.ditune(args + " --standalone -o kernel.cu").code == 0);
  CHECK(place.read("kernel.cu").find("#include \"mma_s8") == std::string::npos);
  CHECK(place.read("kernel.cu").find("struct MmaS8Config") != std::string::npos);
  CHECK(place.files() == std::vector<std::string>{"kernel.cu"});
}

TEST_CASE("compile makes a cubin and says what it needs") {
  const Workplace place;
  const Json needs =
      json_of(place.ditune("compile --shape 128x128x128 --arch sm_86 --config " + kConfig + " -o kernel.cubin --json"));
  check_fields(needs, {"m", "n", "k", "epilogue", "config", "arch", "registers", "spill_bytes", "shared_bytes"});
  CHECK(needs["config"] == kConfig);
  CHECK(needs["registers"].get<int>() > 0);
  CHECK(needs["shared_bytes"].get<int>() >= 3 * (128 + 128) * 64);
  CHECK(place.read("kernel.cubin").starts_with("\177ELF"));
}

TEST_CASE("no output takes the place of a database") {
  const Workplace place;
  const std::string database = "SQLite format 3" + std::string(1, '\0') + "rows";
  place.write("tuning.db", database);
  std::filesystem::create_symlink("tuning.db", place.path("link.cu"));
  const std::string args = "emit --shape 128x128x128 --arch sm_86 --config " + kConfig + " -o ";
  for (const std::string file : {"tuning.db", "link.cu"}) {
    const auto result = place.ditune(args + file);
    CHECK(result.code == 2);
    CHECK(result.err.find(file + " is a database, and would be replaced (name another file)") != std::string::npos);
  }
  CHECK(place.read("tuning.db") == database);
}

TEST_CASE("an output replaces a file, follows a link and writes to a device") {
  const Workplace place;
  const std::string args = "emit --shape 128x128x128 --arch sm_86 --config " + kConfig + " -o ";
  place.write("real.cu", "old");
  std::filesystem::create_symlink("real.cu", place.path("link.cu"));
  CHECK(place.ditune(args + "link.cu").code == 0);
  CHECK(std::filesystem::is_symlink(place.path("link.cu")));
  CHECK(place.read("real.cu") == place.ditune(args + "/dev/stdout").out);
  CHECK(place.files() == std::vector<std::string>{"link.cu", "real.cu"});
}
