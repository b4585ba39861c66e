#include "embed/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openvino/frontend/manager.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/openvino.hpp>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "embed/layers.h"
#include "embed/models.h"
#include "embed/qlinear_conv.h"

namespace eidetic {
namespace graph {
namespace {

namespace fs = std::filesystem;

// The name under which a layer is listed: a tensor's own where it has one, else its node's.
std::string layer_name(const ov::Output<ov::Node>& output) {
  const auto& names = output.get_names();
  if (names.empty()) return output.get_node()->get_friendly_name();
  return *std::ranges::min_element(names);
}

bool is_layer(const ov::Node& node) {
  return !ov::is_type<ov::op::v0::Constant>(&node) && !ov::is_type<ov::op::v0::Result>(&node);
}

std::vector<std::string> all_names(const ov::Model& model) {
  std::vector<std::string> all;
  for (const auto& node : model.get_ordered_ops()) {
    if (!is_layer(*node)) continue;
    all.push_back(node->get_friendly_name());
    for (const auto& output : node->outputs())
      all.insert(all.end(), output.get_names().begin(), output.get_names().end());
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

// OpenVINO's front end for a file, by its ending. Asking each front end in turn, as ov::Core does, makes some of them
// write to standard error.
std::string_view front_end_name(const fs::path& file) {
  const std::string ending = to_lower(file.extension().native());
  if (ending == ".onnx") return "onnx";
  if (ending == ".xml") return "ir";
  if (ending == ".tflite") return "tflite";
  if (ending == ".pdmodel") return "paddle";
  return "";
}

std::shared_ptr<ov::Model> convert(const fs::path& file) {
  ov::frontend::FrontEndManager manager;
  const auto front_end = manager.load_by_framework(std::string(front_end_name(file)));
  OPENVINO_ASSERT(front_end, "this build of the inference library does not read such files");
  front_end->add_extension(qlinear_conv_extension());
  return front_end->convert(front_end->load(file.native()));
}

bool says_unsupported(std::string_view reason) {
  const std::string text = to_lower(reason);
  return text.contains("not supported") || text.contains("unsupported") || text.contains("no conversion rule") ||
         text.contains("not implemented");
}

}  // namespace

ov::Core& core() {
  static auto* const core = new ov::Core;
  return *core;
}

std::string reason(const std::exception& exception) {
  std::string text;
  for (const std::string_view raw : split(exception.what(), '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with("Exception from ") || line.starts_with("Check '") ||
        line.starts_with("FrontEnd API failed")) {
      continue;
    }
    text += text.empty() ? "" : " ";
    text += line;
  }
  constexpr std::size_t kShown = 300;
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text.empty() ? "the inference library gives no reason" : text;
}

Result<std::shared_ptr<ov::Model>> read_model(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) {
    return fail(ErrorCode::not_found, fmt::format("there is no model file '{}'", file.native()));
  }
  if (!fs::is_regular_file(file, error)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no model file", file.native()));
  }
  if (front_end_name(file).empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("'{}' is no model file by its ending: .onnx, .xml (OpenVINO IR), .tflite or .pdmodel (Paddle)",
                    file.native()));
  }
  try {
    return convert(file);
  } catch (const std::exception& exception) {
    const std::string why = reason(exception);
    if (says_unsupported(why)) {
      return fail(ErrorCode::unsupported, fmt::format("'{}' uses what is not supported: {}", file.native(), why));
    }
    return fail(ErrorCode::corrupt, fmt::format("'{}' is no model of the kind '{}', or it is damaged: {}",
                                                file.native(), front_end_name(file), why));
  }
}

Result<std::shared_ptr<ov::op::v0::Parameter>> find_input(const ov::Model& model,
                                                          const std::optional<std::string>& name,
                                                          const fs::path& file) {
  std::vector<std::string> names;
  for (const auto& parameter : model.get_parameters()) {
    const auto output = parameter->output(0);
    if (name && (output.get_names().contains(*name) || parameter->get_friendly_name() == *name)) return parameter;
    names.push_back(layer_name(output));
  }
  if (name) {
    return fail(ErrorCode::not_found,
                fmt::format("'{}' has no input '{}'; its inputs: {}", file.native(), *name, fmt::join(names, ", ")));
  }
  if (names.size() != 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has {} inputs ({}); name the one to be filled as 'input' in model.json",
                            file.native(), names.size(), fmt::join(names, ", ")));
  }
  return model.get_parameters().front();
}

Result<ov::Output<ov::Node>> find_layer(const ov::Model& model, const std::optional<std::string>& name,
                                        const fs::path& file) {
  if (!name) {
    if (model.get_results().empty()) {
      return fail(ErrorCode::unsupported, fmt::format("'{}' has no output", file.native()));
    }
    return model.get_results().back()->input_value(0);
  }
  std::optional<ov::Output<ov::Node>> by_node;
  for (const auto& node : model.get_ordered_ops()) {
    if (!is_layer(*node)) continue;
    for (const auto& output : node->outputs()) {
      if (output.get_names().contains(*name)) return output;
    }
    if (node->get_friendly_name() == *name && node->get_output_size() > 0) by_node = node->output(0);
  }
  if (by_node) return *by_node;
  return fail(ErrorCode::not_found,
              fmt::format(
                  "'{}' has no layer '{}'{} List them with: eidetic models layers {}", file.native(), *name,
                  [&] {
                    const std::string near = did_you_mean(*name, all_names(model));
                    return near.empty() ? "." : near;
                  }(),
                  file.native()));
}

std::string shape_text(const ov::PartialShape& shape) {
  if (shape.rank().is_dynamic()) return "[…]";
  std::vector<std::string> sizes;
  for (const auto& dimension : shape) {
    sizes.push_back(dimension.is_static() ? std::to_string(dimension.get_length()) : "?");
  }
  return fmt::format("[{}]", fmt::join(sizes, ","));
}

}  // namespace graph

Result<std::vector<LayerInfo>> list_layers(const std::filesystem::path& model_file) {
  EIDETIC_TRY(const auto model, graph::read_model(model_file));
  std::vector<LayerInfo> layers;
  for (const auto& node : model->get_ordered_ops()) {
    if (!graph::is_layer(*node)) continue;
    for (const auto& output : node->outputs()) {
      const auto& targets = output.get_target_inputs();
      layers.push_back({.name = graph::layer_name(output),
                        .op = node->get_type_name(),
                        .shape = graph::shape_text(output.get_partial_shape()),
                        .type = output.get_element_type().get_type_name(),
                        .output = std::ranges::any_of(targets, [](const auto& target) {
                          return ov::is_type<ov::op::v0::Result>(target.get_node());
                        })});
    }
  }
  return layers;
}

Result<PictureInput> picture_input(const std::filesystem::path& model_file, const std::string& input) {
  EIDETIC_TRY(const auto model, graph::read_model(model_file));
  const auto name = input.empty() ? std::nullopt : std::optional(input);
  EIDETIC_TRY(const auto parameter, graph::find_input(*model, name, model_file));
  const ov::PartialShape& shape = parameter->get_partial_shape();
  const auto size = [&](std::size_t i) { return shape[i].is_static() ? static_cast<int>(shape[i].get_length()) : 0; };
  const bool four = shape.rank().is_static() && shape.size() == 4;
  const bool planar = four && (size(1) == 3 || (size(1) == 0 && size(3) != 3));
  if (!four || (!planar && size(3) != 3)) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' takes {}, not pictures of three channels: [n,3,height,width] or [n,height,width,3]",
                            model_file.native(), graph::shape_text(shape)));
  }
  return PictureInput{.name = graph::layer_name(parameter->output(0)),
                      .height = size(planar ? 2 : 1),
                      .width = size(planar ? 3 : 2),
                      .planar = planar};
}

std::string inference_library() {
  // "2026.4.1-22982-e213a147257-releases/2026/4"
  const std::string_view build = ov::get_openvino_version().buildNumber;
  return fmt::format("OpenVINO {}", build.substr(0, build.find('-')));
}

}  // namespace eidetic
