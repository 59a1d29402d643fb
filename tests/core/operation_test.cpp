// SPDX-License-Identifier: Apache-2.0
#include "ditune/operation.hpp"

#include <cmath>

#include "catch.hpp"
#include "core/kind.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("an operation is read as it is written: its kind, its sizes, what is not the default") {
  const Operation plain = Gemm{6144, 13824, 4608};
  const Operation fused = with({17, 1, kMaxK}, parse_epilogue("sx=tensor,bias=bf16"));
  CHECK(format(plain) == "gemm_s8:m=6144,n=13824,k=4608");
  CHECK(format(fused) == "gemm_s8:m=17,n=1,k=131071,sx=tensor,bias=bf16");
  for (const Operation& operation : {plain, fused}) CHECK(parse_operation(format(operation)) == operation);
  CHECK(parse_operation("gemm_s8:bias=bf16,k=131071,sx=tensor,m=17,n=1") == fused);
  CHECK(describe_sizes(fused) == "17x1x131071");
  CHECK(describe(fused) == "17x1x131071 sx=tensor,bias=bf16");
  CHECK(kind_name(plain) == "gemm_s8");
}

TEST_CASE("an operation with an op, a residual and a gate is read as it is written") {
  const Operation fused = with({17, 96, 64}, parse_epilogue("bias=f16,op=silu,from=95,residual=f32,gate=index"));
  CHECK(format(fused) == "gemm_s8:m=17,n=96,k=64,bias=f16,op=silu,from=95,residual=f32,gate=index");
  CHECK(parse_operation(format(fused)) == fused);
  CHECK(parse_layer("gemm_s8", format_layer(fused)) == with_rows(fused, 1));
  CHECK(describe(fused) == "17x96x64 bias=f16,op=silu,from=95,residual=f32,gate=index");
  bool are_read_back = true;
  for (const Epilogue& epilogue : all_epilogues()) {
    const Operation operation = with({17, 96, 64}, epilogue);
    are_read_back &= parse_operation(format(operation)) == operation;
  }
  CHECK(are_read_back);
}

TEST_CASE("operations that differ in one field of the epilogue are others") {
  const Operation base = with({16, 96, 64}, parse_epilogue("op=silu,from=8,residual=bf16,gate=channel"));
  for (const char* text : {"op=sigmoid,from=8,residual=bf16,gate=channel", "op=silu,from=9,residual=bf16,gate=channel",
                           "op=silu,residual=bf16,gate=channel", "op=silu,from=8,residual=f16,gate=channel",
                           "op=silu,from=8,residual=bf16,gate=table", "op=silu,from=8,residual=bf16"}) {
    INFO(text);
    const Operation other = with({16, 96, 64}, parse_epilogue(text));
    CHECK(other != base);
    CHECK(hash_of(other) != hash_of(base));
    CHECK(std::is_neq(compare_layers(other, base)));
  }
}

TEST_CASE("text that is no operation is refused by what is wrong with it") {
  const auto refused = [](const char* text) { return error_of([&] { parse_operation(text); }); };
  CHECK(refused("") == "'' is not an operation (write KIND:key=value,..., like gemm_s8:m=6144,n=13824,k=4608)");
  CHECK(refused("copy:m=1") == "unknown kind of operation 'copy' (use gemm_s8, quantize_s8)");
  CHECK(refused("gemm_s8:m=1,n=1") == "the operation has no K (give k=NUMBER)");
  CHECK(refused("gemm_s8:m=1,n=1,k=131072") ==
        "K = 131072 is too large (give 1 to 131071: longer sums can overflow int32)");
  CHECK(refused("gemm_s8:m=1,m=2,n=1,k=1") == "M is given twice (leave one out)");
  CHECK(refused("gemm_s8:m=one,n=1,k=1") == "M cannot be 'one' (give a whole number)");
  CHECK(refused("gemm_s8:m=,n=1,k=1") == "M cannot be '' (give a whole number)");
  CHECK(refused("gemm_s8:M=1,n=1,k=1") == "unknown key 'M' in the operation (write m=NUMBER)");
  CHECK(refused("gemm_s8:m=1, n=1,k=1") == "unknown key ' n' in the operation (write n=NUMBER)");
  CHECK(refused("gemm_s8:m=1,n=1,k=1,bias=bf17").find("bf17") != std::string::npos);
  CHECK(refused("gemm_s8:m=1,n=1,k=1,rows=4").find("rows") != std::string::npos);
  CHECK(refused("gemm_s8:m=1,n=3,k=1,op=swiglu") == "N = 3 is odd (swiglu takes pairs of rows of W)");
  CHECK(refused("gemm_s8:m=1,n=3,k=1,op=silu,from=3") ==
        "from = 3 is beyond the 3 columns (give the first column of the op, or no op)");
  CHECK(refused("gemm_s8:m=1,n=3,k=1,gate=table").starts_with("gate=table without a residual"));
}

TEST_CASE("text with an empty entry is refused, wherever its commas are") {
  const auto refused = [](const char* text) { return error_of([&] { parse_operation(text); }); };
  for (const char* text : {"gemm_s8:m=1,,n=1,k=1", "gemm_s8:,m=1,n=1,k=1", "gemm_s8:m=1,n=1,k=1,,bias=bf16",
                           "gemm_s8:m=1,n=1,k=1,bias=bf16,,out=f16", "quantize_s8:m=1,,k=16",
                           "quantize_s8:m=1,k=16,,norm=rms", "gemm_s8:,", "gemm_s8:m=1,n=1,k=1,,"}) {
    CAPTURE(text);
    CHECK(refused(text) == "an entry of the operation is empty (leave one comma out)");
  }
  for (const char* text : {"gemm_s8:m=1,n=1,k=1,", "gemm_s8:m=1,n=1,k=1,bias=bf16,", "quantize_s8:m=1,k=16,"}) {
    CAPTURE(text);
    CHECK(refused(text) == "the operation ends in a comma (leave it out)");
  }
}

TEST_CASE("winners of one layer differ in their rows alone") {
  const Operation few = Gemm{16, 4608, 4608}, many = Gemm{4096, 4608, 4608};
  CHECK(rows(many) == 4096);
  CHECK(with_rows(few, 4096) == many);
  CHECK(with_rows(few, 0) == with_rows(many, 0));
  CHECK(hash_of(few) != hash_of(many));
  CHECK(hash_of(many) != hash_of(with({4096, 4608, 4608}, {.out = Output::f16})));
}

TEST_CASE("a layer is an operation without its rows, and is read as it is written") {
  const Operation plain = Gemm{6144, 13824, 4608};
  const Operation fused = with({17, 1, kMaxK}, parse_epilogue("sx=tensor,bias=bf16"));
  CHECK(format_layer(plain) == "n=13824,k=4608");
  CHECK(format_layer(fused) == "n=1,k=131071,sx=tensor,bias=bf16");
  for (const Operation& operation : {plain, fused})
    CHECK(parse_layer(kind_name(operation), format_layer(operation)) == with_rows(operation, 1));
}

TEST_CASE("text that is no layer is refused") {
  const auto refused = [](const char* kind, const char* layer) { return error_of([&] { parse_layer(kind, layer); }); };
  CHECK(refused("copy", "n=1,k=1") == "unknown kind of operation 'copy' (use gemm_s8, quantize_s8)");
  CHECK(refused("gemm_s8", "n=1,k=1,m=2") == "M is given twice (leave one out)");
  CHECK(refused("gemm_s8", "n=1,k=131072").starts_with("K = 131072 is too large"));
  for (const char* text : {"", "n=1", "n=0,k=1", "n=1,k=1,bias=bf17", "m=2,n=1,k=1", "anything"})
    CHECK_FALSE(refused("gemm_s8", text).empty());
}

TEST_CASE("layers are in the order of N, K and the text of the epilogue, whatever their rows") {
  const Operation few = Gemm{1, 128, 256}, many = Gemm{4096, 128, 256}, wide = Gemm{1, 256, 128},
                  deep = Gemm{1, 128, 512}, fused = with({1, 128, 256}, parse_epilogue("bias=bf16"));
  CHECK(std::is_eq(compare_layers(few, many)));
  CHECK(std::is_lt(compare_layers(few, wide)));
  CHECK(std::is_lt(compare_layers(few, deep)));
  CHECK(std::is_lt(compare_layers(deep, wide)));
  CHECK(std::is_lt(compare_layers(fused, few)));  // "bias=bf16" is before "default"
}

TEST_CASE("how unlike two operations are is the sum of the ratios of their sizes, as logarithms") {
  CHECK(distance(Operation(Gemm{16, 32, 64}), Operation(Gemm{16, 32, 64})) == 0);
  CHECK(distance(Operation(Gemm{16, 32, 64}), Operation(Gemm{32, 16, 64})) == Approx(2 * std::log(2.0)));
}
