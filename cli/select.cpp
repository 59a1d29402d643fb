#include "cli/select.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/files.hpp"
#include "cli/progress.hpp"
#include "ditune/error.hpp"
#include "models/models.hpp"
#include "models/problem_list.hpp"

namespace ditune::cli {
namespace {

void add_listed(std::vector<Layer>& layers, const std::string& path, const Epilogue& otherwise) {
  const std::string text = read_file(path);
  StepsLine line("reading " + path, text.size());
  const auto show = [&](std::size_t bytes) { line.show(bytes); };
  for (const ListedProblem& listed : read_problem_list(text, path, otherwise, show))
    layers.push_back({listed.problem, listed.epilogue});
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

std::vector<Layer> select_layers(const SelectOptions& options) {
  std::optional<Epilogue> epilogue;
  if (!options.epilogue.empty()) epilogue = parse_epilogue(options.epilogue);
  const Epilogue otherwise = epilogue.value_or(Epilogue{});
  std::vector<Layer> layers;
  if (!options.model.empty()) {
    const Resolution resolution = options.resolution.empty() ? Resolution{} : parse_resolution(options.resolution);
    const std::optional<std::string> linear =
        options.linear.empty() ? std::nullopt : std::optional<std::string>(options.linear);
    for (const ModelLayer& layer : model_layers(options.model, resolution, linear))
      layers.push_back({layer.problem, epilogue.value_or(layer.epilogue)});
  }
  for (const std::string& shape : options.shapes) layers.push_back({parse_problem(shape), otherwise});
  if (!options.problems.empty()) add_listed(layers, options.problems, otherwise);
  return without_repetitions(layers);
}

std::vector<Layer> require_layers(const SelectOptions& options) {
  std::vector<Layer> layers = select_layers(options);
  if (layers.empty()) throw UsageError("no layers selected", "give --model NAME, --shape MxNxK or --problems FILE.csv");
  return layers;
}

}  // namespace ditune::cli
