// SPDX-License-Identifier: Apache-2.0
// What becomes of results and messages that cannot be written, and of bytes that a terminal would obey.
#include <filesystem>
#include <utility>

#include "catch.hpp"
#include "cli/program.hpp"

namespace {

// Standard files that take nothing: closed, a full disk, and with kBrokenPipe before it a pipe that nobody reads.
const std::string kBrokenPipe = "mkfifo pipe && { : <pipe & } && exec 9>pipe && wait && rm pipe";
const std::vector<std::string> kUnwritable{"&-", "/dev/full", "&9"};
constexpr int kBySigpipe = 128 + 13;

const std::string kTune = "tune --shape 64x64x64 --arch sm_86 --trials 1";

}  // namespace

TEST_CASE("a message that cannot be written is dropped, and the exit code stays what it was") {
  const Workplace place;
  for (const std::string& to : kUnwritable) {
    CAPTURE(to);
    CHECK(place.ditune("list 2>" + to, kBrokenPipe).code == 1);
    CHECK(place.ditune("list --db nope 2>" + to, kBrokenPipe).code == 2);
    CHECK(place.ditune("models >/dev/full 2>" + to, kBrokenPipe).code == 3);
    const std::string name = "new" + to.substr(to.size() - 1) + ".db";
    CHECK(place.ditune(kTune + " --db " + name + " 2>" + to, kBrokenPipe).code == 0);
    CHECK(place.ditune(kTune + " --db " + name + " 2>" + to, kBrokenPipe).code == 0);  // says that it was tuned before
    CHECK(place.ditune("list --db " + name).code == 0);
  }
}

TEST_CASE("a result that cannot be written is an error, but where nobody reads on: that ends the program by SIGPIPE") {
  const Workplace place;
  CHECK(place.ditune(kTune).code == 0);
  const std::string space = "space --shape 4096x4096x4096 --arch sm_90";  // more than a buffer holds
  for (const std::string& to : kUnwritable) {
    for (const std::string& command : {std::string("--version"), std::string("--help"), std::string("tune --help"),
                                       std::string("models"), std::string("list"), std::string("list --json"), space}) {
      CAPTURE(to, command);
      const Outcome outcome = place.ditune(command + " >" + to, kBrokenPipe);
      if (to == "&9") {
        CHECK(outcome.code == kBySigpipe);
        CHECK(outcome.err.empty());
        continue;
      }
      CHECK(outcome.code == 3);
      CHECK(outcome.err.starts_with("ditune: error: cannot write to standard output ("));
      CHECK(outcome.err.ends_with(")\n"));
    }
  }
}

TEST_CASE("an output file that is standard output, which is closed, is an error") {
  const Workplace place;
  REQUIRE(place.ditune("tune --shape 64x64x64 --gpu 'RTX 3090' --trials 1").code == 0);
  for (const std::string command : {"export --embed none --header", "report -o"}) {
    const Outcome outcome = place.ditune(command + " /dev/stdout >&-");
    CAPTURE(command);
    CHECK(outcome.code == 3);
    CHECK(outcome.err.starts_with("ditune: error: cannot write to standard output ("));
    CHECK(place.ditune(command + " /dev/null >&-").code != 2);
  }
}

TEST_CASE("an output file keeps its mode, and a link to it stays one, whether or not it is there") {
  const Workplace place;
  const std::string emit =
      "emit --shape 128x128x128 --arch sm_86 --config mma_s8:tile=128x128x64,warps=2x2,stages=3 -o ";
  const auto mode = [&](const std::string& name) {
    return static_cast<unsigned>(std::filesystem::status(place.path(name)).permissions());
  };
  for (const auto& [name, old] : {std::pair("private.cu", 0600U), std::pair("fixed.cu", 0444U)}) {
    place.write(name, "old");
    std::filesystem::permissions(place.path(name), std::filesystem::perms(old));
    CHECK(place.ditune(emit + name, "umask 022").code == 0);
    CHECK(place.read(name) != "old");
    CHECK(mode(name) == old);
  }
  CHECK(place.ditune(emit + "new.cu", "umask 027").code == 0);
  CHECK(mode("new.cu") == 0640);
  std::filesystem::create_directory(place.path("there"));
  std::filesystem::create_symlink("there/kernel.cu", place.path("link.cu"));
  for (int time = 0; time < 2; ++time) {
    CHECK(place.ditune(emit + "link.cu").code == 0);
    CHECK(std::filesystem::is_symlink(place.path("link.cu")));
    CHECK(place.read("there/kernel.cu") == place.read("new.cu"));
  }
}

TEST_CASE("a file that is opened does not become a standard file that was closed") {
  const Workplace place;
  CHECK(place.ditune(kTune + " <&- 2>&- >&-").code == 3);  // its table
  CHECK(place.ditune(kTune + " <&- 2>&-").code == 0);
  const Outcome listed = place.ditune("list");
  CHECK(listed.code == 0);
  CHECK(listed.err.empty());
}

TEST_CASE("no path reaches a terminal with its control characters") {
  const Workplace place;
  const std::string path = "\"$(printf 'red\\033[31m\\302\\233.db')\"";  // ESC, and the C1 control U+009B
  const auto escaped = [&](const std::string& args, bool says_path = true) {
    const Outcome outcome = place.ditune(args);
    CAPTURE(args, outcome.out, outcome.err);
    for (const std::string& text : {outcome.out, outcome.err})
      for (const std::string control : {"\033", "\302\233"}) CHECK(text.find(control) == std::string::npos);
    const bool said = (outcome.out + outcome.err).find("red\\x1b[31m\\xc2\\x9b") != std::string::npos;
    CHECK(said == says_path);
  };
  escaped(kTune + " --db " + path);
  escaped("list --shape 9x9x9 --db " + path);
  escaped("show --failures --shape 9x9x9 --db " + path, false);
  escaped("doctor --db " + path);
  escaped("export --embed none --header " + path + ".h --db " + path);
  escaped("merge tuning.db " + path);
  escaped("emit --shape 9x9x9 --arch sm_86 --config x -o " + path, false);
  escaped("tune --shape 9x9x9 --db " + path + "/nowhere", false);
}
