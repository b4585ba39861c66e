#include "embed/zoo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "embed/layers.h"
#include "embed/tar.h"
#include "embed/tokenizer.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxZooBytes = 4 << 20;

// A name in the bundle's folder, without a folder of its own.
Result<std::string> plain_name(const JsonReader& reader, std::string_view field, const std::string& name) {
  if (is_bundle_name(name)) return name;
  return fail(ErrorCode::invalid_argument, fmt::format("{}: field '{}' must be a plain file name of letters, digits, "
                                                       "'_', '-' and '.', not '{}'",
                                                       reader.where(), field, name));
}

Result<ZooFile> read_file_entry(const Json& json, const std::string& where) {
  EIDETIC_TRY(JsonReader reader, JsonReader::of(json, where));
  ZooFile file;
  EIDETIC_TRY(file.url, reader.get<std::string>("url"));
  EIDETIC_TRY(const std::string name, reader.get<std::string>("file"));
  EIDETIC_TRY(file.file, plain_name(reader, "file", name));
  EIDETIC_TRY(const std::string sha256, reader.get_or<std::string>("sha256", ""));
  if (!sha256.empty()) file.sha256 = sha256;
  EIDETIC_TRY(const Json members, reader.get_or<Json>("members", Json::object()));
  EIDETIC_TRY(JsonReader names, JsonReader::of(members, where + ": members"));
  for (const auto& [member, ignored] : members.items()) {
    EIDETIC_TRY(const std::string target, names.get<std::string>(member));
    EIDETIC_TRY(file.members[member], plain_name(names, member, target));
  }
  EIDETIC_CHECK(reader.finish());
  return file;
}

Result<ZooModel> read_model_entry(const Json& json, const std::string& where) {
  EIDETIC_TRY(JsonReader reader, JsonReader::of(json, where));
  ZooModel model;
  EIDETIC_TRY(const std::string name, reader.get<std::string>("name"));
  EIDETIC_TRY(const std::int64_t dimensions, reader.get<std::int64_t>("dimensions"));
  EIDETIC_TRY(const Json files, reader.get<Json>("files"));
  EIDETIC_TRY(Json bundle, reader.get<Json>("bundle"));
  EIDETIC_CHECK(reader.finish());
  if (!files.is_array() || files.empty() || !bundle.is_object() || dimensions < 1 || dimensions > UINT32_MAX) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{}: 'files' must be a list of at least one, 'bundle' an object, 'dimensions' positive", where));
  }
  model.dimensions = static_cast<std::uint32_t>(dimensions);
  for (const Json& file : files) {
    EIDETIC_TRY(model.files.emplace_back(), read_file_entry(file, fmt::format("{}: files", where)));
  }
  bundle["name"] = name;
  bundle["model"] = model.files.front().file;
  EIDETIC_TRY(model.bundle, parse_bundle(dump_json(bundle), {}, fmt::format("{}: bundle", where)));
  return model;
}

std::string address_of(const ZooFile& file, const PullOptions& options) {
  if (options.mirror.empty()) return file.url;
  return fmt::format("{}/{}", options.mirror, fs::path(file.url).filename().native());
}

// What is there complete is not fetched again: files appear under their names whole or not at all.
bool is_there(const ZooFile& file, const fs::path& folder) {
  std::error_code ignored;
  const auto there = [&](const std::string& name) { return fs::exists(folder / name, ignored); };
  if (file.members.empty()) return there(file.file);
  return std::ranges::all_of(file.members, [&](const auto& member) { return there(member.second); });
}

Result<void> fetch(const ZooFile& file, const fs::path& folder, const Downloads& client, const PullOptions& options) {
  if (is_there(file, folder)) return {};
  const bool archive = !file.members.empty();
  const fs::path target = folder / (archive ? file.file + ".tar" : file.file);
  EIDETIC_CHECK(client.download(address_of(file, options), target,
                                {.sha256 = file.sha256, .progress = options.progress, .stop = options.stop}));
  if (!archive) return {};
  std::map<std::string, fs::path> wanted;
  for (const auto& [member, name] : file.members) wanted[member] = folder / name;
  auto extracted = extract_tar(target, wanted);
  std::error_code ignored;
  fs::remove(target, ignored);
  return extracted;
}

// Where a file of the bundle came from.
std::string source_of(const std::string& file, const ZooModel& model, const PullOptions& options) {
  const auto holds = [&](const ZooFile& each) {
    const auto is_it = [&](const auto& member) { return member.second == file; };
    return each.file == file || std::ranges::any_of(each.members, is_it);
  };
  const auto found = std::ranges::find_if(model.files, holds);
  return found == model.files.end() ? file : address_of(*found, options);
}

// Whether what was fetched is what the bundle takes it for. A page that says "not here" with status 200, say, is
// removed: the next try must not find it.
Result<void> check_files(const ZooModel& model, const ModelBundle& bundle, const PullOptions& options) {
  const auto refuse = [&](const Error& error, const std::string& name, const std::vector<fs::path>& files) {
    std::error_code ignored;
    if (error.code == ErrorCode::corrupt) {
      for (const auto& file : files) fs::remove(file, ignored);
    }
    return fail(error.code, fmt::format("what '{}' gave: {}", source_of(name, model, options), error.message));
  };
  const auto input = picture_input(bundle.file(bundle.model), bundle.input.value_or(""));
  if (!input) return refuse(input.error(), bundle.model, bundle.model_files());
  if (!bundle.text) return {};
  const TextPart& text = *bundle.text;
  if (const auto tokenizer = load_tokenizer(bundle); !tokenizer) {
    std::string first;
    std::vector<fs::path> files;
    for (const std::string& name : {text.tokenizer_file, text.merges, text.vocabulary}) {
      if (name.empty()) continue;
      if (first.empty()) first = name;
      files.push_back(bundle.file(name));
    }
    return refuse(tokenizer.error(), first, files);
  }
  const auto layers = list_layers(bundle.file(text.model));
  if (!layers) return refuse(layers.error(), text.model, {bundle.file(text.model)});
  return {};
}

}  // namespace

Result<std::vector<ZooModel>> read_zoo(const fs::path& zoo_json) {
  EIDETIC_TRY(const std::string text, read_text(zoo_json, kMaxZooBytes));
  EIDETIC_TRY(const Json json, parse_json_object(text, zoo_json.native()));
  EIDETIC_TRY(JsonReader reader, JsonReader::of(json, zoo_json.native()));
  EIDETIC_TRY(const Json entries, reader.get<Json>("models"));
  EIDETIC_CHECK(reader.finish());
  std::vector<ZooModel> zoo;
  for (std::size_t i = 0; i < entries.size() && entries.is_array(); ++i) {
    EIDETIC_TRY(zoo.emplace_back(), read_model_entry(entries[i], fmt::format("{}: models[{}]", zoo_json.native(), i)));
  }
  return zoo;
}

Result<ZooModel> find_in_zoo(std::span<const ZooModel> zoo, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& model : zoo) {
    if (to_lower(model.bundle.name) == to_lower(name)) return model;
    names.push_back(model.bundle.name);
  }
  return fail(ErrorCode::not_found, fmt::format(
                                        "the zoo has no model '{}'{} It has: {}", name,
                                        [&] {
                                          const std::string near = did_you_mean(name, names);
                                          return near.empty() ? "." : near;
                                        }(),
                                        fmt::join(names, ", ")));
}

Result<ModelBundle> pull_model(const ZooModel& model, const fs::path& folder, const Downloads& client,
                               const PullOptions& options) {
  const fs::path target = folder / model.bundle.name;
  std::error_code ignored;
  if (fs::exists(target / "model.json", ignored)) return read_bundle(target);
  EIDETIC_CHECK(make_directories(target));
  for (const auto& file : model.files) EIDETIC_CHECK(fetch(file, target, client, options));

  ModelBundle bundle = model.bundle;
  bundle.folder = target;
  EIDETIC_CHECK(check_files(model, bundle, options));
  EIDETIC_TRY(bundle.sha256, sha256_hex_of_file(bundle.file(bundle.model)));
  EIDETIC_CHECK(write_file_atomically(target / "model.json", write_bundle(bundle)));
  return read_bundle(target);
}

}  // namespace eidetic
