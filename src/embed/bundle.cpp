#include "embed/bundle.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kPoolings = {"none", "avg", "max", "gem"};
constexpr std::array<std::string_view, 3> kTokenizers = {"words", "clip", "file"};
constexpr std::size_t kMaxBytes = 1 << 20;  // of a model.json

std::unexpected<Error> bad_field(const JsonReader& reader, std::string_view field, std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: field '{}' {}", reader.where(), field, what));
}

// A file of the bundle: below its folder, whatever a downloaded description says.
Result<std::string> file_field(JsonReader& reader, std::string_view field) {
  EIDETIC_TRY(std::string name, reader.get<std::string>(field));
  const fs::path path(name);
  const bool inside = !name.empty() && path.is_relative() && path.has_filename() && std::ranges::count(path, "..") == 0;
  if (!inside || name.contains('\0')) {
    return bad_field(reader, field, fmt::format("must name a file inside the bundle's folder, not '{}'", name));
  }
  return name;
}

Result<std::optional<std::string>> optional_string(JsonReader& reader, std::string_view field) {
  EIDETIC_TRY(std::string value, reader.get_or<std::string>(field, ""));
  if (value.empty()) return std::nullopt;
  return value;
}

// `name`, the value of the field, as the enumerator at its place among `names`.
template <typename Enum, std::size_t kCount>
Result<Enum> one_of(const JsonReader& reader, std::string_view field, const std::string& name,
                    const std::array<std::string_view, kCount>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    return bad_field(reader, field, fmt::format("must be one of {}, not '{}'", fmt::join(names, ", "), name));
  }
  return static_cast<Enum>(found - names.begin());
}

// A part of the description that may be absent: nullopt then, else what `read` makes of it.
template <typename Part, typename Read>
Result<std::optional<Part>> optional_part(JsonReader& reader, std::string_view field, Read read) {
  EIDETIC_TRY(const Json json, reader.get_or<Json>(field, Json()));
  if (json.is_null()) return std::nullopt;
  EIDETIC_TRY(JsonReader inner, JsonReader::of(json, fmt::format("{}: {}", reader.where(), field)));
  EIDETIC_TRY(Part part, read(inner));
  EIDETIC_CHECK(inner.finish());
  return part;
}

Result<LabelsPart> read_labels(JsonReader& reader) {
  LabelsPart part;
  EIDETIC_TRY(part.file, file_field(reader, "file"));
  EIDETIC_TRY(part.layer, optional_string(reader, "layer"));
  return part;
}

Result<std::optional<PaddingToken>> padding_field(JsonReader& reader) {
  EIDETIC_TRY(const Json value, reader.get_or<Json>("pad", Json()));
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return PaddingToken(value.get<std::string>());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= UINT32_MAX) {
    return PaddingToken(value.get<std::int64_t>());
  }
  return bad_field(reader, "pad", "must be the id of a token, or the token");
}

// The files of the tokenizer, by its kind.
Result<void> read_tokenizer(JsonReader& reader, TextPart& part) {
  EIDETIC_TRY(const std::string name, reader.get<std::string>("tokenizer"));
  EIDETIC_TRY(part.tokenizer, one_of<TokenizerKind>(reader, "tokenizer", name, kTokenizers));
  const bool words = part.tokenizer == TokenizerKind::words;
  const bool clip = part.tokenizer == TokenizerKind::clip;
  struct Field {
    std::string_view name;
    bool wanted;
    bool optional;
    std::string* value;
  };
  const std::array<Field, 3> fields = {{{"vocabulary", words || clip, clip, &part.vocabulary},
                                        {"merges", clip, false, &part.merges},
                                        {"tokenizer_file", !words && !clip, false, &part.tokenizer_file}}};
  for (const auto& field : fields) {
    EIDETIC_TRY(const Json given_value, reader.get_or<Json>(field.name, Json()));
    const bool given = !given_value.is_null();
    if (given && !field.wanted) return bad_field(reader, field.name, fmt::format("is nothing that '{}' takes", name));
    if (given || (field.wanted && !field.optional)) {
      EIDETIC_TRY(*field.value, file_field(reader, field.name));
    }
  }
  EIDETIC_TRY(part.pad, padding_field(reader));
  if (words && part.pad) return bad_field(reader, "pad", "is nothing that 'words' takes: it pads with 0");
  return {};
}

Result<TextPart> read_text_part(JsonReader& reader) {
  TextPart part;
  EIDETIC_TRY(part.model, file_field(reader, "model"));
  EIDETIC_CHECK(read_tokenizer(reader, part));
  EIDETIC_TRY(part.input, optional_string(reader, "input"));
  EIDETIC_TRY(part.layer, optional_string(reader, "layer"));
  EIDETIC_TRY(const std::int64_t length, reader.get_or<std::int64_t>("length", part.length));
  // Start, end, and a token between them.
  const int shortest = part.tokenizer == TokenizerKind::clip ? 3 : 1;
  if (length < shortest || length > 4096) {
    return bad_field(reader, "length", fmt::format("must be from {} to 4096", shortest));
  }
  part.length = static_cast<std::uint32_t>(length);
  return part;
}

Result<GoldenPart> read_golden(JsonReader& reader) {
  GoldenPart part;
  EIDETIC_TRY(part.input, file_field(reader, "input"));
  EIDETIC_TRY(part.output, file_field(reader, "output"));
  EIDETIC_TRY(part.tolerance, reader.get_or<double>("tolerance", part.tolerance));
  if (!(part.tolerance > 0)) return bad_field(reader, "tolerance", "must be larger than 0");
  return part;
}

Result<void> read_vector_fields(JsonReader& reader, ModelBundle& bundle) {
  EIDETIC_TRY(bundle.input, optional_string(reader, "input"));
  EIDETIC_TRY(bundle.preprocess, reader.get<Json>("preprocess"));
  if (!bundle.preprocess.is_array()) return bad_field(reader, "preprocess", "must be a list of steps");
  EIDETIC_TRY(bundle.layer, optional_string(reader, "layer"));
  EIDETIC_TRY(const std::string pooling, reader.get_or<std::string>("pooling", "none"));
  EIDETIC_TRY(bundle.pooling, one_of<Pooling>(reader, "pooling", pooling, kPoolings));
  EIDETIC_TRY(bundle.gem_p, reader.get_or<double>("gem_p", bundle.gem_p));
  if (!(bundle.gem_p > 0 && bundle.gem_p <= 100)) return bad_field(reader, "gem_p", "must be above 0, at most 100");
  EIDETIC_TRY(bundle.l2_normalize, reader.get_or<bool>("l2_normalize", true));
  return {};
}

Result<void> read_identity(JsonReader& reader, ModelBundle& bundle) {
  EIDETIC_TRY(bundle.name, reader.get<std::string>("name"));
  if (!is_bundle_name(bundle.name)) {
    return bad_field(reader, "name", "must be 1 to 64 letters, digits, '_', '-' or '.', not starting with a dot");
  }
  EIDETIC_TRY(bundle.model, file_field(reader, "model"));
  EIDETIC_TRY(bundle.sha256, optional_string(reader, "sha256"));
  if (bundle.sha256) {
    bundle.sha256 = to_lower(*bundle.sha256);
    const bool hexadecimal = bundle.sha256->find_first_not_of("0123456789abcdef") == std::string::npos;
    if (bundle.sha256->size() != 64 || !hexadecimal)
      return bad_field(reader, "sha256", "must be 64 hexadecimal digits");
  }
  return {};
}

// Whole numbers as floating-point ones, so that 1 and 1.0 are written alike.
Json by_value(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_structured()) return json;
  Json copy = json;
  for (auto& entry : copy) entry = by_value(entry);
  return copy;
}

Json or_null(const std::optional<std::string>& value) { return value ? Json(*value) : Json(); }

nlohmann::ordered_json write_text_part(const TextPart& text) {
  nlohmann::ordered_json json = {{"model", text.model}, {"tokenizer", to_string(text.tokenizer)}};
  const auto put = [&](const char* field, const std::string& file) {
    if (!file.empty()) json[field] = file;
  };
  put("vocabulary", text.vocabulary);
  put("merges", text.merges);
  put("tokenizer_file", text.tokenizer_file);
  json["input"] = or_null(text.input);
  json["layer"] = or_null(text.layer);
  json["length"] = text.length;
  if (text.pad) std::visit([&](const auto& pad) { json["pad"] = pad; }, *text.pad);
  return json;
}

}  // namespace

std::string_view to_string(Pooling pooling) noexcept { return kPoolings[static_cast<std::size_t>(pooling)]; }
std::string_view to_string(TokenizerKind kind) noexcept { return kTokenizers[static_cast<std::size_t>(kind)]; }

bool is_bundle_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !name.empty() && name.size() <= 64 && name[0] != '.' && std::ranges::all_of(name, allowed);
}

Result<std::vector<std::string>> ModelBundle::label_names() const {
  std::vector<std::string> names;
  if (!labels) return names;
  constexpr std::size_t kMaxLabelBytes = std::size_t{16} << 20;
  EIDETIC_TRY(const std::string lines, read_text(file(labels->file), kMaxLabelBytes));
  for (const std::string_view line : split(lines, '\n')) names.emplace_back(trim(line));
  if (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

std::vector<fs::path> ModelBundle::model_files() const {
  const fs::path main = file(model);
  std::vector<fs::path> files = {main};
  const auto extension = main.extension();
  std::vector<fs::path> companions;
  if (extension == ".xml") companions = {fs::path(main).replace_extension(".bin")};
  if (extension == ".pdmodel") companions = {fs::path(main).replace_extension(".pdiparams")};
  if (extension == ".onnx") companions = {main.native() + ".data", main.native() + "_data"};
  std::ranges::copy_if(companions, std::back_inserter(files), [](const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
  });
  return files;
}

Result<ModelBundle> parse_bundle(std::string_view text, const fs::path& folder, std::string_view where) {
  EIDETIC_TRY(const Json json, parse_json_object(text, where));
  EIDETIC_TRY(JsonReader reader, JsonReader::of(json, std::string(where)));
  ModelBundle bundle{.name = "", .folder = folder};
  EIDETIC_CHECK(read_identity(reader, bundle));
  EIDETIC_CHECK(read_vector_fields(reader, bundle));
  EIDETIC_TRY(bundle.labels, optional_part<LabelsPart>(reader, "labels", read_labels));
  EIDETIC_TRY(bundle.text, optional_part<TextPart>(reader, "text", read_text_part));
  EIDETIC_TRY(bundle.golden, optional_part<GoldenPart>(reader, "golden", read_golden));
  EIDETIC_TRY(bundle.description, reader.get_or<std::string>("description", ""));
  EIDETIC_TRY(bundle.license, reader.get_or<std::string>("license", ""));
  EIDETIC_TRY(bundle.source, reader.get_or<std::string>("source", ""));
  EIDETIC_CHECK(reader.finish());
  return bundle;
}

std::string write_bundle(const ModelBundle& bundle) {
  // Written in the order of the documentation, for the people who will edit it.
  nlohmann::ordered_json json;
  const auto put = [&](const char* field, const std::optional<std::string>& value) {
    if (value && !value->empty()) json[field] = *value;
  };
  json["name"] = bundle.name;
  put("description", bundle.description);
  put("license", bundle.license);
  put("source", bundle.source);
  json["model"] = bundle.model;
  put("sha256", bundle.sha256);
  put("input", bundle.input);
  json["preprocess"] = bundle.preprocess;
  put("layer", bundle.layer);
  json["pooling"] = to_string(bundle.pooling);
  if (bundle.pooling == Pooling::gem) json["gem_p"] = bundle.gem_p;
  json["l2_normalize"] = bundle.l2_normalize;
  if (bundle.labels) json["labels"] = {{"file", bundle.labels->file}, {"layer", or_null(bundle.labels->layer)}};
  if (bundle.text) json["text"] = write_text_part(*bundle.text);
  if (const auto& golden = bundle.golden) {
    json["golden"] = {{"input", golden->input}, {"output", golden->output}, {"tolerance", golden->tolerance}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ModelBundle> read_bundle(const fs::path& folder) {
  const fs::path file = folder / "model.json";
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::not_found, fmt::format("there is no model bundle '{}'", folder.native()));
  }
  if (!fs::exists(file, ignored)) {
    return fail(ErrorCode::not_found, fmt::format("'{}' is no model bundle: it has no model.json", folder.native()));
  }
  EIDETIC_TRY(const std::string text, read_text(file, kMaxBytes));
  return parse_bundle(text, folder, file.native());
}

Result<std::string> model_digest(const ModelBundle& bundle) {
  std::string digests;
  for (const auto& file : bundle.model_files()) {
    EIDETIC_TRY(const std::string digest, sha256_hex_of_file(file));
    digests += digest;
  }
  const std::string_view first = std::string_view(digests).substr(0, 64);
  if (bundle.sha256 && *bundle.sha256 != first) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' has the SHA-256 {}, its model.json says {}; pull or import the model again",
                            bundle.file(bundle.model).native(), first, *bundle.sha256));
  }
  return digests.size() == 64 ? digests : sha256_hex(as_bytes(digests));
}

std::string space_hash(const ModelBundle& bundle, std::string_view model_digest) {
  Json fields = {{"model", model_digest},
                 {"input", or_null(bundle.input)},
                 {"preprocess", by_value(bundle.preprocess)},
                 {"layer", or_null(bundle.layer)},
                 {"pooling", to_string(bundle.pooling)},
                 {"l2_normalize", bundle.l2_normalize}};
  if (bundle.pooling == Pooling::gem) fields["gem_p"] = bundle.gem_p;
  return sha256_hex(as_bytes(dump_json(fields)));
}

}  // namespace eidetic
