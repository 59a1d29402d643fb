#include "ditune/epilogue.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("an epilogue's keys are canonical in print and free in order when read") {
  CHECK(format(Epilogue{}) == "default");
  CHECK(parse_epilogue("default") == Epilogue{});
  CHECK(format(parse_epilogue("out=f16,bias=f32,sw=tensor,sx=tensor")) == "sx=tensor,sw=tensor,bias=f32,out=f16");
  CHECK(format(parse_epilogue("sx=token,sw=channel,bias=none,op=none,out=bf16")) == "default");
}

TEST_CASE("every epilogue is read back") {
  for (const ScaleX sx : {ScaleX::token, ScaleX::tensor})
    for (const ScaleW sw : {ScaleW::channel, ScaleW::tensor})
      for (const Bias bias : {Bias::none, Bias::f32, Bias::bf16, Bias::f16})
        for (const Output out : {Output::bf16, Output::f16, Output::f32}) {
          const Epilogue epilogue{.sx = sx, .sw = sw, .bias = bias, .out = out};
          INFO(format(epilogue));
          CHECK(parse_epilogue(format(epilogue)) == epilogue);
        }
  CHECK(parse_epilogue("out=s32") == Epilogue{.out = Output::s32});
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
