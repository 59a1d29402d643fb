// SPDX-License-Identifier: Apache-2.0
// What the commands answer without a GPU.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.hpp"
#include "cli/program.hpp"

using Json = nlohmann::json;

namespace {

const std::string kConfig = "mma_s8:tile=128x128x64,warps=2x2,stages=3";

// One JSON document and nothing else.
Json json_of(const Outcome& outcome) {
  CAPTURE(outcome.err, outcome.out);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.empty());
  return Json::parse(outcome.out);
}

void check_fields(const Json& row, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    CAPTURE(name, row.dump());
    CHECK(row.contains(name));
  }
}

// A minute of compiling and more, in problems.csv.
void write_many_problems(const Workplace& place) {
  std::string problems = "m,n,k\n";
  for (int m = 1; m <= 200; ++m) problems += std::to_string(m) + ",1024,1024\n";
  place.write("problems.csv", problems);
}

}  // namespace

TEST_CASE("models prints the problems of a model") {
  const Outcome outcome = Workplace().ditune("models ideogram4 --resolution 1024x1024");
  CHECK(outcome.code == 0);
  CHECK(outcome.out ==
        "LINEAR            M      N      K  FUSED                                                    COUNT\n"
        "qkv,gate_up    6144          4608  residual=gate_rms,norm=rms,weight=plain,modulate=scale1     67\n"
        "qkv,first_qkv  6144  13824   4608  default                                                     34\n"
        "qkv,gate_up    4096          4608  residual=gate_rms,norm=rms,weight=plain,modulate=scale1     67\n"
        "qkv,first_qkv  4096  13824   4608  default                                                     34\n"
        "first_qkv      6144          4608  norm=rms,weight=plain,modulate=scale1                        1\n"
        "first_qkv      4096          4608  norm=rms,weight=plain,modulate=scale1                        1\n"
        "qk             6144          9216  norm=rms_head,weight=plain,out=bf16,head=256,rope=half      34\n"
        "qk             4096          9216  norm=rms_head,weight=plain,out=bf16,head=256,rope=half      34\n"
        "o              6144          4608  default                                                     34\n"
        "o              6144   4608   4608  default                                                     34\n"
        "o              4096          4608  default                                                     34\n"
        "o              4096   4608   4608  default                                                     34\n"
        "gate_up        6144  24576   4608  op=swiglu                                                   34\n"
        "gate_up        4096  24576   4608  op=swiglu                                                   34\n"
        "down           6144         12288  default                                                     34\n"
        "down           6144   4608  12288  default                                                     34\n"
        "down           4096         12288  default                                                     34\n"
        "down           4096   4608  12288  default                                                     34\n"
        "adaln             1  18432    512  bias=bf16                                                   34\n"
        "llm_cond       2048   4608  53248  bias=bf16                                                    1\n"
        "llm_cond_norm  6144         53248  norm=rms,weight=plain,out=bf16                               1\n"
        "llm_cond_norm  4096         53248  norm=rms,weight=plain,out=bf16                               1\n"
        "input          4096   4608    128  bias=bf16                                                    1\n"
        "final          4096    128   4608  bias=bf16                                                    1\n");
  CHECK(Workplace().ditune("models").out.find("flux2-klein-9b  double_qkv double_qk double_o") != std::string::npos);
}

TEST_CASE("help and version are no errors") {
  const Outcome help = Workplace().ditune("tune --help");
  CHECK(help.code == 0);
  CHECK(help.out.find("--budget") != std::string::npos);
  CHECK(Workplace().ditune("--version").out == DITUNE_VERSION "\n");
}

TEST_CASE("devices and doctor work without a GPU") {
  const Workplace place;
  const Outcome devices = place.ditune("devices");
  CHECK(devices.code == 0);
  CHECK(devices.out.empty());
  CHECK(place.ditune("devices --known").out.find("RTX 3090") != std::string::npos);
  const Outcome doctor = place.ditune("doctor");
  CHECK(doctor.code == 0);
  CHECK(doctor.out.find("ditune can predict here") != std::string::npos);
  CHECK(place.files().empty());
}

TEST_CASE("NVRTC is the one that $DITUNE_NVRTC names, and doctor says so") {
  const Workplace place;
  const Outcome absent = place.ditune("doctor", "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(absent.code == 1);
  CHECK(absent.out.find("NVRTC is not there: tried /nowhere/libnvrtc.so: ") != std::string::npos);
  CHECK(absent.out.find("set DITUNE_NVRTC to a libnvrtc.so, or unset it") != std::string::npos);
  const std::string compile =
      "compile --shape 1024x3072x3072 --arch sm_86 --config mma_s8:tile=128x128x64,warps=2x2,stages=3";
  const Outcome refused = place.ditune(compile, "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(refused.code == 3);
  CHECK(refused.err.find("tried /nowhere/libnvrtc.so: ") != std::string::npos);
  const Outcome tuning =
      place.ditune("tune --shape 64x512x512 --arch sm_86 --trials 1", "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(tuning.code != 0);
  CHECK(tuning.err.find("/nowhere/libnvrtc.so") != std::string::npos);
  CHECK(place.ditune(compile, "export DITUNE_NVRTC=").code == 0);  // empty: the one that is installed
}

TEST_CASE("doctor says what is wrong with the database") {
  const Workplace place;
  place.write("tuning.db",
              "not a database, but long enough to be taken for one by somebody who reads only the first bytes");
  const Outcome doctor = place.ditune("doctor");
  CHECK(doctor.code == 1);
  CHECK(doctor.out.find("tuning.db") != std::string::npos);
}

TEST_CASE("doctor says whether the database can be written") {
  const Workplace place;
  CHECK(place.ditune("doctor --db new/folder/tuning.db").code == 0);
  CHECK(place.files().empty());
  const Outcome doctor = place.ditune("doctor --db /proc/nowhere/tuning.db");
  CHECK(doctor.code == 1);
  CHECK(doctor.out.find("cannot write /proc/nowhere") != std::string::npos);
}

TEST_CASE("a problem that no variant runs is told as such, and nothing is stored") {
  const Workplace place;
  const std::string layer = " --shape 2147483647x2147483647x16 --arch sm_86";
  for (const std::string command : {"tune", "space", "lookup"}) {
    CAPTURE(command);
    const Outcome outcome = place.ditune(command + layer);
    CAPTURE(outcome.out, outcome.err);
    CHECK(outcome.code == 1);
    CHECK(outcome.err.starts_with("ditune: error: no variant runs 2147483647x2147483647x16 default on "));
    CHECK(outcome.err.find("RTX 3090: ") != std::string::npos);
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK(outcome.out.find("Stored") == std::string::npos);
    CHECK(Json::parse(place.ditune(command + " --json" + layer).out).is_array());
  }
  CHECK(place.files().empty());
  const Outcome both = place.ditune("tune --trials 1 --shape 64x64x64" + layer);
  CHECK(both.code == 1);
  CHECK(both.out.find("Stored") != std::string::npos);
}

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

TEST_CASE("tune without a GPU predicts, and the other commands find what it stored") {
  const Workplace place;
  const std::string layer = " --shape 512x1024x512 --epilogue bias=bf16 --gpu 'RTX 3090'";
  const Json tuned = json_of(place.ditune("tune --trials 3 --json" + layer));
  REQUIRE(tuned.size() == 1);
  check_fields(tuned[0], {"m", "n", "k", "epilogue", "config", "arch", "device", "source", "predicted_us", "tops",
                          "registers", "spill_bytes", "shared_bytes"});
  CHECK(tuned[0]["source"] == "predicted");
  CHECK(tuned[0]["device"] == "NVIDIA GeForce RTX 3090");
  CHECK_FALSE(tuned[0].contains("median_us"));

  const Outcome again = place.ditune("tune" + layer);
  CHECK(again.code == 0);
  CHECK(again.err == "1 of 1 layers were tuned before (--retune tunes them again)\n");

  CHECK(json_of(place.ditune("list --json")) == tuned);
  CHECK(json_of(place.ditune("list --json" + layer)) == tuned);
  CHECK(place.ditune("list").out.find("predicted") != std::string::npos);

  const Json shown = json_of(place.ditune("show --json"));
  CHECK(shown[0]["trials"].size() == 3);
  check_fields(shown[0]["provenance"], {"when", "ditune_version", "nvrtc_version"});
  CHECK(place.ditune("show").out.find(tuned[0]["config"].get<std::string>()) != std::string::npos);

  const Json found = json_of(place.ditune("lookup --json" + layer));
  CHECK(found[0]["match"] == "exact");
  CHECK(found[0]["config"] == tuned[0]["config"]);
  const Json near = json_of(place.ditune("lookup --json --shape 500x1024x512 --epilogue bias=bf16 --gpu 'RTX 3090'"));
  CHECK(near[0]["match"] == "nearest m");
  CHECK_FALSE(near[0].contains("tops"));
  CHECK(near[0]["predicted_us"].get<double>() > 0);

  for (const std::string embed : {"none", "source", "cubin"}) {
    CAPTURE(embed);
    CHECK(place.ditune("export --header tuned.h --embed " + embed).code == 0);
    CHECK(place.read("tuned.h").find("predicted") != std::string::npos);
  }
}

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

TEST_CASE("a shard tunes its part of the layers; one without layers is done at once") {
  const Workplace place;
  const std::string tune = "tune --json --trials 1 --gpu 'RTX 3090' --shape 64x128x128 --shape 96x128x128 --shard ";
  const Json second = json_of(place.ditune(tune + "1/2"));
  REQUIRE(second.size() == 1);
  CHECK(second[0]["m"] == 96);
  const Outcome none = place.ditune(tune + "2/3");
  CHECK(none.code == 0);
  CHECK(none.err == "shard 2/3 of 2 layers has none\n");
  CHECK(Json::parse(none.out).empty());
}

TEST_CASE("what failed is shown with its reason, and is not tried again unless that is asked for") {
  const Workplace place;
  const std::string tune = "tune --json --trials 4 --gpu 'RTX 3090' --shape 512x1024x512";
  const Json first = json_of(place.ditune(tune));
  CHECK(place.ditune("show --failures").err == "nothing failed\n");
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'did not end within 20 s' WHERE config_id = "
          "(SELECT config_id FROM winners)");
  const Json failed = json_of(place.ditune("show --failures --json"));
  REQUIRE(failed.size() == 1);
  check_fields(failed[0], {"m", "n", "k", "epilogue", "config", "arch", "device", "source", "reason", "when"});
  CHECK(failed[0]["config"] == first[0]["config"]);
  CHECK(failed[0]["reason"] == "did not end within 20 s");
  CHECK(place.ditune("show --failures").out.find("did not end within 20 s") != std::string::npos);
  CHECK(json_of(place.ditune(tune + " --retune"))[0]["config"] != first[0]["config"]);
  CHECK(json_of(place.ditune(tune + " --retune --retry-failed"))[0]["config"] == first[0]["config"]);
}

TEST_CASE("a damaged database is set aside, and what is sound of it goes on") {
  const Workplace place;
  const std::string tune = "tune --json --trials 2 --gpu 'RTX 3090' --shape ";
  REQUIRE(place.ditune(tune + "64x128x128").code == 0);
  run_sql(place.path("tuning.db"), "PRAGMA journal_mode = DELETE");
  std::string damaged = place.read("tuning.db");
  const std::size_t row = damaged.find("mma_s8:");
  REQUIRE(row != std::string::npos);
  const std::size_t page = row / 4096 * 4096;
  damaged.replace(page, 8, 8, '\xff');
  place.write("tuning.db", damaged);
  const Outcome outcome = place.ditune(tune + "96x128x128");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(outcome.err.find("was damaged and is kept as ") != std::string::npos);
  CHECK(place.files().size() == 2);
  CHECK(json_of(place.ditune("list --json")).size() >= 1);
}

TEST_CASE("what is not in the database is not found") {
  const Workplace place;
  for (const std::string command : {"list", "show", "export --header tuned.h"}) {
    CAPTURE(command);
    const Outcome outcome = place.ditune(command);
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
  }
  CHECK(json_of(place.ditune("lookup --json --shape 512x1024x512 --arch sm_89"))[0]["match"] == "model");
  CHECK(place.files().empty());
}

TEST_CASE("problems come from standard input, too") {
  const Workplace place;
  place.write("list.csv", "m,n,k\n64,128,128\n64,128,128\n96,128,128\n");
  const Json found = json_of(place.ditune("lookup --json --arch sm_80 --problems - <list.csv"));
  REQUIRE(found.size() == 2);
  CHECK(found[1]["m"] == 96);
}

TEST_CASE("a model's layers follow its batch, frames and text tokens") {
  const Workplace place;
  const Json one =
      json_of(place.ditune("lookup --json --arch sm_86 --model hunyuan-video --linear single_in "
                           "--resolution 1280x720 --frames 129"));
  REQUIRE(one.size() == 1);
  CHECK(one[0]["m"] == 33 * 80 * 45 + 256);
  const Json two =
      json_of(place.ditune("lookup --json --arch sm_86 --model hunyuan-video --linear single_in "
                           "--resolution 1280x720 --frames 129 --batch 2 --text-tokens 100"));
  REQUIRE(two.size() == 1);
  CHECK(two[0]["m"] == 2 * (33 * 80 * 45 + 100));
  CHECK(place.ditune("models z-image --batch 3 --text-tokens 77").out.find("12519") != std::string::npos);
}

TEST_CASE("problems come from a file, once each") {
  const Workplace place;
  place.write("list.csv", "m,n,k,epilogue\n64,128,128,\"sx=tensor,bias=f32\"\n64,128,128,\n64,128,128,out=f16\n");
  const Json found =
      json_of(place.ditune("lookup --json --arch sm_80 --problems list.csv --shape 64x128x128 --epilogue out=f16"));
  REQUIRE(found.size() == 2);
  CHECK(found[0]["epilogue"] == "out=f16");
  CHECK(found[1]["epilogue"] == "sx=tensor,bias=f32");
}

TEST_CASE("an operation is named by its text, beside shapes or in their place") {
  const Workplace place;
  const std::string first = "gemm_s8:m=64,n=128,k=128,bias=bf16", second = "gemm_s8:m=32,n=128,k=128";
  const Json found = json_of(place.ditune("lookup --json --arch sm_80 --operation " + first + " --shape 64x128x128 " +
                                          "--operation " + second + " --operation " + first));
  REQUIRE(found.size() == 3);
  CHECK(found[0]["operation"] == "gemm_s8:m=64,n=128,k=128");
  CHECK(found[1]["operation"] == first);
  CHECK(found[1]["epilogue"] == "bias=bf16");
  CHECK(found[2]["operation"] == second);
  for (const Json& row : found) CHECK(row["kind"] == "gemm_s8");

  REQUIRE(place.ditune("tune --trials 1 --arch sm_86 --operation " + first).code == 0);
  const Json listed = json_of(place.ditune("list --json --operation " + first));
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["operation"] == first);
  CHECK(place.ditune("list --operation " + second).code == 1);

  const std::string emit = "emit --arch sm_86 --config mma_s8:tile=64x64x64,warps=2x2,stages=3";
  const Outcome by_shape = place.ditune(emit + " --shape 64x128x128 --epilogue bias=bf16");
  const Outcome by_text = place.ditune(emit + " --operation " + first);
  CHECK(by_text.code == 0);
  CHECK(by_text.out == by_shape.out);
}

// Thousands of layers that are all tuned: comparing each with each, or reading the database for each, takes minutes.
TEST_CASE("a long list of tuned layers is listed, shown, looked up and tuned without a second look at each") {
  const Workplace place;
  REQUIRE(place.ditune("tune --trials 1 --arch sm_86 --shape 1x128x128").code == 0);
  run_sql(
      place.path("tuning.db"),
      "CREATE TEMP TABLE copies AS WITH RECURSIVE c(m) AS (SELECT 2 UNION ALL SELECT m + 1 FROM c LIMIT 4999) "
      "SELECT m FROM c; "
      "INSERT INTO operations (id, kind, layer, rows) SELECT m, 'gemm_s8', 'n=128,k=128', m FROM copies; "
      "CREATE TEMP TABLE w AS SELECT * FROM winners; "
      "INSERT INTO winners SELECT w.device_id, m, w.template_hash, w.regime, w.config_id, w.toolchain_id, w.source, "
      "w.median_us, w.low_us, w.high_us, w.power_w, w.tied, w.predicted_us, w.registers, w.spill_bytes, "
      "w.shared_bytes, w.cubin_hash, w.gpu_uuid, w.sm_clock_mhz, w.temperature_c, w.finished_at, w.seed "
      "FROM w, copies");
  std::string problems = "m,n,k\n";
  for (int m = 1; m <= 5000; ++m) problems += std::to_string(m) + ",128,128\n";
  place.write("list.csv", problems + problems.substr(problems.find('\n') + 1));
  for (const std::string command : {"list", "show", "lookup --arch sm_86"}) {
    CAPTURE(command);
    CHECK(json_of(place.ditune(command + " --json --problems list.csv")).size() == 5000);
  }
  const Outcome tuned = place.ditune("tune --trials 1 --arch sm_86 --problems list.csv");
  CHECK(tuned.code == 0);
  CHECK(tuned.err == "5000 of 5000 layers were tuned before (--retune tunes them again)\n");
}

TEST_CASE("how far a long list is read is shown on a terminal, and nowhere else") {
  const Workplace place;
  std::string problems = "m,n,k\n";
  for (int m = 1; m <= 2000; ++m) problems += std::to_string(m) + ",128,128\n";
  place.write("list.csv", problems);
  REQUIRE(place.ditune("tune --trials 1 --arch sm_86 --shape 1x128x256").code == 0);
  CHECK(place.ditune("list --problems list.csv").err == "no such record in tuning.db (ditune tune makes them)\n");
  place.ditune("--version >/dev/null; script -qec 'DITUNE_DB=tuning.db " DITUNE_PROGRAM
               " list --problems list.csv' /dev/null >shown 2>&1 </dev/null");
  CHECK(place.read("shown").find("] reading list.csv: ") != std::string::npos);
}

TEST_CASE("a winner of few survivors says so, and what was killed from outside is tried again by the next run") {
  const Workplace place;
  const std::string tune = "tune --trials 4 --gpu 'RTX 3090' --shape 512x1024x512";
  const Json first = json_of(place.ditune(tune + " --json"));
  CHECK_FALSE(first[0].contains("candidates"));
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'the compiler crashed (signal 9)' WHERE config_id IN (SELECT config_id FROM "
          "trials LIMIT 3)");
  const Json candidates = {{"tried", 4}, {"survived", 1}, {"killed", 3}};
  CHECK(json_of(place.ditune("show --json"))[0]["candidates"] == candidates);
  CHECK(place.ditune("show").out.find("1 of 4 candidates survived: 3 were killed from outside") != std::string::npos);
  CHECK(json_of(place.ditune(tune + " --json")) == first);
  CHECK_FALSE(json_of(place.ditune("show --json"))[0].contains("candidates"));
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'did not end within 20 s' WHERE config_id NOT IN (SELECT config_id FROM "
          "winners)");
  const Outcome failed = place.ditune(tune + " --json");
  CHECK(failed.code == 0);
  CHECK(failed.err.find("1 of 4 candidates survived: 3 failed (ditune show --failures lists why)\n") !=
        std::string::npos);
  CHECK(Json::parse(failed.out)[0]["candidates"]["survived"] == 1);
}

TEST_CASE("without a GPU as many candidates are compiled as --trials says, and --strategy says what it means there") {
  const Workplace place;
  const std::string tune = "tune --json --gpu 'RTX 3090' --shape 64x128x128 --trials 11 ";
  CHECK(json_of(place.ditune(tune + "--strategy exhaustive")).size() == 1);
  CHECK(json_of(place.ditune("show --json"))[0]["trials"].size() == 11);
  const Outcome guided = place.ditune(tune + "--retune --strategy guided");
  CHECK(guided.code == 0);
  CHECK(guided.err ==
        "ditune: note: NVIDIA GeForce RTX 3090 is not here, so that --strategy guided has no measured times to go by: "
        "candidates are compiled in the cost model's order\n");
}

TEST_CASE("commands that take --device all offer it, and no others") {
  const Workplace place;
  CHECK(place.ditune("tune --help").out.find("N|all") != std::string::npos);
  CHECK(place.ditune("export --help").out.find("N|all") != std::string::npos);
  for (const std::string command : {"list", "show", "lookup", "space", "emit", "compile", "verify", "bench", "report"})
    CHECK(place.ditune(command + " --help").out.find("N|all") == std::string::npos);
}

TEST_CASE("Ctrl-C, SIGTERM or SIGHUP ends a tuning run after the batch at work: what is done is shown and stored") {
  const std::string signal = GENERATE("INT", "TERM", "HUP");
  const Workplace place;
  write_many_problems(place);
  const Outcome outcome = place.ditune("--version >/dev/null; DITUNE_DB=tuning.db " DITUNE_PROGRAM
                                       " tune --problems problems.csv --gpu H100 --trials 8 >shown 2>said & "
                                       "while [ ! -e tuning.db ]; do sleep 0.1; done; sleep 1; kill -" +
                                       signal + " $!; wait $!");
  CHECK(outcome.code == 1);
  CHECK(place.read("said").find("of 200 layers done: what was measured is stored, and the same command goes on") !=
        std::string::npos);
  const Json stored = json_of(place.ditune("list --json"));
  CHECK(stored.size() < 200);
  CHECK((stored.empty() || place.read("shown").find("predicted") != std::string::npos));
}

TEST_CASE("SIGHUP that nohup ignores stays ignored, and a second signal ends a run at once") {
  const Workplace place;
  write_many_problems(place);
  const std::string tune = "DITUNE_DB=tuning.db nohup " DITUNE_PROGRAM
                           " tune --problems problems.csv --gpu H100 --trials 8 >shown 2>said & "
                           "while [ ! -e tuning.db ]; do sleep 0.1; done; sleep 1; kill -HUP $!; sleep 1; ";
  const Outcome once = place.ditune("--version >/dev/null; " + tune + "kill -0 $! && kill -TERM $!; wait $!");
  CHECK(once.code == 1);
  CHECK(place.read("said").find("interrupted with") != std::string::npos);
  std::filesystem::remove(place.path("tuning.db"));  // a new one tells when the run is under way
  // The worker is stopped, so that the batch at work does not end.
  const Outcome twice =
      place.ditune("--version >/dev/null; " + tune +
                   "worker=$(pgrep -P $!); kill -STOP $worker; kill -TERM $!; sleep 1; kill -0 $! && kill -INT $!; "
                   "wait $!; code=$?; kill -KILL $worker; exit $code");
  CHECK(twice.code == 128 + 2);
}
