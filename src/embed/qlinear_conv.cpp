#include "embed/qlinear_conv.h"

#include <openvino/frontend/extension/conversion.hpp>
#include <openvino/opsets/opset13.hpp>

#include <map>
#include <string>
#include <vector>

// https://onnx.ai/onnx/operators/onnx__QLinearConv.html, in real numbers: convolve dequantised values, quantise again.
namespace eidetic::graph {
namespace {

namespace op = ov::opset13;
using ov::Output;
using Value = Output<ov::Node>;

Value constant(const std::vector<std::int64_t>& values) {
  return op::Constant::create(ov::element::i64, {values.size()}, values);
}

Value to_float(const Value& value) { return std::make_shared<op::Convert>(value, ov::element::f32); }

// (value - zero) * scale; scale and zero may have been given the shape of their axis.
Value dequantize(const Value& value, const Value& scale, const Value& zero) {
  const auto centred = std::make_shared<op::Subtract>(to_float(value), to_float(zero));
  return std::make_shared<op::Multiply>(centred, scale);
}

// A value an output channel, brought to the shape of `rank` dimensions with the channels on `axis`; a scalar stays.
Value along(const Value& value, std::size_t axis, std::size_t rank) {
  const auto& shape = value.get_partial_shape();
  if (shape.rank().is_static() && shape.size() == 0) return value;
  std::vector<std::int64_t> target(rank, 1);
  target[axis] = -1;
  return std::make_shared<op::Reshape>(value, constant(target), false);
}

Value quantize(const Value& value, const Value& scale, const Value& zero) {
  const bool is_signed = zero.get_element_type() == ov::element::i8;
  const auto bound = [&](float code) -> Value { return op::Constant::create(ov::element::f32, {}, {code}); };
  const Value low = bound(is_signed ? -128.0F : 0.0F);
  const Value high = bound(is_signed ? 127.0F : 255.0F);
  constexpr std::size_t kLevels = 256;
  const auto codes = std::make_shared<op::FakeQuantize>(value, dequantize(low, scale, zero),
                                                        dequantize(high, scale, zero), low, high, kLevels);
  return std::make_shared<op::Convert>(codes, zero.get_element_type());
}

struct Geometry {
  ov::Strides strides, dilations;
  ov::CoordinateDiff begin, end;
  ov::op::PadType pad;
  std::int64_t groups;
};

Geometry geometry(const ov::frontend::NodeContext& node, std::size_t spatial) {
  using Ints = std::vector<std::int64_t>;
  const auto strides = node.get_attribute<Ints>("strides", Ints(spatial, 1));
  const auto dilations = node.get_attribute<Ints>("dilations", Ints(spatial, 1));
  const auto pads = node.get_attribute<Ints>("pads", Ints(2 * spatial, 0));
  const std::map<std::string, ov::op::PadType> kinds = {{"NOTSET", ov::op::PadType::EXPLICIT},
                                                        {"VALID", ov::op::PadType::VALID},
                                                        {"SAME_UPPER", ov::op::PadType::SAME_UPPER},
                                                        {"SAME_LOWER", ov::op::PadType::SAME_LOWER}};
  OPENVINO_ASSERT(strides.size() == spatial && dilations.size() == spatial && pads.size() == 2 * spatial,
                  "QLinearConv: strides, dilations or pads do not fit the kernel");
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(spatial);
  return {.strides = {strides.begin(), strides.end()},
          .dilations = {dilations.begin(), dilations.end()},
          .begin = {pads.begin(), middle},
          .end = {middle, pads.end()},
          .pad = kinds.at(node.get_attribute<std::string>("auto_pad", "NOTSET")),
          .groups = node.get_attribute<std::int64_t>("group", 1)};
}

// Weights [out, in / groups, …] as the grouped convolution takes them: [groups, out / groups, in / groups, …].
Value grouped(const Value& weights, std::int64_t groups) {
  std::vector<std::int64_t> shape = {groups};
  for (const std::size_t extent : weights.get_shape()) shape.push_back(static_cast<std::int64_t>(extent));
  shape[1] /= groups;
  return std::make_shared<op::Reshape>(weights, constant(shape), false);
}

Value convolve(const Value& x, const Value& weights, const Geometry& g) {
  if (g.groups == 1) {
    return std::make_shared<op::Convolution>(x, weights, g.strides, g.begin, g.end, g.dilations, g.pad);
  }
  return std::make_shared<op::GroupConvolution>(x, grouped(weights, g.groups), g.strides, g.begin, g.end, g.dilations,
                                                g.pad);
}

// Inputs: x, x scale, x zero, w, w scale, w zero, y scale, y zero, bias (optional, int32 at x scale * w scale).
ov::OutputVector translate(const ov::frontend::NodeContext& node) {
  const auto in = [&](int i) { return node.get_input(i); };
  const auto& weight_shape = in(3).get_partial_shape();
  OPENVINO_ASSERT(weight_shape.is_static() && weight_shape.size() > 2, "QLinearConv: weights of unknown shape");
  const std::size_t rank = weight_shape.size();
  const Value x = dequantize(in(0), in(1), in(2));
  const Value weights = dequantize(in(3), along(in(4), 0, rank), along(in(5), 0, rank));
  Value y = convolve(x, weights, geometry(node, rank - 2));
  constexpr std::size_t kBias = 8;
  if (node.get_input_size() > kBias) {
    const auto scale = std::make_shared<op::Multiply>(in(1), along(in(4), 1, rank));
    const auto bias = std::make_shared<op::Multiply>(to_float(along(in(kBias), 1, rank)), scale);
    y = std::make_shared<op::Add>(y, bias);
  }
  return {quantize(y, in(6), in(7))};
}

}  // namespace

std::shared_ptr<ov::Extension> qlinear_conv_extension() {
  return std::make_shared<ov::frontend::ConversionExtension>("QLinearConv", translate);
}

}  // namespace eidetic::graph
