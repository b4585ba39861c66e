#include "train/onnx_graft.h"

#include <fmt/format.h>
#define ONNX_ML 1
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/file.h"

namespace eidetic {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{2} << 30;  // that a protocol buffer may have
constexpr float kLeastNorm = 1e-12F;

std::unexpected<Error> unsupported(const std::filesystem::path& file, std::string_view why) {
  return fail(ErrorCode::unsupported, fmt::format("'{}': {}", file.native(), why));
}

void set_integer(onnx::NodeProto& node, const char* name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto_AttributeType_INT);
  attribute.set_i(value);
}

// Nodes one behind the other; each takes the value that the one before gave.
class Chain {
 public:
  Chain(onnx::ModelProto& model, std::string value) : graph_(*model.mutable_graph()), value_(std::move(value)) {
    for (const auto& set : model.opset_import()) {
      if (set.domain().empty() || set.domain() == "ai.onnx") opset_ = set.version();
    }
  }

  [[nodiscard]] const std::string& value() const noexcept { return value_; }
  onnx::NodeProto& add(const std::string& operation, std::vector<std::string> more = {}) {
    auto& node = *graph_.add_node();
    node.set_op_type(operation);
    node.set_name(fmt::format("eidetic_head/{}_{}", operation, graph_.node_size()));
    node.add_input(value_);
    for (auto& input : more) node.add_input(std::move(input));
    value_ = node.name();
    node.add_output(value_);
    return node;
  }
  std::string constant(std::span<const float> values, std::vector<std::int64_t> shape) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(fmt::format("eidetic_head/constant_{}", graph_.initializer_size()));
    tensor.set_data_type(onnx::TensorProto_DataType_FLOAT);
    for (const std::int64_t size : shape) tensor.add_dims(size);
    tensor.set_raw_data(values.data(), values.size_bytes());
    return tensor.name();
  }
  // Over the axes; where keep is set, they stay with a size of 1.
  void reduce(const std::string& operation, const std::vector<std::int64_t>& axes, bool keep) {
    constexpr std::int64_t kAxesAreInput = 18;  // from this version of the operators on
    onnx::NodeProto* node = nullptr;
    if (opset_ >= kAxesAreInput) {
      auto& tensor = *graph_.add_initializer();
      tensor.set_name(fmt::format("eidetic_head/axes_{}", graph_.initializer_size()));
      tensor.set_data_type(onnx::TensorProto_DataType_INT64);
      tensor.add_dims(static_cast<std::int64_t>(axes.size()));
      for (const std::int64_t axis : axes) tensor.add_int64_data(axis);
      node = &add(operation, {tensor.name()});
    } else {
      node = &add(operation);
      auto& attribute = *node->add_attribute();
      attribute.set_name("axes");
      attribute.set_type(onnx::AttributeProto_AttributeType_INTS);
      for (const std::int64_t axis : axes) attribute.add_ints(axis);
    }
    set_integer(*node, "keepdims", keep ? 1 : 0);
  }
  std::string scalar(float value) { return constant(std::span(&value, 1), {}); }

 private:
  onnx::GraphProto& graph_;
  std::string value_;
  std::int64_t opset_ = 0;
};

// The name of the tensor that `layer` means.
std::optional<std::string> find_tensor(const onnx::GraphProto& graph, const std::optional<std::string>& layer) {
  if (!layer) {
    if (graph.output_size() == 0) return std::nullopt;
    return graph.output(graph.output_size() - 1).name();
  }
  for (const auto& node : graph.node()) {
    if (std::ranges::find(node.output(), *layer) != node.output().end()) return *layer;
  }
  for (const auto& node : graph.node()) {
    if (node.name() == *layer && node.output_size() > 0) return node.output(0);
  }
  return std::nullopt;
}

// Leaves the nodes and weights that `tensor` is made of.
void keep_ancestors(onnx::GraphProto& graph, const std::string& tensor) {
  std::set<std::string> needed = {tensor};
  std::vector<onnx::NodeProto> kept;
  // Nodes are listed in an order in which each comes after what it takes.
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const auto& node = graph.node(i);
    if (std::ranges::none_of(node.output(), [&](const auto& output) { return needed.contains(output); })) continue;
    needed.insert(node.input().begin(), node.input().end());
    // What the graphs of an If or a Loop take from around them.
    for (const auto& attribute : node.attribute()) {
      for (const auto& inner : attribute.g().node()) needed.insert(inner.input().begin(), inner.input().end());
    }
    kept.push_back(node);
  }
  graph.clear_node();
  for (auto node = kept.rbegin(); node != kept.rend(); ++node) *graph.add_node() = std::move(*node);
  const auto drop_others = [&](auto& list) {
    for (int i = list.size() - 1; i >= 0; --i) {
      if (!needed.contains(list[i].name())) list.DeleteSubrange(i, 1);
    }
  };
  drop_others(*graph.mutable_initializer());
  drop_others(*graph.mutable_input());
}

void add_pooling(Chain& chain, const TrunkOutput& output) {
  using enum TrunkOutput::Pooling;
  if (output.rank <= 2) return;
  if (output.pooling == none) {
    set_integer(chain.add("Flatten"), "axis", 1);
    return;
  }
  std::vector<std::int64_t> axes = {1};
  if (output.rank == 4) axes = output.channels_last ? std::vector<std::int64_t>{1, 2} : std::vector<std::int64_t>{2, 3};
  if (output.pooling != gem) return chain.reduce(output.pooling == avg ? "ReduceMean" : "ReduceMax", axes, false);
  constexpr float kLeast = 1e-6F;
  chain.add("Max", {chain.scalar(kLeast)});
  chain.add("Pow", {chain.scalar(static_cast<float>(output.gem_p))});
  chain.reduce("ReduceMean", axes, false);
  chain.add("Pow", {chain.scalar(static_cast<float>(1 / output.gem_p))});
}

void add_unit_length(Chain& chain) {
  const std::string rows = chain.value();
  chain.reduce("ReduceL2", {1}, true);
  const std::string length = chain.add("Add", {chain.scalar(kLeastNorm)}).output(0);
  auto& unit = chain.add("Div");
  unit.clear_input();
  unit.add_input(rows);
  unit.add_input(length);
}

void add_head(Chain& chain, const PerceptronShape& shape, std::span<const float> parameters) {
  for (std::size_t layer = 0; layer < shape.layers.size(); ++layer) {
    const auto inputs = static_cast<std::int64_t>(shape.inputs_of(layer));
    const auto outputs = static_cast<std::int64_t>(shape.layers[layer]);
    const auto weights = parameters.subspan(shape.place_of(layer), static_cast<std::size_t>(inputs * outputs));
    const auto biases = parameters.subspan(shape.place_of(layer) + weights.size(), shape.layers[layer]);
    chain.add("Relu");
    const std::string matrix = chain.constant(weights, {outputs, inputs});
    const std::string offsets = chain.constant(biases, {outputs});
    set_integer(chain.add("Gemm", {matrix, offsets}), "transB", 1);
  }
}

}  // namespace

Result<void> graft_head(const std::filesystem::path& trunk, const TrunkOutput& output, const PerceptronShape& shape,
                        std::span<const float> parameters, const std::filesystem::path& file) {
  EIDETIC_TRY(const std::string bytes, read_text(trunk, kMostBytes));
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes) || !model.has_graph())
    return unsupported(trunk, "a head is put on ONNX models alone, and this is none");
  auto& graph = *model.mutable_graph();
  const auto outside = [](const auto& tensor) {
    return tensor.data_location() == onnx::TensorProto_DataLocation_EXTERNAL;
  };
  if (std::ranges::any_of(graph.initializer(), outside)) {
    return unsupported(trunk, "its weights are in another file; a head is put on models with their weights in them");
  }
  const auto tensor = find_tensor(graph, output.layer);
  if (!tensor) return unsupported(trunk, fmt::format("there is no layer '{}'", output.layer.value_or("")));
  keep_ancestors(graph, *tensor);
  constexpr std::int64_t kWeightsNeedNoInput = 4;  // from this version of the format on
  model.set_ir_version(std::max(model.ir_version(), kWeightsNeedNoInput));
  Chain chain(model, *tensor);
  add_pooling(chain, output);
  if (output.l2_normalize) add_unit_length(chain);
  add_head(chain, shape, parameters);
  graph.mutable_node(graph.node_size() - 1)->set_output(0, std::string(kHeadOutput));
  graph.clear_output();
  auto& made = *graph.add_output();
  made.set_name(std::string(kHeadOutput));
  auto& type = *made.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto_DataType_FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("n");
  type.mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(shape.outputs()));
  std::string written;
  if (!model.SerializeToString(&written)) return unsupported(trunk, "with its head it is larger than 2 GiB");
  return write_file_atomically(file, written);
}

}  // namespace eidetic
