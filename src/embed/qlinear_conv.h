// ONNX's QLinearConv for OpenVINO. Its own translation takes the scales of weights quantised channel by channel for
// scales of the input's channels and fails. Included by this room's .cpp files alone.
#pragma once

#include <memory>

namespace ov {
class Extension;
}

namespace eidetic::graph {

[[nodiscard]] std::shared_ptr<ov::Extension> qlinear_conv_extension();

}  // namespace eidetic::graph
