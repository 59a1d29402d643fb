// SPDX-License-Identifier: Apache-2.0
#include "models/models.hpp"

#include <algorithm>

#include "catch.hpp"
#include "error_of.hpp"

using namespace ditune;
using ditune::test::error_of;

namespace {

std::string text_of(const std::vector<ModelLayer>& layers) {
  std::string text;
  for (const ModelLayer& layer : layers)
    text += layer.linear + " " + describe(layer.operation) + " " + std::to_string(layer.count) + "\n";
  return text;
}

ModelInput at(const char* resolution) { return {.resolution = parse_resolution(resolution)}; }

}  // namespace

TEST_CASE("ideogram4 at 1024x1024: 4096 image tokens, 2048 of text in the conditional pass") {
  CHECK(text_of(model_layers("ideogram4", at("1024x1024"))) ==
        "qkv,gate_up 6144x4608 residual=gate_rms,norm=rms,weight=plain,modulate=scale1 67\n"
        "qkv,first_qkv 6144x13824x4608 default 34\n"
        "qkv,gate_up 4096x4608 residual=gate_rms,norm=rms,weight=plain,modulate=scale1 67\n"
        "qkv,first_qkv 4096x13824x4608 default 34\n"
        "first_qkv 6144x4608 norm=rms,weight=plain,modulate=scale1 1\n"
        "first_qkv 4096x4608 norm=rms,weight=plain,modulate=scale1 1\n"
        "qk 6144x9216 norm=rms_head,weight=plain,out=bf16,head=256,rope=half 34\n"
        "qk 4096x9216 norm=rms_head,weight=plain,out=bf16,head=256,rope=half 34\n"
        "o 6144x4608 default 34\n"
        "o 6144x4608x4608 default 34\n"
        "o 4096x4608 default 34\n"
        "o 4096x4608x4608 default 34\n"
        "gate_up 6144x24576x4608 op=swiglu 34\n"
        "gate_up 4096x24576x4608 op=swiglu 34\n"
        "down 6144x12288 default 34\n"
        "down 6144x4608x12288 default 34\n"
        "down 4096x12288 default 34\n"
        "down 4096x4608x12288 default 34\n"
        "adaln 1x18432x512 bias=bf16 68\n"
        "llm_cond 2048x4608x53248 bias=bf16 1\n"
        "llm_cond_norm 6144x53248 norm=rms,weight=plain,out=bf16 1\n"
        "llm_cond_norm 4096x53248 norm=rms,weight=plain,out=bf16 1\n"
        "input 6144x4608x128 bias=bf16 1\n"
        "input 4096x4608x128 bias=bf16 1\n"
        "final 6144x128x4608 bias=bf16 1\n"
        "final 4096x128x4608 bias=bf16 1\n");
}

TEST_CASE("a video of 81 frames has the tokens that its authors state") {
  CHECK(rows(model_layers("wan-14b", at("832x480"), "qkv").front().operation) == 32760);
  CHECK(rows(model_layers("wan-14b", at("1280x720"), "qkv").front().operation) == 75600);
}

TEST_CASE("sd3.5-large at 1024x1024: the last block drops its text") {
  CHECK(text_of(model_layers("sd3.5-large", ModelInput{})) ==
        "qkv,up 4096x2432 norm=layer,modulate=scale1_shift 76\n"
        "qkv 4096x7296x2432 bias=bf16 38\n"
        "qkv,context_up 333x2432 norm=layer,modulate=scale1_shift 75\n"
        "qkv 333x7296x2432 bias=bf16 38\n"
        "o 4096x2432 default 38\n"
        "o 4096x2432x2432 bias=bf16,residual=bf16,gate=channel 38\n"
        "context_o 333x2432 default 37\n"
        "context_o 333x2432x2432 bias=bf16,residual=bf16,gate=channel 37\n"
        "up 4096x9728x2432 bias=bf16,op=gelu_tanh 38\n"
        "context_up 333x9728x2432 bias=bf16,op=gelu_tanh 37\n"
        "down 4096x9728 default 38\n"
        "down 4096x2432x9728 bias=bf16,residual=bf16,gate=channel 38\n"
        "context_down 333x9728 default 37\n"
        "context_down 333x2432x9728 bias=bf16,residual=bf16,gate=channel 37\n"
        "mod 1x14592x2432 bias=bf16 75\n"
        "final_mod 1x4864x2432 bias=bf16 2\n"
        "context_in 333x2432x4096 bias=bf16 1\n"
        "final 4096x64x2432 bias=bf16 1\n");
}

TEST_CASE("sd3.5-medium attends to the image twice in 13 of 24 blocks") {
  const auto layers = model_layers("sd3.5-medium", ModelInput{});
  CHECK(layers[1].linear == "qkv,attn2_qkv");
  CHECK(describe_sizes(layers[1].operation) == "4096x4608x1536");
  CHECK(layers[1].count == 37);
}

// A linear on two sequences is a matrix for each. What is missing: embeddings and norms.
TEST_CASE("the linears of a model have its authors' number of weights") {
  const auto weights = [](const char* model) {
    double sum = 0;
    for (const std::string& linear : linear_names(model))
      for (const ModelLayer& layer : model_layers(model, ModelInput{.resolution = {768, 512}}, linear))
        if (const auto* gemm = std::get_if<Gemm>(&layer.operation))
          sum += static_cast<double>(layer.count * gemm->n * gemm->k);
    return sum * 1e-9;
  };
  CHECK(weights("sd3.5-large") == Approx(8.1).epsilon(0.02));
  CHECK(weights("sd3.5-medium") == Approx(2.47 - 0.23).epsilon(0.02));  // 384x384 positions of 1536 are a table
  CHECK(weights("hunyuan-video") == Approx(12.8).epsilon(0.02));
  CHECK(weights("ltx-video") == Approx(1.92).epsilon(0.02));
}

TEST_CASE("a token of ltx-video stands for 32x32 pixels of 8 frames") {
  const ModelInput input{.resolution = parse_resolution("704x480"), .frames = 161};
  CHECK(rows(model_layers("ltx-video", input, "qkv").front().operation) == 6930);
  CHECK(rows(model_layers("ltx-video", input, "cross_kv").front().operation) == 128);
  CHECK(error_of([] { model_layers("ltx-video", at("1280x720")); }) ==
        "1280x720 is no resolution of this model (its sides are multiples of 32: give --resolution, like 768x512)");
}

TEST_CASE("M follows the batch, the frames and the text tokens that are given") {
  const auto m = [](const char* model, const char* linear, const ModelInput& input) {
    return rows(model_layers(model, input, linear).front().operation);
  };
  CHECK(m("flux1-dev", "single_in", {}) == 4608);
  CHECK(m("flux1-dev", "single_in", {.batch = 2, .text_tokens = 256}) == 2 * (4096 + 256));
  CHECK(m("flux1-dev", "double_mod", {.batch = 2}) == 2);
  CHECK(m("hunyuan-video", "double_qkv", {.resolution = {1280, 720}, .frames = 129}) == 33 * 3600);
  CHECK(m("hunyuan-video", "single_in", {.resolution = {1280, 720}, .frames = 129}) == 33 * 3600 + 256);
  CHECK(m("wan-14b", "o", {.frames = 1}) == 4096);
  CHECK(error_of([] { model_layers("z-image", {.frames = 1}); }) ==
        "z-image makes images, not videos (leave --frames out)");
  CHECK(error_of([] { model_layers("pixart-xl", {.text_tokens = 1}); }) ==
        "no linear of pixart-xl in the table takes text tokens (leave --text-tokens out)");
}

TEST_CASE("linears of the same problem are one layer, counted together") {
  const auto layers = model_layers("sd3.5-medium", ModelInput{});
  const auto merged = std::find_if(layers.begin(), layers.end(), [](const auto& l) {
    return format(l.operation).starts_with("gemm_s8:m=4096,n=1536,k=1536,");
  });
  REQUIRE(merged != layers.end());
  CHECK(merged->linear == "o,attn2_o");
  CHECK(merged->count == 37);
  CHECK(text_of(model_layers("wan-14b", ModelInput{}, "cross_q")) ==
        "cross_q 86016x5120 norm=layer,weight=plain,bias=plain,parameters=f32 40\n"
        "cross_q 86016x5120x5120 bias=bf16 40\n");
}

TEST_CASE("every model of the table gives legal problems") {
  const auto names = model_names();
  CHECK(names.size() == 13);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto layers = model_layers(name, ModelInput{});
    CHECK_FALSE(layers.empty());
    for (const ModelLayer& layer : layers) {
      CHECK_NOTHROW(validate(layer.operation));
      CHECK(layer.count > 0);
    }
  }
}

TEST_CASE("unknown names are errors that list the known ones") {
  CHECK(error_of([] {
          model_layers("sdxl", ModelInput{});
        }).starts_with("unknown model 'sdxl' (known: ideogram4, z-image,"));
  CHECK(
      error_of([] { model_layers("z-image", ModelInput{}, "adaln"); }) ==
      "model z-image has no linear 'adaln' (it has: qkv, first_qkv, qk, o, gate_up, down, noise_first_qkv, "
      "noise_qkv, noise_qk, noise_o, noise_gate_up, noise_down, context_first_qkv, context_qkv, context_qk, context_o, "
      "context_gate_up, context_down)");
}

TEST_CASE("a resolution is two multiples of 16") {
  CHECK(parse_resolution("1280x720").height == 720);
  for (const char* text : {"", "1024", "1024x", "x1024", "0x16", "-16x16", "1000x1024", "16x16x16", "1e3x16", "16X16",
                           "99999999999999999999x16", "1048592x16"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_resolution(text), UsageError);
  }
}

TEST_CASE("of a batch each image has a gate and a modulation of its own") {
  CHECK(text_of(model_layers("flux1-dev", {.batch = 2}, "single_in"))
            .starts_with("single_in 9216x3072 norm=layer,"
                         "modulate=scale1_shift,table=image 38\n"));
  CHECK(text_of(model_layers("flux1-dev", {.batch = 2}, "single_out")) ==
        "single_out 9216x15360 split=3072 38\n"
        "single_out 9216x3072x15360 bias=bf16,residual=bf16,gate=table 38\n");
}
