// SPDX-License-Identifier: Apache-2.0
// Which problems a command works on: of models, shapes, files, operations, and long lists of them.
#include "catch.hpp"
#include "cli/json.hpp"
#include "cli/program.hpp"

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
        "adaln             1  18432    512  bias=bf16                                                   68\n"
        "llm_cond       2048   4608  53248  bias=bf16                                                    1\n"
        "llm_cond_norm  6144         53248  norm=rms,weight=plain,out=bf16                               1\n"
        "llm_cond_norm  4096         53248  norm=rms,weight=plain,out=bf16                               1\n"
        "input          6144   4608    128  bias=bf16                                                    1\n"
        "input          4096   4608    128  bias=bf16                                                    1\n"
        "final          6144    128   4608  bias=bf16                                                    1\n"
        "final          4096    128   4608  bias=bf16                                                    1\n");
  CHECK(Workplace().ditune("models").out.find("flux2-klein-9b  double_qkv double_qk double_o") != std::string::npos);
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
