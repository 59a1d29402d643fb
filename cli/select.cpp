// SPDX-License-Identifier: Apache-2.0
#include "cli/select.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/files.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "ditune/error.hpp"
#include "models/problem_list.hpp"

namespace ditune::cli {
namespace {

// A GEMM; any other kind as it is.
Operation with_epilogue(const Operation& operation, const Epilogue& epilogue) {
  const Gemm* const gemm = std::get_if<Gemm>(&operation);
  return gemm ? Gemm{.m = gemm->m, .n = gemm->n, .k = gemm->k, .epilogue = epilogue} : operation;
}

void add_listed(std::vector<Operation>& layers, const std::string& path, const Epilogue& otherwise) {
  const std::string text = read_input(path);
  const std::string source = path == kStandardInput ? "standard input" : path;
  StepsLine line("reading " + source, text.size());
  const auto show = [&](std::size_t bytes) { line.show(bytes); };
  for (const Operation& listed : read_problem_list(text, source, otherwise, show)) layers.push_back(listed);
}

}  // namespace

void add_model_input(CLI::App& app, ModelInput& input, CLI::Option* model) {
  constexpr NumberRange kBatch{1, 4096}, kFrames{1, 100'000}, kTextTokens{1, 1'000'000};
  const auto take_resolution = [&input](const std::string& text) {
    if (!text.empty()) input.resolution = parse_resolution(text);  // an empty value is refused as every option's
  };
  app.add_option_function<std::string>("--resolution", take_resolution,
                                       "of the model's images or videos, WIDTHxHEIGHT (1024x1024)")
      ->needs(model);
  add_number(app, "--batch", kBatch, "images or videos in one pass (1)", [&input](std::int64_t n) {
    input.batch = n;
  })->needs(model);
  add_number(app, "--frames", kFrames, "of a video (81)", [&input](std::int64_t n) { input.frames = n; })->needs(model);
  add_number(app, "--text-tokens", kTextTokens, "of each image's or video's text (as the model has it)",
             [&input](std::int64_t n) { input.text_tokens = n; })
      ->needs(model);
}

void add_select(CLI::App& app, SelectOptions& options) {
  CLI::Option* model = app.add_option("--model", options.model,
                                      "the linear layers of a model, and what makes their rows (see ditune models)");
  add_model_input(app, options.input, model);
  app.add_option("--linear", options.linear, "one linear of the model alone")->needs(model);
  app.add_option("--shape", options.shapes, "a GEMM, MxNxK; may be given again")->expected(1)->take_all();
  app.add_option(
      "--problems", options.problems,
      "a CSV file with the columns m,n,k and epilogue, or a line for each --operation; - for standard input");
  CLI::Option* epilogue =
      app.add_option("--epilogue", options.epilogue, "what is fused, e.g. bias=bf16,out=f16 (default)");
  app.add_option("--operation", options.operations,
                 "any operation, e.g. gemm_s8:m=4096,n=13824,k=4608,bias=bf16; may be given again")
      ->expected(1)
      ->take_all()
      ->excludes(epilogue);
}

std::vector<ModelLayer> select_calls(const SelectOptions& options) {
  std::optional<Epilogue> epilogue;
  if (!options.epilogue.empty()) epilogue = parse_epilogue(options.epilogue);
  const Epilogue otherwise = epilogue.value_or(Epilogue{});
  std::vector<ModelLayer> calls;
  if (!options.model.empty()) {
    const std::vector<std::string> linears =
        options.linear.empty() ? linear_names(options.model) : std::vector<std::string>{options.linear};
    for (const std::string& linear : linears)
      for (ModelLayer& layer : model_layers(options.model, options.input, linear)) {
        if (epilogue) layer.operation = with_epilogue(layer.operation, *epilogue);
        calls.push_back(std::move(layer));
      }
  }
  std::vector<Operation> others;
  for (const std::string& shape : options.shapes) others.push_back(with_epilogue(parse_shape(shape), otherwise));
  for (const std::string& text : options.operations) others.push_back(parse_operation(text));
  if (!options.problems.empty()) add_listed(others, options.problems, otherwise);
  for (const Operation& operation : without_repetitions(others))
    calls.push_back({.linear = {}, .operation = operation, .count = 1});
  return calls;
}

std::vector<Operation> select_layers(const SelectOptions& options) {
  std::vector<Operation> layers;
  for (const ModelLayer& call : select_calls(options)) layers.push_back(call.operation);
  return without_repetitions(layers);
}

std::vector<Operation> require_layers(const SelectOptions& options) {
  std::vector<Operation> layers = select_layers(options);
  if (layers.empty())
    throw UsageError("no layers selected", "give --model NAME, --shape MxNxK, --operation TEXT or --problems FILE.csv");
  return layers;
}

}  // namespace ditune::cli
