#include "server/older_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/text.h"

namespace eidetic {
namespace {

struct Size {
  std::int64_t width = 0, height = 0;
};

// {"width": w, "height": h}.
Result<Size> size_of(JsonReader& reader, std::string_view field) {
  EIDETIC_TRY(const Json json, reader.get<Json>(field));
  EIDETIC_TRY(auto sides, JsonReader::of(json, fmt::format("{}.{}", reader.where(), field)));
  Size size;
  EIDETIC_TRY(size.width, sides.get<std::int64_t>("width"));
  EIDETIC_TRY(size.height, sides.get<std::int64_t>("height"));
  EIDETIC_CHECK(sides.finish());
  return size;
}

// Nearest, Triangle, CatmullRom, Gaussian and Lanczos3 have the same names in a bundle, in any case.
Result<std::string> filter_of(JsonReader& reader) {
  EIDETIC_TRY(const std::string filter, reader.get_or<std::string>("filter", "Triangle"));
  return to_lower(filter);
}

Result<Json> resize(JsonReader& reader) {
  EIDETIC_TRY(const Size size, size_of(reader, "image_size"));
  EIDETIC_TRY(const std::string filter, filter_of(reader));
  return Json{{"resize", {{"width", size.width}, {"height", size.height}, {"filter", filter}}}};
}

Result<Json> resize_aspect(JsonReader& reader) {
  EIDETIC_TRY(const Size size, size_of(reader, "image_size"));
  EIDETIC_TRY(const double scale, reader.get<double>("scale"));
  EIDETIC_TRY(const std::string filter, filter_of(reader));
  return Json{{"resize_short_side",
               {{"size", std::min(size.width, size.height)},
                {"scale_pct", scale},
                {"rounding", "truncate"},
                {"filter", filter}}}};
}

Result<Json> crop(JsonReader& reader) {
  EIDETIC_TRY(const Size size, size_of(reader, "crop_size"));
  return Json{{"center_crop", {{"width", size.width}, {"height", size.height}}}};
}

Result<Json> normalization(JsonReader& reader) {
  EIDETIC_TRY(const auto sub, reader.get<std::vector<double>>("sub"));
  EIDETIC_TRY(const auto div, reader.get<std::vector<double>>("div"));
  EIDETIC_TRY(const bool zero_to_one, reader.get_or<bool>("zeroone", false));
  constexpr double kToOne = 1.0 / 255;
  return Json{{"normalize", {{"sub", sub}, {"div", div}, {"scale", zero_to_one ? kToOne : 1.0}}}};
}

Result<Json> transpose(JsonReader& reader) {
  EIDETIC_TRY(const auto axes, reader.get<std::vector<double>>("axes"));
  Json whole = Json::array();
  for (const double axis : axes) whole.push_back(static_cast<std::int64_t>(axis));
  return Json{{"transpose", {{"axes", std::move(whole)}}}};
}

// A step of theirs as one of ours; null: it does nothing here.
Result<Json> step_of(const std::string& name, JsonReader& reader) {
  if (name == "ResizeRGBImage") return resize(reader);
  if (name == "ResizeRGBImageAspectRatio") return resize_aspect(reader);
  if (name == "CenterCrop") return crop(reader);
  if (name == "Normalization") return normalization(reader);
  if (name == "Transpose") return transpose(reader);
  if (name == "ToArray" || name == "ToTensor") return Json();
  const std::vector<std::string> known = {
      "ResizeRGBImage", "ResizeRGBImageAspectRatio", "CenterCrop", "ToArray", "Normalization", "Transpose", "ToTensor"};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}: unknown step '{}'{}", reader.where(), name, did_you_mean(name, known)));
}

Result<Json> steps_of(JsonReader& transformation) {
  EIDETIC_TRY(const Json list, transformation.get<Json>("steps"));
  if (!list.is_array())
    return fail(ErrorCode::invalid_argument, transformation.where() + ".steps: an array is expected");
  Json steps = Json::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}.steps[{}]", transformation.where(), i);
    if (!list[i].is_object() || list[i].size() != 1) {
      return fail(ErrorCode::invalid_argument, where + ": an object with one key, the step, is expected");
    }
    const auto given = list[i].begin();
    EIDETIC_TRY(auto reader, JsonReader::of(given.value(), fmt::format("{} '{}'", where, given.key())));
    EIDETIC_TRY(Json step, step_of(given.key(), reader));
    EIDETIC_CHECK(reader.finish());
    if (!step.is_null()) steps.push_back(std::move(step));
  }
  return steps;
}

std::string plain_name(const std::string& name) {
  std::string plain = to_lower(name);
  std::ranges::replace_if(plain, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return plain;
}

}  // namespace

Result<OlderModel> older_model(const Json& config) {
  EIDETIC_TRY(auto reader, JsonReader::of(config, "config.ModelConfig"));
  OlderModel model;
  EIDETIC_TRY(const std::string name, reader.get<std::string>("model_name"));
  model.name = plain_name(name);
  EIDETIC_TRY(model.url, reader.get<std::string>("model_url"));
  (void)reader.get_or<std::string>("model_type", "ONNX");
  EIDETIC_TRY(const Json transformation, reader.get<Json>("image_transformation"));
  EIDETIC_TRY(auto steps_reader, JsonReader::of(transformation, "image_transformation"));
  EIDETIC_TRY(Json steps, steps_of(steps_reader));
  EIDETIC_CHECK(steps_reader.finish());
  (void)reader.get_or<Json>("image_size", Json());  // the steps say it
  EIDETIC_TRY(const std::string layer, reader.get_or<std::string>("layer_name", ""));
  EIDETIC_TRY(const std::string channels, reader.get_or<std::string>("channels", "CWH"));
  EIDETIC_CHECK(reader.finish());
  if (channels != "CWH" && channels != "WHC") {
    return fail(ErrorCode::invalid_argument, fmt::format("channels: '{}' is neither CWH nor WHC", channels));
  }
  const bool transposed = std::ranges::any_of(steps, [](const Json& step) { return step.contains("transpose"); });
  if (channels == "WHC" && !transposed) steps.push_back({{"layout", {{"order", "interleaved"}}}});
  model.bundle = dump_json({{"name", model.name},
                            {"model", "model.onnx"},
                            {"preprocess", std::move(steps)},
                            {"layer", layer.empty() ? Json() : Json(layer)},
                            {"pooling", "none"},
                            {"l2_normalize", false}});
  return model;
}

std::expected<std::string, Problem> find_architecture(Engine& engine, const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return std::unexpected(Problem(400, "invalid_argument", fmt::format("'{}' is no name of a model", name)));
  }
  if (const auto there = engine.model(name); there) return name;
  const auto pulled = engine.pull_model(name, "");
  if (pulled) return pulled->name;
  return std::unexpected(picture_problem(pulled.error()));
}

}  // namespace eidetic
