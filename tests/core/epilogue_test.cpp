// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("an epilogue's keys are canonical in print and free in order when read") {
  CHECK(format(Epilogue{}) == "default");
  CHECK(parse_epilogue("default") == Epilogue{});
  CHECK(format(parse_epilogue("out=f16,bias=f32,sw=tensor,sx=tensor")) == "sx=tensor,sw=tensor,bias=f32,out=f16");
  CHECK(format(parse_epilogue("sx=token,sw=channel,bias=none,op=none,out=bf16")) == "default");
  CHECK(format(parse_epilogue("from=0,residual=none,gate=none")) == "default");
  CHECK(format(parse_epilogue("out=f32,gate=index,residual=f16,from=9216,op=gelu_erf,bias=bf16")) ==
        "bias=bf16,op=gelu_erf,from=9216,residual=f16,gate=index,out=f32");
}

TEST_CASE("every epilogue is there once and is read back") {
  const std::vector<Epilogue> all = all_epilogues();
  std::set<std::string> texts;
  bool are_read_back = true, are_legal = true;
  for (const Epilogue& epilogue : all) {
    are_read_back &= parse_epilogue(format(epilogue)) == epilogue;
    are_legal &= error_of([&] { validate(epilogue); }) == "no error";
    texts.insert(format(epilogue));
  }
  CHECK(are_read_back);
  CHECK(are_legal);
  CHECK(texts.size() == all.size());
  // Scales and biases of three float outputs: any op of single columns with any residual and gate, or swiglu alone.
  CHECK(all.size() == 2 * 2 * 4 * 3 * (5 * (1 + 3 * 4) + 1) + 1);
}

TEST_CASE("every value of an enum is in some epilogue") {
  const std::vector<Epilogue> all = all_epilogues();
  const auto has = [&](auto is_so) { return std::ranges::any_of(all, is_so); };
  for (const char* op : {"none", "gelu_tanh", "gelu_erf", "silu", "sigmoid", "swiglu"})
    CHECK(has([&](const Epilogue& e) { return word(e.op) == op; }));
  for (const char* residual : {"none", "bf16", "f16", "f32"})
    CHECK(has([&](const Epilogue& e) { return word(e.residual) == residual; }));
  for (const char* gate : {"none", "channel", "table", "index"})
    CHECK(has([&](const Epilogue& e) { return word(e.gate) == gate; }));
}

TEST_CASE("the first column of an op is read as it is written, whatever else is fused") {
  int with_columns = 0;
  bool are_read_back = true;
  for (Epilogue epilogue : all_epilogues()) {
    if (epilogue.op == EpilogueOp::none || epilogue.op == EpilogueOp::swiglu) continue;
    epilogue.from = 1 + 331 * with_columns++;
    are_read_back &= parse_epilogue(format(epilogue)) == epilogue;
  }
  CHECK(are_read_back);
  CHECK(with_columns == 2 * 2 * 4 * 3 * 4 * (1 + 3 * 4));
  CHECK(format({.op = EpilogueOp::silu, .from = 2147483647}) == "op=silu,from=2147483647");
  CHECK(parse_epilogue("op=silu,from=2147483647").from == 2147483647);
  for (const char* from : {"-1", "2147483648", "", "x", "1.0", "+1", " 1"}) {
    INFO(from);
    CHECK_THROWS_AS(parse_epilogue(std::string("op=silu,from=") + from), UsageError);
  }
}

TEST_CASE("epilogues that mean nothing are refused") {
  for (const char* text : {"", ",", "bias", "bias=", "bias=bf16,", "bias=bf16,bias=bf16", "colour=red", "out=s8",
                           "op=gelu", "Bias=bf16", "default,bias=bf16"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_epilogue(text), UsageError);
  }
}

TEST_CASE("an int32 output takes nothing else") {
  for (const char* text : {"sx=tensor", "sx=token", "sw=tensor", "sw=channel", "bias=bf16", "op=silu", "op=swiglu",
                           "op=silu,from=8", "residual=bf16", "residual=f32,gate=channel"}) {
    INFO(text);
    CHECK(error_of([&] { parse_epilogue(std::string(text) + ",out=s32"); }) ==
          "out=s32 is the accumulator itself (leave out sx, sw, bias, op, from, residual and gate, or choose another "
          "out)");
  }
  CHECK_NOTHROW(parse_epilogue("out=s32,bias=none,op=none,from=0,residual=none,gate=none"));
}

TEST_CASE("what makes no sense together is refused by name") {
  const auto refused = [](const char* text) { return error_of([&] { parse_epilogue(text); }); };
  CHECK(refused("from=8") == "from=8 with op=none (it is for an op of single columns, like gelu_tanh)");
  CHECK(refused("op=swiglu,from=8") == "from=8 with op=swiglu (it is for an op of single columns, like gelu_tanh)");
  CHECK(refused("op=swiglu,residual=bf16") ==
        "a residual behind swiglu (leave out one of them: no block of a model has both)");
  CHECK(refused("gate=channel") == "gate=channel without a residual (give the residual's type, or no gate)");
  CHECK(refused("op=silu,gate=table") == "gate=table without a residual (give the residual's type, or no gate)");
  CHECK(refused("op=swiglu,gate=index") == "gate=index without a residual (give the residual's type, or no gate)");
  CHECK(error_of([] { validate(Epilogue{.op = EpilogueOp::silu, .from = -1}); }) ==
        "from = -1 is below 0 (give the first column of the op)");
}

TEST_CASE("an unknown value names the known ones") {
  CHECK_THROWS_WITH(parse_epilogue("bias=int8"), "unknown value 'int8' of bias (use none, f32, bf16, f16)");
  CHECK_THROWS_WITH(parse_epilogue("boas=bf16"),
                    "unknown key 'boas' in the epilogue (use sx, sw, bias, op, from, residual, gate, out)");
  CHECK_THROWS_WITH(parse_epilogue("op=gelu"),
                    "unknown value 'gelu' of op (use none, gelu_tanh, gelu_erf, silu, sigmoid, swiglu)");
  CHECK_THROWS_WITH(parse_epilogue("residual=s8"), "unknown value 's8' of residual (use none, bf16, f16, f32)");
  CHECK_THROWS_WITH(parse_epilogue("gate=token"), "unknown value 'token' of gate (use none, channel, table, index)");
}
