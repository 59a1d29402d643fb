// SPDX-License-Identifier: Apache-2.0
// What becomes of results and messages that cannot be written, and of bytes that a terminal would obey.
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
