// SPDX-License-Identifier: Apache-2.0
// ditune verify --on cpu.
#include <algorithm>

#include "catch.hpp"
#include "cli/program.hpp"

namespace {

const std::string kConfig = "mma_s8:tile=64x64x64,warps=2x2,stages=3";
const std::string kVerify = "verify --on cpu --shape 100x130x80 --arch sm_80 ";

// Makes cxx in the folder: the C++ compiler, behind a script that is run before each object is made, in the folder of
// its source, kernel.cpp. Returns what has ditune use it.
std::string use_compiler(const Workplace& place, const std::string& before) {
  place.write("cxx", "#!/bin/sh\nfor source; do :; done\ncase \"$*\" in *-shared*) (cd \"$(dirname \"$source\")\" && " +
                         before + ") || exit 1 ;; esac\nexec " DITUNE_CXX " \"$@\"\n");
  return "chmod +x cxx && export CXX=\"$PWD/cxx\"";
}

}  // namespace

TEST_CASE("verify on the CPU proves a variant for a GPU that is not here") {
  const Workplace place;
  for (const std::string target : {"--arch sm_80", "--gpu H100"}) {
    CAPTURE(target);
    const Outcome outcome =
        place.ditune("verify --on cpu --shape 100x130x80 --epilogue bias=f32 --config " + kConfig + " " + target);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
    CHECK(outcome.out ==
          "PROBLEM     FUSED     VARIANT                                  RESULT\n"
          "100x130x80  bias=f32  " +
              kConfig + "  ok (emulated at 100x66x80)\n");
  }
  CHECK(place.files().empty());
  CHECK(std::ranges::distance(std::filesystem::directory_iterator(place.cache() / "ditune" / "host")) == 1);
}

TEST_CASE("without a size to cut, verify says no other") {
  const Outcome outcome = Workplace().ditune("verify --on cpu --shape 33x66x80 --arch sm_90 --config " + kConfig);
  CHECK(outcome.code == 0);
  CHECK(outcome.out.ends_with("  ok\n"));
}

TEST_CASE("verify runs what lookup finds, or all variants, and sums them up") {
  const Workplace place;
  const Outcome best = place.ditune("verify --on cpu --shape 17x24x80 --arch sm_86");
  CHECK(best.code == 0);
  CHECK(best.out.find("  mma_s8:tile=") != std::string::npos);
  const Outcome all = place.ditune("verify --on cpu --shape 17x24x80 --shape 16x8x40 --arch sm_86 --config all");
  CAPTURE(all.out, all.err);
  CHECK(all.code == 0);
  CHECK(all.out.find(" variants") != std::string::npos);
  CHECK(std::ranges::count(all.out, '\n') >= 3);
}

TEST_CASE("where the compiler has no folder for temporary files, the folder is to blame") {
  const Workplace place;
  // As g++ and clang++ do where they cannot make a file there, whoever runs them.
  const std::string compiler = use_compiler(place, "test \"$TMPDIR\" != /proc");
  const Outcome failed = place.ditune(kVerify + "--config " + kConfig, compiler + " && export TMPDIR=/proc");
  CAPTURE(failed.err);
  CHECK(failed.code == 3);
  CHECK(failed.err.starts_with("ditune: error: the C++ compiler cannot write temporary files to /proc: "));
  CHECK(failed.err.ends_with(" (set TMPDIR to a folder that has room and can be written)\n"));
  // Any other failure is the compiler's.
  const std::string broken = use_compiler(place, "false");
  CHECK(place.ditune(kVerify + "--config " + kConfig, broken).err.find(" does not compile with ") != std::string::npos);
}

TEST_CASE("a wrong kernel is exit code 1, and the result says what is wrong") {
  const Workplace place;
  const std::string without_the_end_of_k =
      "sed -i 's/(args);/([\\&] { ditune::GemmArgs a = args; a.k -= 16; return a; }());/' kernel.cpp";
  const Outcome outcome = place.ditune(kVerify + "--config " + kConfig, use_compiler(place, without_the_end_of_k));
  CAPTURE(outcome.out, outcome.err);
  CHECK(outcome.code == 1);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.find(" of 6600 outputs wrong, the first at row 0, column 0: 0x") != std::string::npos);
  CHECK(outcome.out.find(" is right (emulated at 100x66x80)\n") != std::string::npos);
}

TEST_CASE("a failure names the case of operands that shows it, and that case can be run alone") {
  const Workplace place;
  const std::string cxx = use_compiler(place, "sed -i 's/w(args.ldw, thread)/w(args.ldx, thread)/' mma_s8_load.cuh");
  for (const std::string which : {"", "--case all ", "--case padded "}) {
    const Outcome outcome = place.ditune(kVerify + which + "--config " + kConfig, cxx);
    CAPTURE(which, outcome.out, outcome.err);
    CHECK(outcome.code == 1);
    CHECK(outcome.out.ends_with(" (case padded, emulated at 100x66x80)\n"));
  }
  CHECK(place.ditune(kVerify + "--case plain --config " + kConfig, cxx).code == 0);
  const Outcome unknown = place.ditune(kVerify + "--case wild --config " + kConfig);
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("plain, padded, odd, extreme, far") != std::string::npos);
}

TEST_CASE("a fault is exit code 1, and the result is its sentence") {
  const Workplace place;
  const Outcome outcome = place.ditune(kVerify + "--config " + kConfig,
                                       use_compiler(place, "sed -i 's/copy_async_wait<[^>]*>();//' mma_s8.cuh"));
  CAPTURE(outcome.out, outcome.err);
  CHECK(outcome.code == 1);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.find("mma_s8_tile_64x64x64_warps_2x2_stages_3: ") != std::string::npos);
  CHECK(outcome.out.find("load_matrix_x4") != std::string::npos);
}

TEST_CASE("a kernel that the host's compiler refuses is exit code 3") {
  const Workplace place;
  const Outcome outcome = place.ditune(kVerify + "--config " + kConfig, use_compiler(place, "false"));
  CHECK(outcome.code == 3);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("ditune: error: mma_s8_"));
  CHECK(std::ranges::count(outcome.err, '\n') == 1);
}

TEST_CASE("bank conflicts are told by their place in the source, with the variant that has the most") {
  const Workplace place;
  CHECK(place.ditune(kVerify + "--config " + kConfig).out.find("Bank conflicts") == std::string::npos);
  const Outcome outcome =
      place.ditune(kVerify + "--config " + kConfig,
                   use_compiler(place, "sed -i 's/(chunk ^ swizzle(row, pitch))/chunk/' layout.cuh"));
  CAPTURE(outcome.out, outcome.err);
  CHECK(outcome.code == 0);  // slow, not wrong
  CHECK(outcome.out.find("\n\nBank conflicts in shared memory:\nWRAPPER         SITE  ") != std::string::npos);
  CHECK(outcome.out.find("\nload_matrix_x4  mma_s8.cuh:") != std::string::npos);
  CHECK(outcome.out.ends_with("  " + kConfig + "\n"));
}

TEST_CASE("doctor tells the C++ compiler, or what it lacks") {
  const Workplace place;
  CHECK(place.ditune("doctor").out.find("C++ compiler  ") != std::string::npos);
  const Outcome without = place.ditune("doctor", "export CXX=/nonexistent/cxx");
  CHECK(without.code == 0);
  CHECK(without.out.find("/nonexistent/cxx does not run") != std::string::npos);
}
