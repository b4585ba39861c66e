// The description of a model: model.json, as docs/model-bundles.md has it field by field. Pure values; nothing here
// loads a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "eidetic/error.h"

#include "base/json.h"

namespace eidetic {

// How a spatial output becomes one value a channel; `none` keeps every value in the order of the tensor.
enum class Pooling { none, avg, max, gem };
[[nodiscard]] std::string_view to_string(Pooling pooling) noexcept;

struct LabelsPart {
  std::string file;                       // one class name a line
  std::optional<std::string> layer = {};  // of the class scores; none: the last output
};

// How text becomes token ids: words of a list, byte pairs as CLIP has them, or what a tokenizer.json describes.
enum class TokenizerKind { words, clip, file };
[[nodiscard]] std::string_view to_string(TokenizerKind kind) noexcept;

using PaddingToken = std::variant<std::int64_t, std::string>;  // an id, or the token that has it

struct TextPart {
  std::string model;
  TokenizerKind tokenizer = TokenizerKind::words;
  std::string vocabulary = {};            // words: one a line; clip: token to id, or empty: counted from `merges`
  std::string merges = {};                // clip: one pair a line
  std::string tokenizer_file = {};        // file: a tokenizer.json
  std::optional<std::string> input = {};  // of the ids; none: the only one, attention_mask and token_type_ids aside
  std::optional<std::string> layer = {};  // none: the last output
  std::uint32_t length = 77;              // tokens; longer texts are cut, shorter ones padded
  std::optional<PaddingToken> pad = {};   // none: as the tokenizer.json says, else 0. Not with words
};

struct GoldenPart {
  std::string input;   // .npy: a preprocessed picture
  std::string output;  // .npy: its vector
  double tolerance = 1e-3;
};

struct ModelBundle {
  std::string name;
  std::filesystem::path folder = {};  // file names below are relative to it
  std::string model = {};             // .onnx, .xml (OpenVINO IR), .tflite, .pdmodel (Paddle)
  std::optional<std::string> sha256 = {};
  std::optional<std::string> input = {};  // none: the only one
  Json preprocess = Json::array();        // docs/preprocessing.md
  std::optional<std::string> layer = {};  // tensor or node; none: the last output
  Pooling pooling = Pooling::none;
  double gem_p = 3;
  bool l2_normalize = true;
  std::optional<LabelsPart> labels = {};
  std::optional<TextPart> text = {};
  std::optional<GoldenPart> golden = {};
  std::string description = {}, license = {}, source = {};  // for people

  // Class names by position in the classifier's output; empty where the bundle has none. Errors: those of reading.
  [[nodiscard]] Result<std::vector<std::string>> label_names() const;
  [[nodiscard]] std::filesystem::path file(std::string_view name_in_bundle) const { return folder / name_in_bundle; }
  // The model file and those that belong to it by name (weights of IR and Paddle, external data of ONNX).
  [[nodiscard]] std::vector<std::filesystem::path> model_files() const;
};

// `where` leads every message. Errors: invalid_argument naming the field. Steps are checked by Preprocess::compile, as
// the model is loaded.
[[nodiscard]] Result<ModelBundle> parse_bundle(std::string_view text, const std::filesystem::path& folder,
                                               std::string_view where);
// What parse_bundle reads.
[[nodiscard]] std::string write_bundle(const ModelBundle& bundle);

// A folder with model.json. Errors: not_found (no such folder, no model.json in it), as parse_bundle.
[[nodiscard]] Result<ModelBundle> read_bundle(const std::filesystem::path& folder);

// SHA-256 of all bytes of model_files(). Where the bundle tells the model's digest and it is another: corrupt.
[[nodiscard]] Result<std::string> model_digest(const ModelBundle& bundle);
// Space::hash: over the digest and the fields that change vectors (input, preprocess, layer, pooling, l2_normalize).
// Numbers count by value, so 1 and 1.0 are the same.
[[nodiscard]] std::string space_hash(const ModelBundle& bundle, std::string_view model_digest);

// A name a bundle may have: 1 to 64 of [A-Za-z0-9_.-], not starting with a dot.
[[nodiscard]] bool is_bundle_name(std::string_view name) noexcept;

}  // namespace eidetic
