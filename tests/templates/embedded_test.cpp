// SPDX-License-Identifier: Apache-2.0
#include "templates/embedded.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "catch.hpp"

using namespace ditune;

namespace {

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("every template is embedded as it is on disk") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(DITUNE_SOURCE_DIR "/templates")) {
    if (entry.path().extension() != ".cuh") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    CHECK(embedded_template(entry.path().filename().string()) == text.str());
    ++files;
  }
  CHECK(files == embedded_templates().size());
}

TEST_CASE("a template that is not there is an error") {
  CHECK_THROWS_AS(embedded_template("cute.cuh"), std::out_of_range);
}

TEST_CASE("inlining puts each embedded file in once and leaves other includes alone") {
  const std::string text = inline_templates(
      "#pragma once\n#include <cstdint>\n  # include \"launch_plan.cuh\"\n#include \"elsewhere.hpp\"\n"
      "#include \"mma_s8_config.cuh\"  // includes launch_plan.cuh, too\nint x;");
  CHECK(count(text, "struct LaunchPlan") == 1);
  CHECK(count(text, "struct MmaS8Config") == 1);
  CHECK(count(text, "struct Epilogue {") == 1);
  CHECK(count(text, "#pragma once") == 0);
  CHECK(count(text, "SPDX") == 0);
  CHECK(count(text, "#include <cstdint>\n") == 1);
  CHECK(count(text, "#include \"elsewhere.hpp\"\n") == 1);
  CHECK(count(text, "#include") + count(text, "# include") == 2);
  CHECK(text.find("struct LaunchPlan") < text.find("struct MmaS8Config"));
  CHECK(text.ends_with("int x;"));
}

TEST_CASE("stripping removes comments, blank lines and trailing blanks") {
  CHECK(strip_comments("int a;  // one\n\n/* two\n lines */\nint b/**/c;\t\n") == "int a;\nint b c;\n");
  CHECK(strip_comments("a;\n/* open") == "a;\n");
  CHECK(strip_comments("a; // last") == "a;\n");
}

TEST_CASE("stripping leaves literals alone") {
  for (const std::string code : {
           R"(s = "// no /* comment";)",
           R"(s = "quote \" // still";)",
           R"(c = '"'; d = '\''; e = "//";)",
           R"(n = 1'000'000; s = "//";)",
           R"--(r = R"x(" // )" )x"; s = "//";)--",
       }) {
    CHECK(strip_comments(code) == code + "\n");
    CHECK(strip_comments(code + " // gone") == code + "\n");
  }
}

TEST_CASE("a template hash is 16 hex digits over the family's own text") {
  const std::string hash = template_hash("mma_s8");
  CHECK(hash.size() == 16);
  CHECK(hash.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(hash != template_hash("mma_s8_config"));
  CHECK_THROWS_AS(template_hash("mma_s4"), std::out_of_range);
}
