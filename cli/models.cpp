// SPDX-License-Identifier: Apache-2.0
// ditune models: the models whose layers are known, or the problems of one.
#include "models/models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.hpp"
#include "cli/output.hpp"
#include "cli/select.hpp"

namespace ditune::cli {
namespace {

struct ModelsFlags {
  std::string name;
  ModelInput input;
};

void print_names() {
  Table table({{"MODEL"}, {"LINEARS"}});
  for (const std::string& name : model_names())
    table.add({name, fmt::format("{}", fmt::join(linear_names(name), " "))});
  print(table);
}

void print_layers(const std::string& name, const ModelInput& input) {
  Table table(
      {{"LINEAR"}, {"M", Align::right}, {"N", Align::right}, {"K", Align::right}, {"FUSED"}, {"COUNT", Align::right}});
  for (const ModelLayer& layer : model_layers(name, input)) {
    std::vector<std::string> cells = layer_cells(layer.operation);
    cells.push_back(std::to_string(layer.count));
    table.add({layer.linear}, cells);
  }
  print(table);
}

ExitCode models(const ModelsFlags& options) {
  if (options.name.empty())
    print_names();
  else
    print_layers(options.name, options.input);
  return kDone;
}

}  // namespace

void add_models(CLI::App& app, Run& run) {
  const Command<ModelsFlags> command(app, run, "models", "the models that are known, or the problems of one", models);
  CLI::Option* name = command.app->add_option("name", command.options->name, "a model");
  add_model_input(*command.app, command.options->input, name);
}

}  // namespace ditune::cli
