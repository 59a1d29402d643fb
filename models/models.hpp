// SPDX-License-Identifier: Apache-2.0
// The linear layers of known diffusion transformers (models.csv), and the GEMM problems that they stand for on an
// input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/error.hpp"
#include "ditune/operation.hpp"

namespace ditune {

struct Resolution {
  std::int64_t width = 1024, height = 1024;  // pixels
};

// What a model is run on. M of its layers follows from it.
struct ModelInput {
  Resolution resolution = {};
  std::int64_t batch = 1;                        // images or videos in one pass
  std::optional<std::int64_t> frames = {};       // of a video; 81 if absent
  std::optional<std::int64_t> text_tokens = {};  // of each image or video; what models.csv says if absent
};

// "1024x1024": width, height. Throws UsageError unless both are multiples of 16 (one token stands for 16x16 pixels).
Resolution parse_resolution(std::string_view text);

struct ModelLayer {
  std::string linear;  // "qkv"; of linears that are the same problem, all names: "o,cross_q"
  Operation operation;
  int count = 0;  // layers of this problem in one pass
};

// In the order of the table.
std::vector<std::string> model_names();
std::vector<std::string> linear_names(std::string_view model);

// The problems of one pass, each once, in the order of the table; of one linear alone if it is named.
// With what models.csv says is fused; of a batch, each image has a gate of its own. Throws UsageError listing the known
// names for an unknown one, for frames of a model of images, for text tokens of a model none of whose linears takes
// text, and for a resolution that the model cannot have.
std::vector<ModelLayer> model_layers(std::string_view model, const ModelInput& input,
                                     const std::optional<std::string>& linear = {});

}  // namespace ditune
