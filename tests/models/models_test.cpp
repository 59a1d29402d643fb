#include "models/models.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace ditune;

namespace {

std::string text_of(const std::vector<ModelLayer>& layers) {
  std::string text;
  for (const ModelLayer& layer : layers)
    text += layer.linear + " " + format(layer.problem) + " " + format(layer.epilogue) + " " +
            std::to_string(layer.count) + "\n";
  return text;
}

template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("ideogram4 at 1024x1024: 4096 image tokens, 2048 of text in the conditional pass") {
  CHECK(text_of(model_layers("ideogram4", parse_resolution("1024x1024"))) ==
        "qkv 6144x13824x4608 default 34\n"
        "qkv 4096x13824x4608 default 34\n"
        "o 6144x4608x4608 default 34\n"
        "o 4096x4608x4608 default 34\n"
        "gate_up 6144x24576x4608 default 34\n"
        "gate_up 4096x24576x4608 default 34\n"
        "down 6144x4608x12288 default 34\n"
        "down 4096x4608x12288 default 34\n"
        "adaln 1x18432x512 bias=bf16 34\n"
        "llm_cond 2048x4608x53248 bias=bf16 1\n"
        "input 4096x4608x128 bias=bf16 1\n"
        "final 4096x128x4608 bias=bf16 1\n");
}

TEST_CASE("a video of 81 frames has the tokens that its authors state") {
  CHECK(model_layers("wan-14b", parse_resolution("832x480"), "qkv").front().problem.m == 32760);
  CHECK(model_layers("wan-14b", parse_resolution("1280x720"), "qkv").front().problem.m == 75600);
}

TEST_CASE("linears of the same problem are one layer, counted together") {
  const auto layers = model_layers("wan-14b", Resolution{});
  const auto merged = std::find_if(layers.begin(), layers.end(),
                                   [](const auto& l) { return l.problem.n == 5120 && l.problem.k == 5120; });
  REQUIRE(merged != layers.end());
  CHECK(merged->linear == "o,cross_q");
  CHECK(merged->count == 80);
  CHECK(text_of(model_layers("wan-14b", Resolution{}, "cross_q")) == "cross_q 86016x5120x5120 bias=bf16 40\n");
}

TEST_CASE("every model of the table gives legal problems") {
  const auto names = model_names();
  CHECK(names.size() == 9);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto layers = model_layers(name, Resolution{});
    CHECK_FALSE(layers.empty());
    for (const ModelLayer& layer : layers) {
      CHECK_NOTHROW(validate(layer.problem));
      CHECK(layer.count > 0);
    }
  }
}

TEST_CASE("unknown names are errors that list the known ones") {
  CHECK(error_of([] {
          model_layers("sdxl", Resolution{});
        }).starts_with("unknown model 'sdxl' (known: ideogram4, z-image,"));
  CHECK(error_of([] { model_layers("z-image", Resolution{}, "adaln"); }) ==
        "model z-image has no linear 'adaln' (it has: qkv, o, gate_up, down)");
}

TEST_CASE("a resolution is two multiples of 16") {
  CHECK(parse_resolution("1280x720").height == 720);
  for (const char* text : {"", "1024", "1024x", "x1024", "0x16", "-16x16", "1000x1024", "16x16x16", "1e3x16", "16X16",
                           "99999999999999999999x16", "1048592x16"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_resolution(text), UsageError);
  }
}
