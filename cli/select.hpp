// SPDX-License-Identifier: Apache-2.0
// SELECT: the layers that a command is about.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "models/models.hpp"
#include "tuner/layers.hpp"

namespace ditune::cli {

// As written on the command line; empty where it was left out.
struct SelectOptions {
  std::string model, linear;
  ModelInput input;
  std::vector<std::string> shapes, operations;
  std::string problems;  // a file of models/problem_list.hpp, or "-" for standard input
  std::string epilogue;
  bool empty() const { return model.empty() && shapes.empty() && operations.empty() && problems.empty(); }
};

// --resolution, --frames, --batch and --text-tokens, which mean nothing without `model`.
void add_model_input(CLI::App& app, ModelInput& input, CLI::Option* model);

void add_select(CLI::App& app, SelectOptions& options);

// Each layer once, in the order model, shapes, operations, file. --epilogue applies to shapes and to rows of the file
// without an epilogue, and replaces the epilogue of a model's GEMMs. Throws UsageError for unknown names, illegal
// sizes, and a file that cannot be read or has a bad line.
std::vector<Operation> select_layers(const SelectOptions& options);

// The same operations with the names of the model's linears: an operation that two linears share is there twice. An
// operation of no model has an empty name and counts as one call.
std::vector<ModelLayer> select_calls(const SelectOptions& options);

// As select_layers; throws UsageError if nothing is selected.
std::vector<Operation> require_layers(const SelectOptions& options);

}  // namespace ditune::cli
