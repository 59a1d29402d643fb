// SPDX-License-Identifier: Apache-2.0
#include "core/quantize_s8/quantize.hpp"

#include <cmath>
#include <string>

#include "catch.hpp"
#include "core/operands.hpp"
#include "ditune/error.hpp"
#include "ditune/operation.hpp"
#include "error_of.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::string refused(const std::string& text) {
  return error_of([&] { parse_operation("quantize_s8:" + text); });
}

std::string refused(const Quantize& quantize) {
  return error_of([&] { validate(quantize); });
}

}  // namespace

TEST_CASE("a quantization is read as it is written: its sizes, and what is not the default") {
  const Operation plain = Quantize{.m = 6144, .k = 4608};
  const Operation fused = Quantize{.m = 17, .k = 131071, .prologue = parse_prologue("norm=rms,modulate=scale1")};
  CHECK(format(plain) == "quantize_s8:m=6144,k=4608");
  CHECK(format(fused) == "quantize_s8:m=17,k=131071,norm=rms,modulate=scale1");
  for (const Operation& operation : {plain, fused}) {
    CHECK(parse_operation(format(operation)) == operation);
    CHECK(parse_layer(kind_name(operation), format_layer(operation)) == with_rows(operation, 1));
  }
  CHECK(parse_operation("quantize_s8:modulate=scale1,k=131071,norm=rms,m=17") == fused);
  CHECK(format_layer(fused) == "k=131071,norm=rms,modulate=scale1");
  CHECK(describe_sizes(fused) == "17x131071");
  CHECK(describe(fused) == "17x131071 norm=rms,modulate=scale1");
  CHECK(describe(plain) == "6144x4608 default");
  CHECK(kind_name(plain) == "quantize_s8");
  CHECK(work(fused) == 17.0 * 131071);
}

TEST_CASE("text that is no quantization is refused by what is wrong with it") {
  CHECK(refused("k=8") == "the operation has no M (give m=NUMBER)");
  CHECK(refused("m=1") == "the operation has no K (give k=NUMBER)");
  CHECK(refused("m=1,k=131072") ==
        "K = 131072 is too large (give 1 to 131071: a GEMM that reads longer rows can overflow int32)");
  CHECK(refused("m=2147483648,k=1") == "M = 2147483648 is too large (give 1 to 2147483647: a row index fits 32 bits)");
  CHECK(refused("m=1,k=1,m=2") == "M is given twice (leave one out)");
  CHECK(refused("m=1,n=8,k=1").starts_with("unknown key 'n' in the prologue"));
  CHECK(refused("m=1,k=1,weight=plain").starts_with("a weight or a bias without a norm"));
}

TEST_CASE("groups and heads that do not divide K and a split beyond it are refused") {
  CHECK(refused("m=1,k=4600,norm=rms_head,head=128") == "K = 4600 is no multiple of head=128 (give whole heads)");
  CHECK(refused("m=1,k=4600,rotate=256") ==
        "K = 4600 is no multiple of rotate=256 (give a group that divides K, or leave rotate out)");
  CHECK(refused("m=1,k=24,rotate=16") ==
        "K = 24 is no multiple of rotate=16 (give a group that divides K, or leave rotate out)");
  CHECK(refused("m=1,k=48,rotate=16") == "no error");
  CHECK(refused("m=1,k=8,split=8") ==
        "split = 8 is beyond the 8 columns (give the first column of the second buffer, or leave it out)");
  CHECK(refused("m=1,k=8,split=7") == "no error");
  CHECK(refused(Quantize{.m = 1, .k = 8, .prologue = {.rotate = 0}}).starts_with("rotate = 0 is no Hadamard group"));
  CHECK(refused(Quantize{.m = 0, .k = 8}).starts_with("M = 0 is out of range"));
  CHECK(refused(Quantize{.m = 1, .k = -1}).starts_with("K = -1 is out of range"));
}

TEST_CASE("winners of one layer of quantizations differ in their rows alone") {
  const Operation few = Quantize{.m = 16, .k = 4608}, many = Quantize{.m = 4096, .k = 4608};
  const Operation normed = Quantize{.m = 16, .k = 4608, .prologue = {.norm = Norm::rms}};
  CHECK(rows(many) == 4096);
  CHECK(with_rows(few, 4096) == many);
  CHECK(hash_of(few) != hash_of(many));
  CHECK(hash_of(few) != hash_of(normed));
  CHECK(std::is_eq(compare_layers(few, many)));
  CHECK(std::is_neq(compare_layers(few, normed)));
  CHECK(std::is_lt(compare_layers(few, Quantize{.m = 1, .k = 4609})));
  CHECK(std::is_lt(compare_layers(few, normed)));  // "default" is before "norm=rms"
  CHECK(distance(few, few) == 0);
  CHECK(distance(few, Quantize{.m = 32, .k = 9216}) == Approx(2 * std::log(2.0)));
}

TEST_CASE("quantizations that differ in one field of the prologue are others") {
  const auto of = [](const char* text) {
    return Operation(Quantize{.m = 16, .k = 512, .prologue = parse_prologue(text)});
  };
  const char* const base = "residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=16";
  for (const char* text : {"x=f16,residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=16",
                           "residual=add,norm=layer,weight=plain,modulate=scale1,rotate=16",
                           "residual=gate,norm=rms,weight=plain,modulate=scale1,rotate=16",
                           "residual=gate,norm=layer,weight=plus_one,modulate=scale1,rotate=16",
                           "residual=gate,norm=layer,weight=plain,bias=plain,modulate=scale1,rotate=16",
                           "residual=gate,norm=layer,weight=plain,modulate=scale,rotate=16",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,table=image,rotate=16",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,act=silu,rotate=16",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,smooth=on,rotate=16",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=64",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=16,parameters=f32",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=16,scale=tensor",
                           "residual=gate,norm=layer,weight=plain,modulate=scale1,rotate=16,out=f16"}) {
    INFO(text);
    CHECK(of(text) != of(base));
    CHECK(hash_of(of(text)) != hash_of(of(base)));
    CHECK(std::is_neq(compare_layers(of(text), of(base))));
  }
}

TEST_CASE("the packed tables of a quantization serve every row") {
  for (const std::int64_t m : {1, 2, 3, 4095, 4096}) {
    Quantize quantize{.m = m, .k = 8, .prologue = parse_prologue("modulate=scale,table=image")};
    const QuantizeArgs args = Operands<Quantize>::packed(quantize);
    CHECK(args.tables * args.rows_per_image >= m);
    CHECK(has_sizes_of(quantize, args));
  }
}
