// For tests: bundles around the models of the repository and of the shared test material.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "eidetic/image.h"

#include "base/file.h"
#include "base/json.h"
#include "base/test_files.h"

namespace eidetic {

inline std::filesystem::path default_bundle() {
  return std::filesystem::path(EIDETIC_SOURCE_DIR) / "models" / "default";
}

// x / 127.5 - 1 of the middle `size` x `size` of a picture whose short side was made `short_side`.
inline Json unit_steps(int short_side, int size) {
  return {{{"resize_short_side", {{"size", short_side}}}},
          {{"center_crop", {{"width", size}, {"height", size}}}},
          {{"normalize", {{"sub", {127.5, 127.5, 127.5}}, {"div", {127.5, 127.5, 127.5}}}}}};
}

// A bundle folder with a link to `model`; `fields` replace the plain ones.
inline std::filesystem::path make_bundle(const TemporaryDirectory& folder, const std::filesystem::path& model,
                                         const Json& fields = Json::object()) {
  const auto target = folder / model.stem().native();
  std::filesystem::create_directories(target);
  std::filesystem::remove(target / model.filename());
  std::filesystem::create_symlink(model, target / model.filename());
  Json json = {{"name", "tested"}, {"model", model.filename().native()}, {"preprocess", unit_steps(256, 224)}};
  json.update(fields);
  if (!write_file_atomically(target / "model.json", dump_json(json))) std::abort();
  return target;
}

// Coloured waves; another `seed`, another picture.
inline Image waves(int width, int height, int seed = 0) {
  Image image{.width = width, .height = height, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x * 2 + seed * 37, (x * y / 32) ^ seed, y * 3 - x + seed * 11}) {
        image.pixels.push_back(static_cast<std::uint8_t>(value & 255));
      }
    }
  }
  return image;
}

}  // namespace eidetic
