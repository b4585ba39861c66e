// For tests: a whole bundle made up, of two small towers that share a space of three values: the mean colour of a
// picture, and the sum of the colours that a text names, taken apart as CLIP does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "embed/test_onnx.h"

namespace eidetic {

// The ids of the words "red", "green" and "blue", each made by merges of its letters; the other ids follow from CLIP's
// order.
struct ColourWords {
  static constexpr std::string_view kMerges =
      "#version: 0.2\nr e\nre d</w>\nb l\nbl u\nblu e</w>\ng re\ngre e\ngree n</w>\n";
  static constexpr std::int64_t kRed = 513, kBlue = 516, kGreen = 519, kStart = 520, kEnd = 521;
  static constexpr std::size_t kIds = 522;

  // The colours of the words; `padding` gets a strong one of its own, which no vector may show.
  static std::vector<float> table(std::int64_t padding = -1) {
    std::vector<float> table(kIds * 3, 0.0F);
    table[kRed * 3] = table[kGreen * 3 + 1] = table[kBlue * 3 + 2] = 1;
    for (std::size_t i = 0; padding >= 0 && i < 3; ++i) table[static_cast<std::size_t>(padding) * 3 + i] = 50;
    return table;
  }
};

// The bundle "colours" in `folder`; `text` replaces fields of its text tower.
inline std::filesystem::path make_colour_bundle(const std::filesystem::path& folder,
                                                const test_onnx::SumOfTokens& tower,
                                                const Json& text = Json::object()) {
  std::filesystem::create_directories(folder);
  Json part = {{"model", "text.onnx"}, {"tokenizer", "clip"}, {"merges", "merges.txt"}, {"length", 16}};
  part.update(text);
  const Json json = {{"name", "colours"},
                     {"model", "pictures.onnx"},
                     {"preprocess",
                      {{{"resize", {{"width", 8}, {"height", 8}}}},
                       {{"normalize", {{"scale", 1 / 255.0}, {"sub", {0, 0, 0}}, {"div", {1, 1, 1}}}}}}},
                     {"text", part}};
  const bool written = test_onnx::write_mean_colour(folder / "pictures.onnx") &&
                       test_onnx::write_sum_of_tokens(folder / "text.onnx", tower) &&
                       write_file_atomically(folder / "merges.txt", ColourWords::kMerges) &&
                       write_file_atomically(folder / "model.json", dump_json(json));
  if (!written) std::abort();
  return folder;
}

}  // namespace eidetic
