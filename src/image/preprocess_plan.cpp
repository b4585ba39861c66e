#include "image/preprocess_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::int64_t kMaxSide = 8192;  // of a tensor, and of a short side
constexpr std::size_t kMaxSteps = 64;

// Follows the picture from step to step; affine maps of one channel compose into one.
struct Compiler {
  PreprocessPlan plan;
  std::array<double, 3> scale = {1, 1, 1};   // by channel, in the order of this point
  std::array<double, 3> offset = {0, 0, 0};  // likewise
  std::string tensor_maker;                  // the step that made a tensor of the picture; empty: it is a picture still
  std::string float_maker;                   // the to_float or normalize among them
  std::int32_t width = 0, height = 0;        // 0: depends on the picture
};

using Handler = Result<void> (*)(JsonReader& fields, Compiler& compiler);

std::unexpected<Error> reject(const JsonReader& fields, std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", fields.where(), what));
}

Result<void> needs_picture(const JsonReader& fields, const Compiler& compiler) {
  if (compiler.tensor_maker.empty()) return {};
  return reject(fields, fmt::format("needs a picture, but {} has made a tensor of it: put this step before that one",
                                    compiler.tensor_maker));
}

void make_tensor(const JsonReader& fields, Compiler& compiler) {
  if (compiler.tensor_maker.empty()) compiler.tensor_maker = fields.where();
}

Result<std::int32_t> side(JsonReader& fields, std::string_view field) {
  EIDETIC_TRY(const std::int64_t value, fields.get<std::int64_t>(field));
  if (value < 1 || value > kMaxSide) {
    return reject(fields, fmt::format("field '{}' must be 1 to {}, not {}", field, kMaxSide, value));
  }
  return static_cast<std::int32_t>(value);
}

Result<Resampling> resampling(JsonReader& fields) {
  EIDETIC_TRY(const std::string name, fields.get_or<std::string>("filter", "bilinear"));
  const std::optional<ResampleFilter> filter = parse_resample_filter(name);
  if (!filter) {
    return reject(fields, fmt::format("field 'filter' must be nearest, bilinear, bicubic, gaussian or lanczos3, not "
                                      "'{}'",
                                      name));
  }
  EIDETIC_TRY(const bool antialias, fields.get_or<bool>("antialias", true));
  return Resampling{*filter, antialias};
}

Result<std::array<double, 3>> triple(JsonReader& fields, std::string_view field) {
  EIDETIC_TRY(const std::vector<double> values, fields.get<std::vector<double>>(field));
  if (values.size() != 3) {
    return reject(fields, fmt::format("field '{}' must have 3 numbers, not {}", field, values.size()));
  }
  return std::array{values[0], values[1], values[2]};
}

Result<Color> color(JsonReader& fields, std::string_view field) {
  EIDETIC_TRY(const auto values, triple(fields, field));
  Color result{};
  for (std::size_t c = 0; c < 3; ++c) {
    if (values[c] < 0 || values[c] > 255 || values[c] != std::floor(values[c])) {
      return reject(fields, fmt::format("field '{}' must have whole numbers from 0 to 255", field));
    }
    result[c] = static_cast<std::uint8_t>(values[c]);
  }
  return result;
}

// Decoding at a fraction loses nothing as long as the first step still halves the picture. Filters that do not average
// all pixels would see other pixels.
std::int32_t lossless_short_side(const GeometryStep& first) {
  if (first.kind == GeometryStep::Kind::center_crop || !first.resampling.antialias ||
      first.resampling.filter == ResampleFilter::nearest) {
    return 0;
  }
  return 2 * std::max(first.width, first.height);
}

void add(Compiler& compiler, const GeometryStep& step) {
  if (compiler.plan.geometry.empty()) compiler.plan.min_short_side = lossless_short_side(step);
  compiler.plan.geometry.push_back(step);
  const bool fixed = step.kind != GeometryStep::Kind::short_side;
  compiler.width = fixed ? step.width : 0;
  compiler.height = fixed ? step.height : 0;
}

Result<void> resize(JsonReader& fields, Compiler& compiler) {
  GeometryStep step{.kind = GeometryStep::Kind::resize};
  EIDETIC_TRY(step.width, side(fields, "width"));
  EIDETIC_TRY(step.height, side(fields, "height"));
  EIDETIC_TRY(step.resampling, resampling(fields));
  EIDETIC_CHECK(needs_picture(fields, compiler));
  add(compiler, step);
  return {};
}

Result<void> resize_short_side(JsonReader& fields, Compiler& compiler) {
  GeometryStep step{.kind = GeometryStep::Kind::short_side};
  EIDETIC_TRY(step.width, side(fields, "size"));
  EIDETIC_TRY(const double percent, fields.get_or<double>("scale_pct", 100));
  const double size = std::floor(100.0 * step.width / percent);
  if (!(percent > 0) || !(size >= 1) || size > static_cast<double>(kMaxSide)) {
    return reject(fields, fmt::format("field 'scale_pct' must leave a short side of 1 to {}, not {}", kMaxSide, size));
  }
  step.width = static_cast<std::int32_t>(size);
  EIDETIC_TRY(const std::string rounding, fields.get_or<std::string>("rounding", "round"));
  if (rounding != "round" && rounding != "truncate") {
    return reject(fields, fmt::format("field 'rounding' must be round or truncate, not '{}'", rounding));
  }
  step.truncate = rounding == "truncate";
  EIDETIC_TRY(step.resampling, resampling(fields));
  EIDETIC_CHECK(needs_picture(fields, compiler));
  add(compiler, step);
  return {};
}

Result<void> letterbox(JsonReader& fields, Compiler& compiler) {
  GeometryStep step{.kind = GeometryStep::Kind::letterbox};
  EIDETIC_TRY(step.width, side(fields, "width"));
  EIDETIC_TRY(step.height, side(fields, "height"));
  step.color = Color{0, 0, 0};
  if (fields.has("color")) {
    EIDETIC_TRY(step.color, color(fields, "color"));
  }
  EIDETIC_TRY(step.resampling, resampling(fields));
  EIDETIC_CHECK(needs_picture(fields, compiler));
  add(compiler, step);
  return {};
}

Result<void> center_crop(JsonReader& fields, Compiler& compiler) {
  GeometryStep step{.kind = GeometryStep::Kind::center_crop};
  EIDETIC_TRY(step.width, side(fields, "width"));
  EIDETIC_TRY(step.height, side(fields, "height"));
  EIDETIC_TRY(const Json pad, fields.get_or<Json>("pad", nullptr));
  if (!pad.is_null()) {
    EIDETIC_TRY(step.color, color(fields, "pad"));
  }
  EIDETIC_CHECK(needs_picture(fields, compiler));
  if (!step.color && compiler.width != 0 && (step.width > compiler.width || step.height > compiler.height)) {
    return reject(fields, fmt::format("crops {} x {} from a picture of {} x {}: give 'pad' a color", step.width,
                                      step.height, compiler.width, compiler.height));
  }
  add(compiler, step);
  return {};
}

Result<void> to_float(JsonReader& fields, Compiler& compiler) {
  EIDETIC_TRY(const double scale, fields.get_or<double>("scale", 1.0 / 255));
  if (!compiler.float_maker.empty()) {
    return reject(fields, fmt::format("needs 8-bit values, but {} has made floats of them", compiler.float_maker));
  }
  for (double& value : compiler.scale) value *= scale;
  compiler.float_maker = fields.where();
  make_tensor(fields, compiler);
  return {};
}

Result<void> normalize(JsonReader& fields, Compiler& compiler) {
  EIDETIC_TRY(const auto sub, triple(fields, "sub"));
  EIDETIC_TRY(const auto div, triple(fields, "div"));
  EIDETIC_TRY(const double scale, fields.get_or<double>("scale", 1.0));
  for (std::size_t c = 0; c < 3; ++c) {
    if (div[c] == 0) return reject(fields, "field 'div' must not have a zero");
    compiler.scale[c] = compiler.scale[c] * scale / div[c];
    compiler.offset[c] = (compiler.offset[c] * scale - sub[c]) / div[c];
  }
  compiler.float_maker = fields.where();
  make_tensor(fields, compiler);
  return {};
}

Result<void> channel_order(JsonReader& fields, Compiler& compiler) {
  EIDETIC_TRY(const std::string order, fields.get<std::string>("order"));
  const bool bgr = order == "BGR";
  if (!bgr && order != "RGB") return reject(fields, fmt::format("field 'order' must be RGB or BGR, not '{}'", order));
  if (bgr != compiler.plan.to_float.bgr) {
    std::swap(compiler.scale[0], compiler.scale[2]);
    std::swap(compiler.offset[0], compiler.offset[2]);
  }
  compiler.plan.to_float.bgr = bgr;
  return {};
}

Result<void> layout(JsonReader& fields, Compiler& compiler) {
  EIDETIC_TRY(const std::string order, fields.get<std::string>("order"));
  if (order != "planar" && order != "interleaved") {
    return reject(fields, fmt::format("field 'order' must be planar or interleaved, not '{}'", order));
  }
  compiler.plan.shape.planar = order == "planar";
  make_tensor(fields, compiler);
  return {};
}

Result<void> transpose(JsonReader& fields, Compiler& compiler) {
  EIDETIC_TRY(const std::vector<double> axes, fields.get<std::vector<double>>("axes"));
  if (axes == std::vector<double>{0, 1, 2, 3}) {
    make_tensor(fields, compiler);
    return {};
  }
  const bool to_planar = axes == std::vector<double>{0, 3, 1, 2};
  if (!to_planar && axes != std::vector<double>{0, 2, 3, 1}) {
    return reject(fields,
                  "field 'axes' must be [0,3,1,2] (interleaved to planar) or [0,2,3,1] (planar to interleaved)");
  }
  if (to_planar == compiler.plan.shape.planar) {
    return reject(fields, to_planar ? "field 'axes' wants an interleaved tensor, but it is planar here"
                                    : "field 'axes' wants a planar tensor, but it is interleaved here");
  }
  compiler.plan.shape.planar = to_planar;
  make_tensor(fields, compiler);
  return {};
}

struct Step {
  std::string_view name;
  Handler handler;
};
constexpr std::array kSteps = {
    Step{"resize", resize},       Step{"resize_short_side", resize_short_side},
    Step{"letterbox", letterbox}, Step{"center_crop", center_crop},
    Step{"to_float", to_float},   Step{"normalize", normalize},
    Step{"layout", layout},       Step{"channel_order", channel_order},
    Step{"transpose", transpose},
};

Result<void> compile_step(const Json& step, const std::string& place, Compiler& compiler) {
  if (!step.is_object() || step.size() != 1) {
    return fail(ErrorCode::invalid_argument,
                place + R"( must be an object with one key, the step's name: {"resize": {…}})");
  }
  const std::string& name = step.begin().key();
  const auto* known = std::ranges::find(kSteps, name, &Step::name);
  if (known == kSteps.end()) {
    std::vector<std::string> names;
    for (const Step& each : kSteps) names.emplace_back(each.name);
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: unknown step '{}'{}", place, name, did_you_mean(name, names)));
  }
  EIDETIC_TRY(JsonReader fields, JsonReader::of(step.begin().value(), fmt::format("{} '{}'", place, name)));
  EIDETIC_CHECK(known->handler(fields, compiler));
  return fields.finish();
}

}  // namespace

Result<PreprocessPlan> parse_steps(const Json& steps, std::string_view where) {
  if (!steps.is_array() || steps.size() > kMaxSteps) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: preprocess must be a list of at most {} steps", where, kMaxSteps));
  }
  Compiler compiler;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EIDETIC_CHECK(compile_step(steps[i], fmt::format("{}: preprocess[{}]", where, i), compiler));
  }
  if (compiler.width == 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: preprocess leaves the size of the tensor open: its last resizing step must be resize, "
                            "letterbox or center_crop",
                            where));
  }
  PreprocessPlan plan = std::move(compiler.plan);
  plan.shape.width = compiler.width;
  plan.shape.height = compiler.height;
  for (std::size_t c = 0; c < 3; ++c) {
    plan.to_float.scale[c] = static_cast<float>(compiler.scale[c]);
    plan.to_float.offset[c] = static_cast<float>(compiler.offset[c]);
    if (!std::isfinite(plan.to_float.scale[c] * 255 + plan.to_float.offset[c])) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: preprocess makes values that no float holds: check scale, sub and div", where));
    }
  }
  return plan;
}

}  // namespace eidetic
