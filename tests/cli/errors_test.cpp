// SPDX-License-Identifier: Apache-2.0
// A wrong request is one line on stderr that says what is wrong and what to do, exit code 2, and nothing written.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "catch.hpp"
#include "cli/program.hpp"

namespace {

const std::string kConfig = "mma_s8:tile=128x128x64,warps=2x2,stages=3";

// `first`: as Workplace::ditune's.
void check_refused(const Workplace& place, const std::string& args, const std::string& says,
                   const std::string& first = ":") {
  CAPTURE(args, first);
  const auto before = place.files();
  const Outcome outcome = place.ditune(args, first);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("ditune: error: "));
  CHECK(outcome.err.ends_with(")\n"));
  CHECK(std::ranges::count(outcome.err, '\n') == 1);
  CHECK(outcome.err.find(says) != std::string::npos);
  CHECK(place.files() == before);
}

}  // namespace

TEST_CASE("unknown names are refused") {
  const Workplace place;
  const std::string emit = "emit --shape 128x128x128 --arch sm_86 ";
  check_refused(place, "models sdxl", "unknown model 'sdxl' (known: ideogram4,");
  check_refused(place, "tune --model sdxl --arch sm_86", "unknown model 'sdxl'");
  check_refused(place, "space --model z-image --linear adaln --arch sm_86", "no linear 'adaln' (it has: qkv,");
  check_refused(place, "tune --shape 128x128x128 --arch sm_61", "sm_61");
  check_refused(place, "tune --shape 128x128x128 --arch sm_75", "sm_75 is too old: Turing (ditune needs Ampere, sm_80");
  check_refused(place, "tune --shape 128x128x128 --gpu T4", "T4 is too old: Turing, sm_75 (ditune needs Ampere, sm_80");
  check_refused(place, "lookup --shape 128x128x128 --gpu V100", "V100 is too old: Volta, sm_70 (ditune needs Ampere");
  check_refused(place, "space --shape 128x128x128 --gpu 'RTX 409'", "(did you mean RTX 4090? else use --arch)");
  check_refused(place, "space --shape 128x128x128 --gpu 3090",
                "ambiguous GPU '3090' (name one of RTX 3090, RTX 3090 Ti)");
  check_refused(place, "tune --shape 128x128x128 --arch ampere", "ampere");
  check_refused(place, "tune --shape 128x128x128 --arch sm_86a", "unsupported arch 'sm_86a' (use sm_80, ");
  check_refused(place, "tune --shape 128x128x128 --gpu 'RTX 9990'", "RTX 9990");
  check_refused(place, "tune --shape 128x128x128 --arch sm_86 --epilogue op=gelu2", "gelu2");
  check_refused(place, "tune --shape 128x128x128 --arch sm_86 --epilogue out=s32,bias=f32", "s32");
  check_refused(place, "tune --shape 128x128x128 --arch sm_86 --strategy greedy", "greedy");
  check_refused(place, emit + "--config nope:tile=128x128x64", "nope");
  check_refused(place, emit + "--config " + kConfig + ",colour=red", "colour");
  check_refused(place, emit + "--config mma_s8:tile=128x128x64", "lacks warps");
  check_refused(place, emit + "--config " + kConfig + ",group=-3", "group");
}

TEST_CASE("operations that are none, or that are given twice, are refused") {
  const Workplace place;
  const std::string sound = "gemm_s8:m=64,n=128,k=128";
  for (const std::string& command : {std::string("tune"), std::string("lookup"), "emit --config " + kConfig}) {
    const std::string words = command + " --arch sm_86 --operation ";
    check_refused(place, words + "copy:m=1", "unknown kind of operation 'copy' (use gemm_s8, quantize_s8)");
    check_refused(place, words + "64x128x128", "'64x128x128' is not an operation (write KIND:key=value,...");
    check_refused(place, words + "gemm_s8:m=64,n=128", "the operation has no K");
    check_refused(place, words + sound + ",bias=bf17", "bf17");
    check_refused(place, words + sound + " --epilogue bias=bf16", "--epilogue");
    check_refused(place, words + "''", "--operation");
  }
  const std::string emit = "emit --arch sm_86 --config " + kConfig;
  check_refused(place, emit + " --operation " + sound + " --shape 64x128x128", "--shape");
  check_refused(place, emit, "no operation is given (give --shape MxNxK or --operation TEXT)");
  check_refused(place, "tune --arch sm_86", "--operation TEXT");
}

TEST_CASE("sizes that are no sizes are refused") {
  const Workplace place;
  for (const std::string shape :
       {"0x128x128", "128x0x128", "128x128x0", "-1x128x128", "128x128", "128x128x128x128", "axbxc", "1e3x128x128",
        "99999999999999999999x128x128", "2147483648x128x128", "128x128x131072", "128x128x128.5", "''"}) {
    for (const std::string command : {"tune", "lookup", "space"})
      check_refused(place, command + " --arch sm_86 --shape " + shape, "");
    check_refused(place, "compile --arch sm_86 --config " + kConfig + " --shape " + shape, "");
  }
  check_refused(place, "lookup --arch sm_86 --shape 128x128x131072", "131071");
  check_refused(place, "models ideogram4 --resolution 1000x1024", "multiples of 16");
  check_refused(place, "tune --model ideogram4 --resolution 0x0 --arch sm_86", "'0x0' is not a resolution");
}

TEST_CASE("what a model is not run on is refused") {
  const Workplace place;
  check_refused(place, "models z-image --frames 81", "z-image makes images, not videos (leave --frames out)");
  check_refused(place, "models pixart-xl --text-tokens 9",
                "no linear of pixart-xl in the table takes text tokens (leave ");
  check_refused(place, "models ltx-video --resolution 720x528",
                "720x528 is no resolution of this model (its sides are");
  check_refused(place, "models z-image --batch 0", "--batch cannot be '0' (give a whole number from 1 to 4096)");
  check_refused(place, "tune --arch sm_86 --shape 64x64x64 --batch 2", "--model");
  check_refused(place, "models --text-tokens 2", "name");
}

TEST_CASE("a config that a constraint refuses is refused by its name") {
  const Workplace place;
  for (const std::string command : {"emit", "compile"})
    check_refused(
        place,
        command + " --shape 4096x4096x4096 --arch sm_86 --config mma_s8:tile=256x256x128,warps=4x2,stages=6 -o out",
        "shared_memory");
}

TEST_CASE("numbers and choices of options are checked") {
  const Workplace place;
  const std::string tune = "tune --shape 128x128x128 --arch sm_86 ";
  for (const std::string number : {"1000001", "99999999999999", "99999999999999999999"})
    check_refused(place, tune + "--trials " + number,
                  "--trials " + number + " is too large (give a whole number from 1 to 1000000)");
  check_refused(place, tune + "--budget 99999999999h", "the time '99999999999h' is too large (give at most 1000000 ");
  check_refused(place, "lookup --arch sm_86 --shape 128x99999999999999999999x128",
                "N = 99999999999999999999 is too large (give 1 to 2147483647: ");
  check_refused(place,
                "emit --shape 64x64x64 --arch sm_86 --config mma_s8:tile=128x128x64,warps=2x2,stages=99999999999",
                "value '99999999999' of stages is too large");
  check_refused(place, "models z-image --resolution 99999999999999999999x16",
                "is too large (give at most 1048576 pixels");
  for (const std::string number : {"0", "-4", "many"})
    check_refused(place, tune + "--trials " + number,
                  "--trials cannot be '" + number + "' (give a whole number from 1 to 1000000)");
  for (const std::string number : {"x", "-1", "1.5"})
    check_refused(place, tune + "--seed " + number, "--seed cannot be '" + number + "' (give a whole number from 0 ");
  check_refused(place, "tune --shape 128x128x128 --device abc", "--device cannot be 'abc' (give a whole number");
  check_refused(place, tune + "--budget soon", "'soon' is not a time");
  check_refused(place, tune + "--budget 0s", "'0s' is not a time");
  for (const std::string word : {"ptx", "1"})
    check_refused(place, "export --header t.h --embed " + word,
                  "unknown value '" + word + "' of --embed (use none, source, cubin)");
  check_refused(place, "verify --shape 128x128x128 --arch sm_86 --on tpu",
                "unknown value 'tpu' of --on (use gpu, cpu)");
  check_refused(place, "bench --shape 128x128x128 --arch sm_86 --against cutlass",
                "unknown peer 'cutlass' of --against (use cublaslt, winners, plain, copy, or ");
  check_refused(place, "bench --shape 128x128x128 --regime cool",
                "unknown value 'cool' of --regime (use burst, sustained)");
  check_refused(place, tune + "--progress xml", "unknown value 'xml' of --progress (use text, json)");
  check_refused(place, "bench --shape 128x128x128 --min-clock 0", "--min-clock");
  check_refused(place, "bench --shape 128x128x128 --regime sustained --min-clock 1900", "leave one of the two out");
}

TEST_CASE("shards, regimes and several GPUs are checked before anything is done") {
  const Workplace place;
  const std::string tune = "tune --shape 128x128x128 --arch sm_86 ";
  check_refused(place, tune + "--shard 4/4", "'4/4' is no shard (write I/N with I from 0 to N-1");
  check_refused(place, tune + "--shard 1", "'1' is no shard");
  check_refused(place, tune + "--regime hot", "hot");
  check_refused(place, tune + "--regime sustained", "sustained clocks are measured");
  check_refused(place, "tune --shape 128x128x128 --device all", "no GPU here");
  check_refused(place, "verify --shape 128x128x128 --device all --on cpu", "--device all is for tune and export");
  check_refused(place, "lookup --shape 128x128x128 --device most", "most");
}

TEST_CASE("a word in brackets is a word, and no list of words") {
  const Workplace place;
  for (const std::string option : {"--shape ", "--shape="})
    check_refused(place, "tune --trials 1 --arch sm_86 " + option + "'[8x64x64,9x64x64]'", "'[8x64x64,9x64x64]'");
  check_refused(place, "space --shape 64x64x64 --gpu '[RTX 3090]'", "'[RTX 3090]'");
  check_refused(place, "export --header t.h --arch '[sm_86]'", "'[sm_86]'");
  check_refused(place, "[list]", "unknown command '[list]'");
  check_refused(place, "list [list]", "[list] (see ditune list --help)");
  const std::string tune = "tune --shape 64x64x64 --gpu 'RTX 3090' --trials 1 --db ";
  REQUIRE(place.ditune(tune + "'[a.db]'").code == 0);
  REQUIRE(place.ditune(tune + "a.db").code == 0);
  CHECK(place.ditune("merge n.db '[a.db]' a.db").out.starts_with("[a.db]: 1 trial added"));
  CHECK(place.ditune("list --db='[a.db]'").code == 0);
}

TEST_CASE("an empty value is not an option left out") {
  const Workplace place;
  const std::string tune = "tune --shape 128x128x128 --trials 1 ";
  for (const std::string option : {"--arch", "--gpu", "--db", "--problems", "--epilogue", "--budget"})
    check_refused(place, tune + (option == "--gpu" || option == "--arch" ? "" : "--arch sm_86 ") + option + " ''",
                  "the value of " + option + " is empty (give one or leave it out)");
  check_refused(place, "emit --shape 128x128x128 --arch sm_86 -o '' --config " + kConfig, "--output is empty");
  check_refused(place, "export --header ''", "the value of --header is empty (give one)");
}

TEST_CASE("a command line that does not fit together is refused") {
  const Workplace place;
  check_refused(place, "", "no command is given (ditune --help lists them)");
  check_refused(place, "tun", "unknown command 'tun' (did you mean tune? ditune --help lists them)");
  check_refused(place, "dance --json", "unknown command 'dance' (ditune --help lists them)");
  check_refused(place, "--loud", "unknown command '--loud'");
  check_refused(place, "list --loud", "see ditune list --help");
  check_refused(place, "list --gpu 3090 --gpu 4090", "--gpu is given more than once (give it once)");
  check_refused(place, "tune --arch sm_86", "no layers selected (give --model NAME");
  check_refused(place, "tune --shape 128x128x128 --arch sm_86 --gpu 'RTX 3090'", "--");
  check_refused(place, "tune --shape 128x128x128 --resolution 1024x1024 --arch sm_86", "--model");
  check_refused(place, "emit --shape 128x128x128 --arch sm_86", "--config");
  check_refused(place, "export --embed none", "--header");
}

TEST_CASE("without a GPU, what needs one says so") {
  const Workplace place;
  check_refused(place, "tune --shape 128x128x128", "no GPU here (name the one that is meant");
  check_refused(place, "tune --shape 128x128x128 --device 0", "no GPU 0: 0 are visible");
  for (const std::string target : {"", " --arch sm_86", " --gpu 'RTX 3090'", " --device 0"})
    for (const std::string command : {"verify", "bench"})
      check_refused(place, command + " --shape 128x128x128" + target,
                    "this needs a GPU and none is here (ditune doctor");
}

TEST_CASE("verifying on the CPU needs a target, a variant that it can have, and a compiler") {
  const Workplace place;
  const std::string verify = "verify --on cpu --shape 100x130x80 ";
  check_refused(place, verify, "no GPU here (name the one that is meant: --gpu \"RTX 3090\" or --arch sm_86)");
  check_refused(place, verify + "--arch sm_86 --config mma_s8:tile=256x256x64,warps=4x2,stages=6", "shared_memory");
  check_refused(place, verify + "--arch sm_86 --config fastest", "fastest");
  check_refused(place, "verify --on cpu --arch sm_86", "no layers selected");
  check_refused(place, verify + "--arch sm_86", "(set CXX to ", "export CXX=/nonexistent/cxx");
  check_refused(place, verify + "--arch sm_86", "'false' is no compiler of C++20 (set CXX to ", "export CXX=false");
  check_refused(place, verify + "--arch sm_86", "set XDG_CACHE_HOME", "export XDG_CACHE_HOME=/proc/nowhere");
  check_refused(place, verify + "--arch sm_86", "(set XDG_CACHE_HOME)", "unset XDG_CACHE_HOME HOME");
}

TEST_CASE("a database that is none of ours is refused and left alone") {
  const Workplace place;
  place.write("text.db",
              "this is no database, whatever its name says, and it is longer than a header of one hundred bytes");
  run_sql(place.path("foreign.db"), "CREATE TABLE t(x)");
  std::filesystem::create_directory(place.path("folder.db"));
  place.ditune("tune --shape 64x64x64 --arch sm_86 --trials 1 --db newer.db");
  run_sql(place.path("newer.db"), "PRAGMA user_version = 99; PRAGMA journal_mode = DELETE");
  for (const std::string file : {"text.db", "foreign.db", "folder.db", "newer.db"}) {
    const std::string before = place.read(file);
    for (const std::string command : {"tune --shape 64x64x64 --arch sm_86 --trials 1", "list", "show",
                                      "lookup --shape 64x64x64 --arch sm_86", "export --header tuned.h"})
      check_refused(place, command + " --db " + file, file);
    CHECK(place.read(file) == before);
  }
  for (const std::string command : {"list", "lookup --shape 64x64x64 --arch sm_86"})
    check_refused(place, command + " --db missing.db", "missing.db");
}

TEST_CASE("a database that cannot be reached is not taken for one that is not there, wherever its name is from") {
  const Workplace place;
  std::filesystem::create_symlink("loop.db", place.path("loop.db"));
  std::filesystem::create_symlink("nowhere/t.db", place.path("astray.db"));
  std::filesystem::create_symlink("tuning.db", place.path("tuning.db"));
  const std::string says = " cannot be reached: Too many levels of symbolic links (";
  for (const std::string command : {"list", "show", "lookup --shape 64x64x64 --arch sm_86", "export --header t.h",
                                    "tune --shape 64x64x64 --arch sm_86 --trials 1"}) {
    check_refused(place, command + " --db loop.db", "loop.db" + says);
    check_refused(place, command, "tuning.db" + says);  // $DITUNE_DB
    check_refused(place, command + " --db astray.db", "nowhere/t.db, whose folder is not there (make that folder");
  }
}

TEST_CASE("a database by the name of a folder is refused, and no folder is left") {
  const Workplace place;
  REQUIRE(place.ditune("tune --shape 64x64x64 --arch sm_86 --trials 1 --db a.db").code == 0);
  const std::string too_long(300, 'x');
  check_refused(place, "tune --shape 64x64x64 --arch sm_86 --trials 1 --db newdir/", "newdir/ is the name of a folder");
  check_refused(place, "merge newdir/ a.db", "newdir/ is the name of a folder (name a file)");
  check_refused(place, "merge " + too_long + " a.db", "cannot be reached: File name too long (");
  check_refused(place, "merge newdir/" + too_long + " a.db", too_long);
}

TEST_CASE("an output path that cannot be written is refused before anything is done") {
  const Workplace place;
  const std::string variant = " --shape 128x128x128 --arch sm_86 --config " + kConfig;
  std::filesystem::create_symlink("loop", place.path("loop"));
  std::filesystem::create_symlink("nowhere/file", place.path("astray"));
  for (const std::string& path :
       {std::string("nowhere/file"), std::string("."), std::string("/proc/file"), std::string("loop"),
        std::string("loop/file"), std::string("astray"), std::string(300, 'x')}) {
    check_refused(place, "emit" + variant + " -o " + path, path);
    check_refused(place, "compile" + variant + " -o " + path, path);
    check_refused(place, "export --header " + path, path);
  }
  check_refused(place, "tune --shape 64x64x64 --arch sm_86 --trials 1 --db /proc/nowhere/tuning.db", "/proc/nowhere");
}

TEST_CASE("a bad line of a CSV file is named") {
  const Workplace place;
  const auto refused = [&](const std::string& text, const std::string& says) {
    place.write("list.csv", text);
    check_refused(place, "tune --arch sm_86 --problems list.csv", says);
  };
  refused("m,n,k,epilogue\n128,128,128,default\n128,oops,128,default\n", "list.csv line 3: ");
  refused("m,n,k\n128,128\n", "list.csv line 2: 2 fields where the header has 3");
  refused("m,n,k,epilogue\n128,128,128,bias=bf17\n", "list.csv line 2: ");
  refused("m,n,k\n128,128,131072\n", "list.csv line 2: ");
  refused("m,n\n", "list.csv line 1: no column 'k'");
  refused("", "list.csv line 1: no header");
  refused("m,n,k,M\n128,128,128,128\n", "list.csv line 1: two columns are named 'm'");
  refused("m,n,k\n\"10\"24,64,64\n", "list.csv line 2: column 1 has '24' behind its closing quote (");
  refused("m,n,k\n", "list.csv has no problems");
  check_refused(place, "tune --arch sm_86 --problems nowhere.csv", "nowhere.csv");
  check_refused(place, "tune --arch sm_86 --problems .", "cannot read .");
  check_refused(place, "tune --arch sm_86 --problems - </dev/null", "standard input line 1: no header");
}

TEST_CASE("an output that cannot be finished leaves what was there") {
  const Workplace place;
  place.write("kernel.cu", "old");
  // As on a full disk: a file may have 8 blocks.
  const Outcome outcome = place.ditune(
      "emit --shape 128x128x128 --arch sm_86 --standalone -o kernel.cu --config " + kConfig, "ulimit -f 8");
  CHECK(outcome.code == 3);
  CHECK(outcome.err.starts_with("ditune: error: writing kernel.cu failed: "));
  CHECK(place.read("kernel.cu") == "old");
  CHECK(place.files() == std::vector<std::string>{"kernel.cu"});
}

TEST_CASE("where there is no place for a database, none is looked up, and what needs one says so") {
  const Workplace place;
  // Workplace sets $DITUNE_DB for the first command alone; the one behind it says into files what it says.
  const auto run = [&](const std::string& args) {
    return place.ditune("--version >/dev/null; " DITUNE_PROGRAM " " + args, "unset HOME XDG_DATA_HOME DITUNE_DB");
  };
  const Outcome outcome = run("lookup --shape 64x64x64 --arch sm_86 >lookup.txt");
  CHECK(outcome.code == 0);
  CHECK(place.read("lookup.txt").find(" model ") != std::string::npos);
  for (const std::string command : {"list", "show --json", "export --header t.h", "tune --shape 8x8x8 --arch sm_86"})
    CHECK(run(command + " 2>said.txt").code == 2);
  CHECK(place.read("said.txt").find("(name it with --db FILE)") != std::string::npos);
}

TEST_CASE("a machine that fails is exit code 3") {
  const Workplace place;
  const Outcome full = place.ditune("models >/dev/full");
  CHECK(full.code == 3);
  CHECK(full.err.starts_with("ditune: error: cannot write to standard output ("));
}
