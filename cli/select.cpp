#include "cli/select.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/files.hpp"
#include "ditune/error.hpp"
#include "models/models.hpp"
#include "models/problem_list.hpp"

namespace ditune::cli {
namespace {

void add_once(std::vector<SelectedLayer>& layers, const SelectedLayer& layer) {
  const bool known = std::ranges::any_of(layers, [&](const SelectedLayer& other) {
    return other.problem == layer.problem && other.epilogue == layer.epilogue;
  });
  if (!known) layers.push_back(layer);
}

}  // namespace

void add_select(CLI::App& app, SelectOptions& options) {
  CLI::Option* model = app.add_option("--model", options.model, "all linear layers of a model (see ditune models)");
  app.add_option("--resolution", options.resolution, "of the model's images, WIDTHxHEIGHT (1024x1024)")->needs(model);
  app.add_option("--linear", options.linear, "one linear of the model alone")->needs(model);
  app.add_option("--shape", options.shapes, "a problem, MxNxK; may be given again")->expected(1)->take_all();
  app.add_option("--problems", options.problems, "a CSV file with the columns m,n,k and epilogue");
  app.add_option("--epilogue", options.epilogue, "what is fused, e.g. bias=bf16,out=f16 (default)");
}

std::vector<SelectedLayer> select_layers(const SelectOptions& options) {
  std::optional<Epilogue> epilogue;
  if (!options.epilogue.empty()) epilogue = parse_epilogue(options.epilogue);
  const Epilogue otherwise = epilogue.value_or(Epilogue{});
  std::vector<SelectedLayer> layers;
  if (!options.model.empty()) {
    const Resolution resolution = options.resolution.empty() ? Resolution{} : parse_resolution(options.resolution);
    const std::optional<std::string> linear =
        options.linear.empty() ? std::nullopt : std::optional<std::string>(options.linear);
    for (const ModelLayer& layer : model_layers(options.model, resolution, linear))
      add_once(layers, {layer.linear, layer.problem, epilogue.value_or(layer.epilogue)});
  }
  for (const std::string& shape : options.shapes) add_once(layers, {"", parse_problem(shape), otherwise});
  if (!options.problems.empty())
    for (const ListedProblem& listed : read_problem_list(read_file(options.problems), options.problems, otherwise))
      add_once(layers, {"", listed.problem, listed.epilogue});
  return layers;
}

std::vector<SelectedLayer> require_layers(const SelectOptions& options) {
  std::vector<SelectedLayer> layers = select_layers(options);
  if (layers.empty()) throw UsageError("no layers selected", "give --model NAME, --shape MxNxK or --problems FILE.csv");
  return layers;
}

}  // namespace ditune::cli
