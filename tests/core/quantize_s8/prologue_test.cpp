// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <string>

#include "catch.hpp"
#include "core/quantize_s8/prologue_fields.hpp"
#include "ditune/error.hpp"
#include "ditune/quantize.hpp"
#include "error_of.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::string refused(const char* text) {
  return error_of([&] { parse_prologue(text); });
}

template <class Enum>
void choose(Enum& value, int values, std::mt19937& engine) {
  value = static_cast<Enum>(engine() % static_cast<unsigned>(values));
}

// Any values of the fields, most of which make no sense together.
Prologue random_prologue(std::mt19937& engine) {
  Prologue p;
  const auto seldom = [&](auto& value, int values) {
    if (engine() % 2 == 0) choose(value, values, engine);
  };
  seldom(p.x, 3), seldom(p.residual, 4), seldom(p.norm, 4), seldom(p.weight, 3), seldom(p.bias, 2);
  seldom(p.modulate, 4), seldom(p.table, 3), seldom(p.act, 6), seldom(p.smooth, 2);
  seldom(p.parameters, 2), seldom(p.scale, 2), seldom(p.out, 3);
  p.rotate = Fields<Prologue>::kGroups.at(engine() % 4);
  p.head = Fields<Prologue>::kHeads.at(engine() % 6), seldom(p.rope, 3);
  if (engine() % 4 == 0) p.split = static_cast<int>(engine() % 131071);
  return p;
}

}  // namespace

TEST_CASE("a prologue's keys are canonical in print and free in order when read") {
  CHECK(format(Prologue{}) == "default");
  CHECK(parse_prologue("default") == Prologue{});
  CHECK(format(parse_prologue("norm=rms,x=f32,residual=add")) == "x=f32,residual=add,norm=rms");
  CHECK(format(parse_prologue("x=bf16,residual=none,norm=none,weight=none,bias=none,modulate=none,table=all,act=none,"
                              "split=0,smooth=off,rotate=1,parameters=same,scale=token,out=s8,head=0,rope=none")) ==
        "default");
  CHECK(format(parse_prologue("out=f16,parameters=f32,rotate=256,smooth=on,act=gelu_erf,table=index,"
                              "modulate=scale1_shift,bias=plain,weight=plus_one,norm=layer,residual=gate_rms,x=f16")) ==
        "x=f16,residual=gate_rms,norm=layer,weight=plus_one,bias=plain,modulate=scale1_shift,table=index,act=gelu_erf,"
        "smooth=on,rotate=256,parameters=f32,out=f16");
  CHECK(format(parse_prologue("scale=tensor,act=swiglu,split=131070")) == "act=swiglu,split=131070,scale=tensor");
}

TEST_CASE("every word of a prologue is read as it is written") {
  for (const char* text : {"x=f16",
                           "x=f32",
                           "residual=add",
                           "residual=gate",
                           "residual=gate_rms",
                           "norm=rms",
                           "norm=layer",
                           "norm=rms_head,head=128",
                           "head=16,rope=half",
                           "norm=rms,weight=plain,head=256,rope=pairs",
                           "norm=rms,weight=plain",
                           "norm=rms,weight=plus_one",
                           "norm=layer,weight=plain,bias=plain",
                           "modulate=scale",
                           "modulate=scale1",
                           "modulate=scale1_shift",
                           "modulate=scale,table=image",
                           "residual=gate,table=index",
                           "act=gelu_tanh",
                           "act=gelu_erf",
                           "act=silu",
                           "act=swiglu",
                           "act=swiglu_interleaved",
                           "split=1",
                           "smooth=on",
                           "rotate=16",
                           "rotate=64",
                           "rotate=256",
                           "parameters=f32",
                           "scale=tensor",
                           "out=bf16",
                           "out=f16"})
    CHECK(format(parse_prologue(text)) == text);
}

TEST_CASE("a prologue that validate accepts is read back, and one that it refuses is not read") {
  std::mt19937 engine(1);
  int legal = 0;
  bool are_right = true;
  for (int i = 0; i < 20000; ++i) {
    const Prologue p = random_prologue(engine);
    const std::string why = error_of([&] { validate(p); });
    if (why == "no error") {
      ++legal;
      are_right &= parse_prologue(format(p)) == p;
    } else {
      are_right &= refused(format(p).c_str()) == why;
    }
  }
  CHECK(are_right);
  CHECK(legal > 1000);
}

TEST_CASE("prologues that mean nothing are refused") {
  for (const char* text : {"", ",", "norm", "norm=", "norm=rms,", "norm=rms,norm=rms", "colour=red", "out=s32",
                           "act=gelu", "Norm=rms", "default,norm=rms", "rotate=4", "rotate=0", "rotate=32",
                           "rotate=1024", "split=-1", "split=131071", "split=x"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_prologue(text), UsageError);
  }
  CHECK(refused("") == "the prologue is empty (write default, or key=value pairs such as norm=rms)");
  CHECK(refused("act=gelu") ==
        "unknown value 'gelu' of act (use none, gelu_tanh, gelu_erf, silu, swiglu, swiglu_interleaved)");
  CHECK(
      refused("norms=rms") ==
      "unknown key 'norms' in the prologue (use x, residual, norm, weight, bias, modulate, table, act, split, smooth, "
      "rotate, parameters, scale, out, head, rope)");
}

TEST_CASE("steps of a prologue that make no sense together are refused by name") {
  const std::string advice = " (leave out one of them: no block of a model has both)";
  CHECK(refused("residual=add,act=swiglu") == "a residual with swiglu" + advice);
  CHECK(refused("norm=rms,act=swiglu_interleaved") == "a norm with swiglu" + advice);
  CHECK(refused("modulate=scale,act=swiglu") == "a modulation with swiglu" + advice);
  CHECK(refused("residual=gate,split=8") == "a residual with split=8" + advice);
  CHECK(refused("norm=layer,split=9") == "a norm with split=9" + advice);
  CHECK(refused("modulate=scale1,split=8,act=swiglu") == "a modulation with split=8" + advice);
  CHECK(refused("weight=plain") ==
        "a weight or a bias without a norm (give norm=rms or norm=layer, or leave them out)");
  CHECK(refused("residual=gate_rms,bias=plain") ==
        "a weight or a bias without a norm (give norm=rms or norm=layer, or leave them out)");
  CHECK(refused("norm=layer,bias=plain") ==
        "a bias of a norm without its weight (give weight=plain, or leave the bias out)");
  CHECK(refused("norm=rms,residual=add,table=image") ==
        "a table without anything that has rows in it (give residual=gate or a modulation, or table=all)");
  CHECK(refused("rope=half") == "a rope without its heads (give the columns of a head, such as head=128)");
  CHECK(refused("norm=rms_head") == "norm=rms_head without its heads (give the columns of a head, such as head=128)");
  CHECK(refused("norm=rms,head=64") == "heads that nothing asks for (give norm=rms_head or a rope, or leave head out)");
  CHECK(refused("rope=pairs,head=64,rotate=16").starts_with("heads with a rotation"));
  CHECK(refused("rope=pairs,head=64,act=swiglu").starts_with("a rope with swiglu"));
  CHECK(refused("rope=pairs,head=64,split=8").starts_with("a rope with split=8"));
  CHECK(refused("scale=tensor,out=f16") == "a given scale without int8 (leave out scale, or give out=s8)");
  CHECK(error_of([] { validate(Prologue{.split = -1}); }) == "split = -1 is below 0 (give the second buffer's column)");
}

TEST_CASE("a group that no text can name is refused in a struct, too") {
  for (const int rotate : {-16, 0, 4, 32, 1024})
    CHECK(error_of([&] { validate(Prologue{.rotate = rotate}); }) ==
          "rotate = " + std::to_string(rotate) + " is no Hadamard group (give 16, 64 or 256, or 1 for none)");
}
