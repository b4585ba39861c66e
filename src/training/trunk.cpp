#include "training/trunk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <system_error>

#include "base/file.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kMinInput = 16, kMaxInput = 2048;  // pixels

Result<ModelBundle> resized(const ModelBundle& trunk, std::uint32_t size, const fs::path& folder) {
  EIDETIC_CHECK(make_directories(folder));
  for (const fs::path& file : trunk.model_files()) {
    std::error_code error;
    fs::copy_file(file, folder / file.filename(), fs::copy_options::overwrite_existing, error);
    if (error) {
      return fail(ErrorCode::unavailable,
                  fmt::format("cannot copy '{}' to '{}': {}", file.native(), folder.native(), error.message()));
    }
  }
  ModelBundle copy = trunk;
  copy.folder = folder;
  copy.model = fs::path(trunk.model).filename().native();
  copy.preprocess = with_input_size(trunk.preprocess, size);
  // Their files are not copied, and a trunk needs none of them.
  copy.labels = {};
  copy.text = {};
  copy.golden = {};
  EIDETIC_CHECK(write_file_atomically(folder / "model.json", write_bundle(copy)));
  return copy;
}

Result<ModelBundle> bundle_of(Engine& engine, const TrainRequest& request) {
  EIDETIC_TRY(const ModelInfo info, engine.model(request.trunk));
  EIDETIC_TRY(ModelBundle bundle, parse_bundle(info.bundle, info.folder, fmt::format("the model '{}'", info.name)));
  if (fs::path(bundle.model).extension() == ".onnx") return bundle;
  return fail(ErrorCode::unsupported,
              fmt::format("the model '{}' is '{}': a head is put on ONNX models alone", info.name, bundle.model));
}

Result<TrunkOutput> output_of(Engine& engine, const std::string& name, const ModelBundle& bundle) {
  TrunkOutput output{.layer = bundle.layer, .gem_p = bundle.gem_p, .l2_normalize = bundle.l2_normalize};
  switch (bundle.pooling) {
    case Pooling::none: break;
    case Pooling::avg: output.pooling = TrunkOutput::Pooling::avg; break;
    case Pooling::max: output.pooling = TrunkOutput::Pooling::max; break;
    case Pooling::gem: output.pooling = TrunkOutput::Pooling::gem; break;
  }
  for (const Json& step : bundle.preprocess) {
    const auto layout = step.find("layout");
    if (layout != step.end()) output.channels_last = layout->value("order", "planar") == "interleaved";
  }
  EIDETIC_TRY(const auto layers, engine.layers(name));
  for (const LayerInfo& layer : layers) {
    if (bundle.layer ? layer.name == *bundle.layer : layer.output) {
      output.rank = static_cast<int>(std::ranges::count(layer.shape, ',')) + 1;
    }
  }
  return output;
}

}  // namespace

Result<void> check_trunk(Engine& engine, const TrainRequest& request) {
  EIDETIC_CHECK(bundle_of(engine, request));
  const auto size = request.input_size;
  if (size == 0 || (size >= kMinInput && size <= kMaxInput)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("an input size of {} pixels is outside {} to {}", size, kMinInput, kMaxInput));
}

Result<Trunk> trunk_for(Engine& engine, const TrainRequest& request) {
  EIDETIC_CHECK(check_trunk(engine, request));
  Trunk trunk{.name = request.trunk, .bundle = {}, .output = {}};
  EIDETIC_TRY(trunk.bundle, bundle_of(engine, request));
  EIDETIC_TRY(trunk.output, output_of(engine, request.trunk, trunk.bundle));
  if (request.input_size != 0) {
    EIDETIC_TRY(trunk.bundle, resized(trunk.bundle, request.input_size, request.output / "trunk"));
    trunk.name = trunk.bundle.folder.native();
    if (const auto loaded = engine.embedder(trunk.name, Metric::cosine); !loaded) {
      return fail(ErrorCode::invalid_argument, fmt::format("the model '{}' takes no pictures of {} pixels: {}",
                                                           request.trunk, request.input_size, loaded.error().message));
    }
  }
  return trunk;
}

Json with_input_size(Json steps, std::uint32_t size) {
  static constexpr std::array kSizes = {"width", "height", "size"};
  double longer = 0;
  for (const Json& step : steps) {
    for (const auto& [name, fields] : step.items()) {
      if (!fields.contains("width") || !fields.contains("height")) continue;
      longer = std::max(fields["width"].get<double>(), fields["height"].get<double>());
    }
  }
  if (longer == 0) return steps;
  for (Json& step : steps) {
    for (auto& [name, fields] : step.items()) {
      for (const char* field : kSizes) {
        if (fields.contains(field)) fields[field] = std::lround(fields[field].get<double>() * size / longer);
      }
    }
  }
  return steps;
}

}  // namespace eidetic
