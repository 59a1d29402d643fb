// SPDX-License-Identifier: Apache-2.0
// Exported headers, and kernels beside them.
#include <set>

#include "catch.hpp"
#include "cli/json.hpp"
#include "cli/program.hpp"

TEST_CASE("a header has the winners of several GPUs, each with a kernel for its own arch") {
  const Workplace place;
  for (const std::string gpu : {"'RTX 3090'", "'RTX A6000'", "'RTX 4090'", "H100"})
    REQUIRE(place.ditune("tune --trials 1 --shape 64x128x128 --gpu " + gpu).code == 0);
  const auto rows = [&](const std::string& targets) {
    const Outcome outcome = place.ditune("export --header tuned.h " + targets);
    CAPTURE(targets, outcome.err);
    CHECK(outcome.code == 0);
    const std::string header = place.read("tuned.h");
    const std::string table = header.substr(header.find("inline constexpr Row rows"));
    std::set<std::string> devices;
    for (const std::string name : {"RTX 3090", "RTX A6000", "RTX 4090", "H100"})
      if (table.substr(0, table.find("};")).find(name) != std::string::npos) devices.insert(name);
    return devices;
  };
  using Names = std::set<std::string>;
  CHECK(rows("") == Names{"RTX 3090", "RTX A6000", "RTX 4090", "H100"});
  CHECK(rows("--arch sm_86") == Names{"RTX 3090", "RTX A6000"});
  CHECK(rows("--gpu 'RTX 3090' --gpu H100") == Names{"RTX 3090", "H100"});
  CHECK(rows("--arch sm_89 --gpu 'RTX A6000' --arch sm_90") == Names{"RTX A6000", "RTX 4090", "H100"});
  CHECK(place.ditune("export --header tuned.h --arch sm_120 --gpu A100").code == 1);

  // The kernels are ELF files, whose flags name their arch in the first or, since CUDA 13, the second byte.
  rows("");
  place.write("archs.cpp",
              "#include \"tuned.h\"\n#include <cstdio>\n#include <cstring>\n"
              "int main() {\n"
              "  for (const auto& row : ditune_tuned::rows) {\n"
              "    unsigned flags = 0;\n"
              "    std::memcpy(&flags, row.kernel->image + 48, 4);\n"
              "    const unsigned arch = row.arch;\n"
              "    std::printf(\"%u %d\\n\", arch, (flags & 255) == arch || (flags >> 8 & 255) == arch);\n"
              "  }\n"
              "  const auto* found = ditune_tuned::find(\"NVIDIA RTX A6000\", 86, 64, 128, 128);\n"
              "  std::printf(\"%.*s\\n\", static_cast<int>(found->device.size()), found->device.data());\n"
              "}\n");
  REQUIRE(
      place.ditune("--version >/dev/null; $CXX -std=c++17 -Wall -Wextra -Werror archs.cpp -o archs && ./archs >said")
          .code == 0);
  CHECK(place.read("said") == "86 1\n86 1\n89 1\n90 1\nNVIDIA RTX A6000\n");
}

TEST_CASE("records are found by the name of a GPU that nobody knows but their database") {
  const Workplace place;
  for (const std::string gpu : {"'RTX 3090'", "'RTX A6000'"})
    REQUIRE(place.ditune("tune --trials 1 --shape 64x128x128 --gpu " + gpu + " --db merged.db").code == 0);
  run_sql(place.path("merged.db"), "UPDATE devices SET name = 'NVIDIA Made Up', sms = 77 WHERE name LIKE '%3090'");
  for (const std::string command : {"list", "show"}) {
    CAPTURE(command);
    const Json found = json_of(place.ditune(command + " --json --db merged.db --gpu 'nvidia made up'"));
    REQUIRE(found.size() == 1);
    CHECK(found[0]["device"] == "NVIDIA Made Up");
    CHECK(json_of(place.ditune(command + " --json --db merged.db --gpu 'RTX A6000'")).size() == 1);
    CHECK(place.ditune(command + " --db merged.db --gpu 'Made Up Too'").code == 2);
  }
  CHECK(place.ditune("report --db merged.db -o report.html").code == 2);  // two GPUs, none named
  CHECK(place.ditune("report --db merged.db --gpu 'NVIDIA Made Up' -o report.html").code == 0);
  CHECK(place.read("report.html").find("NVIDIA Made Up") != std::string::npos);
  CHECK(place.ditune("export --db merged.db --gpu 'NVIDIA Made Up' --header tuned.h").code == 0);
  CHECK(place.read("tuned.h").find("\"NVIDIA Made Up\"") != std::string::npos);
}

TEST_CASE("a header to standard output is followed by nothing") {
  const Workplace place;
  REQUIRE(place.ditune("tune --trials 1 --shape 64x128x128 --gpu 'RTX 3090'").code == 0);
  REQUIRE(place.ditune("export --header tuned.h").code == 0);
  const Outcome piped = place.ditune("export --header /dev/stdout | cat");
  CHECK(piped.code == 0);
  CHECK(piped.out == place.read("tuned.h"));
  CHECK(place.ditune("export --header /dev/null").out.find("1 record") != std::string::npos);
  const std::string compile =
      "compile --shape 64x128x128 --arch sm_86 --config mma_s8:tile=64x64x64,warps=2x2,stages=3 -o ";
  REQUIRE(place.ditune(compile + "kernel.cubin").out.find("registers") != std::string::npos);
  CHECK(place.ditune(compile + "/dev/null").out.find("registers") != std::string::npos);
  CHECK(place.ditune(compile + "/dev/stdout | cat").out == place.read("kernel.cubin"));
}

TEST_CASE("large kernels are exported beside the header, and never those of another export") {
  const Workplace place;
  for (const std::string epilogue : {"default", "bias=bf16", "out=f32", "out=f16"})
    for (const std::string arch : {"sm_80", "sm_86", "sm_89", "sm_90"})
      REQUIRE(place.ditune("tune --trials 1 --shape 512x1024x512 --arch " + arch + " --epilogue " + epilogue).code ==
              0);
  const std::string all = "export --header tuned.h", small = all + " --embed none";
  CHECK(place.ditune(all).out == "tuned.h and tuned.h.inc: 16 records\n");
  const std::string header = place.read("tuned.h"), kernels = place.read("tuned.h.inc");
  CHECK(header.find("#include \"tuned.h.inc\"") != std::string::npos);
  CHECK(header.size() < kernels.size());
  place.write("use.cpp",
              "#include \"tuned.h\"\nint main() { return ditune_tuned::rows[0].kernel->image_bytes == 0; }\n");
  CHECK(place
            .ditune("--version >/dev/null; mkdir sub; mv use.cpp sub; "
                    "$CXX -std=c++17 -pedantic -Wall -Wextra -Werror -I. sub/use.cpp -o sub/use && sub/use")
            .code == 0);

  REQUIRE(place.ditune(all).code == 0);
  CHECK((place.read("tuned.h") == header && place.read("tuned.h.inc") == kernels));
  // Another header has other kernels.
  REQUIRE(place.ditune("export --header tuned.hpp --embed none && rm tuned.hpp").code == 0);
  CHECK(place.read("tuned.h.inc") == kernels);
  REQUIRE(place.ditune(small).code == 0);
  CHECK(place.files() == std::vector<std::string>{"sub", "tuned.h", "tuning.db"});

  // What is not by ditune stays; then nothing is written.
  const std::string without = place.read("tuned.h");
  place.write("tuned.h.inc", "mine");
  const Outcome refused = place.ditune(all);
  CHECK(refused.code == 2);
  CHECK(refused.err.find("tuned.h.inc is there, and not by ditune export") != std::string::npos);
  CHECK((place.read("tuned.h") == without && place.read("tuned.h.inc") == "mine"));
  REQUIRE(place.ditune(small).code == 0);
  CHECK(place.read("tuned.h.inc") == "mine");

  CHECK(place.ditune("export --header tuned2.inc").code == 0);
  CHECK(place.read("tuned2.inc").find("#include \"tuned2.inc.inc\"") != std::string::npos);
  for (const std::string& streamed :
       {place.ditune("export --header /dev/stdout").out, place.ditune("export --header /dev/stdout | cat").out}) {
    CHECK(streamed.find("stdout.inc") == std::string::npos);
    CHECK(streamed.size() > kernels.size());
  }
}
