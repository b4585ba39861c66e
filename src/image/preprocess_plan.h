// What a list of preprocessing steps means, ready to run. Internal to the room.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "base/json.h"
#include "image/preprocess.h"
#include "image/resample.h"

namespace eidetic {

using Color = std::array<std::uint8_t, 3>;

// A step that changes the size of the picture.
struct GeometryStep {
  enum class Kind { resize, short_side, letterbox, center_crop };
  Kind kind = Kind::resize;
  std::int32_t width = 0;   // of the result; short_side: the length of that side
  std::int32_t height = 0;  // of the result; short_side: unused
  bool truncate = false;    // short_side: how the other side becomes a whole number
  Resampling resampling = {};
  std::optional<Color> color = {};  // of what letterbox and center_crop add; center_crop without it adds nothing
};

struct PreprocessPlan {
  std::vector<GeometryStep> geometry;
  TensorShape shape;
  std::int32_t min_short_side = 0;
  ToFloat to_float;
};

// Errors as Preprocess::compile.
[[nodiscard]] Result<PreprocessPlan> parse_steps(const Json& steps, std::string_view where);

}  // namespace eidetic
