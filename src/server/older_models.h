// Model descriptions of older clients, as bundles (docs/model-bundles.md).
#pragma once

#include <expected>
#include <string>

#include "eidetic/engine.h"

#include "base/json.h"
#include "server/http_message.h"

namespace eidetic {

struct OlderModel {
  std::string name;    // made of model_name: lower case, what is no letter or digit as '_'
  std::string url;     // of the model file
  std::string bundle;  // model.json
};

// {model_name, model_url, image_transformation: {steps: […]}, image_size, layer_name, channels}. Values come as the
// model gives them: neither pooled nor brought to unit length. Errors: invalid_argument naming step and field.
[[nodiscard]] Result<OlderModel> older_model(const Json& config);

// The name of a model that is there, or is fetched from the zoo now.
[[nodiscard]] std::expected<std::string, Problem> find_architecture(Engine& engine, const std::string& name);

}  // namespace eidetic
