// What a model file holds, without running it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/model.h"

namespace eidetic {

// Every tensor of the model in the order of computation; constants are left out. Reads ONNX, OpenVINO IR, TFLite and
// Paddle. Errors: not_found, corrupt (no model, or damaged), unsupported (an operation that is not known).
[[nodiscard]] Result<std::vector<LayerInfo>> list_layers(const std::filesystem::path& model);

// Height, width and layout of the model's picture input; 0 where the model leaves a side open.
struct PictureInput {
  std::string name;
  int height = 0;
  int width = 0;
  bool planar = true;
};
// Of the only input, or of the one named. Errors as list_layers; unsupported (no input for pictures of 3 channels).
[[nodiscard]] Result<PictureInput> picture_input(const std::filesystem::path& model, const std::string& input = "");

}  // namespace eidetic
