// What there is to know of a model without embedding a picture with it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

namespace eidetic {

struct ModelInfo {
  std::string name;
  std::string folder;                    // of the bundle, on the engine's machine
  std::string bundle = "{}";             // its model.json (docs/model-bundles.md)
  std::vector<std::string> labels = {};  // class names by position; left out where many models are listed
  std::optional<Error> error = {};       // a broken bundle: of it only name and folder are known
};

// One tensor of a model.
struct LayerInfo {
  std::string name;   // as `layer` takes it
  std::string op;     // "Convolution", "Parameter" (an input)
  std::string shape;  // "[1,3,224,224]"; '?' for what the picture decides
  std::string type;   // "f32"
  bool output = false;
};

struct BundleCheck {
  Space space;
  bool has_text = false;
  std::size_t labels = 0;
  double load_ms = 0;
  double images_per_s = 0;                       // inference alone, on all threads
  std::optional<double> golden_difference = {};  // largest, where the bundle carries golden tensors
};

}  // namespace eidetic
