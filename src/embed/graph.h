// Reading and cutting model graphs with OpenVINO. Included by this room's .cpp files alone.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "eidetic/error.h"

namespace ov {
class Core;
class Model;
class Node;
class PartialShape;
template <typename NodeType>
class Output;
namespace op::v0 {
class Parameter;
}
}  // namespace ov

namespace eidetic::graph {

// The one core of the process. It holds plug-ins and thread pools, costs a tenth of a second and has no state of ours.
// Never destroyed: at exit its threads may outlive static objects.
[[nodiscard]] ov::Core& core();

// What an exception of OpenVINO says, without its source positions.
[[nodiscard]] std::string reason(const std::exception& exception);

// Errors: see list_layers.
[[nodiscard]] Result<std::shared_ptr<ov::Model>> read_model(const std::filesystem::path& file);

// The input of that name, or the only one.
[[nodiscard]] Result<std::shared_ptr<ov::op::v0::Parameter>> find_input(const ov::Model& model,
                                                                        const std::optional<std::string>& name,
                                                                        const std::filesystem::path& file);
// The tensor or node of that name, or the last output.
[[nodiscard]] Result<ov::Output<ov::Node>> find_layer(const ov::Model& model, const std::optional<std::string>& name,
                                                      const std::filesystem::path& file);

[[nodiscard]] std::string shape_text(const ov::PartialShape& shape);

}  // namespace eidetic::graph
