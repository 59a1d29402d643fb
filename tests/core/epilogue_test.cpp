// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include <set>

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("an epilogue's keys are canonical in print and free in order when read") {
  CHECK(format(Epilogue{}) == "default");
  CHECK(parse_epilogue("default") == Epilogue{});
  CHECK(format(parse_epilogue("out=f16,bias=f32,sw=tensor,sx=tensor")) == "sx=tensor,sw=tensor,bias=f32,out=f16");
  CHECK(format(parse_epilogue("sx=token,sw=channel,bias=none,op=none,out=bf16")) == "default");
}

TEST_CASE("every epilogue is there once and is read back") {
  const std::vector<Epilogue> all = all_epilogues();
  std::set<std::string> texts;
  for (const Epilogue& epilogue : all) {
    INFO(format(epilogue));
    CHECK(parse_epilogue(format(epilogue)) == epilogue);
    texts.insert(format(epilogue));
  }
  CHECK(texts.size() == all.size());
  CHECK(all.size() == 2 * 2 * 4 * 3 + 1);
}

TEST_CASE("epilogues that mean nothing are refused") {
  for (const char* text : {"", ",", "bias", "bias=", "bias=bf16,", "bias=bf16,bias=bf16", "colour=red", "out=s8",
                           "op=gelu", "Bias=bf16", "default,bias=bf16"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_epilogue(text), UsageError);
  }
}

TEST_CASE("an int32 output takes neither scales nor a bias") {
  CHECK_THROWS_AS(parse_epilogue("out=s32,bias=bf16"), UsageError);
  CHECK_THROWS_AS(parse_epilogue("sx=tensor,out=s32"), UsageError);
  CHECK_THROWS_AS(parse_epilogue("sx=token,out=s32"), UsageError);
}

TEST_CASE("an unknown value names the known ones") {
  CHECK_THROWS_WITH(parse_epilogue("bias=int8"), "unknown value 'int8' of bias (use none, f32, bf16, f16)");
  CHECK_THROWS_WITH(parse_epilogue("boas=bf16"), "unknown key 'boas' in the epilogue (use sx, sw, bias, op, out)");
}
