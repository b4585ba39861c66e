// parse_recipe and read_recipe of eidetic/recipe.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <concepts>
#include <limits>

#include "eidetic/datasets.h"
#include "eidetic/recipe.h"

#include "base/file.h"
#include "base/text.h"
#include "base/toml.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRecipeBytes = std::size_t{1} << 20;
constexpr std::uint32_t kMinPicture = 48, kMaxPicture = 512;

// What is in front of "what is wrong": file and line.
class Document {
 public:
  Document(TomlDocument toml, fs::path file) : toml_(std::move(toml)), file_(std::move(file)) {}

  [[nodiscard]] const Json& values() const { return toml_.values; }
  [[nodiscard]] const fs::path& file() const { return file_; }
  // `path` empty: of the whole file.
  [[nodiscard]] std::unexpected<Error> refuse(const std::string& path, std::string_view why) const {
    const std::size_t line = toml_.line(path);
    return fail(ErrorCode::invalid_argument, line == 0 ? fmt::format("{}: {}", file_.native(), why)
                                                       : fmt::format("{}: line {}: {}", file_.native(), line, why));
  }
  // A path of the file is relative to its folder.
  [[nodiscard]] fs::path resolve(const std::string& path) const {
    return (file_.parent_path() / path).lexically_normal();
  }

 private:
  TomlDocument toml_;
  fs::path file_;
};

std::string kind_of(const Json& value) {
  if (value.is_object()) return "a table";
  if (value.is_array()) return "a list";
  if (value.is_string()) return fmt::format("'{}'", value.get_ref<const std::string&>());
  if (value.is_null()) return "a date or time";
  return dump_json(value);
}

// The keys of one table, read one by one. The first error stays, and what follows it is not read; finish() tells it.
class Table {
 public:
  // Where there is no such table, an empty one. name empty: the whole file.
  Table(const Document& document, std::string name) : document_(document), name_(std::move(name)) {
    if (name_.empty()) {
      values_ = &document.values();
      return;
    }
    const auto found = document.values().find(name_);
    if (found == document.values().end()) return;
    there_ = true;
    if (found->is_object()) {
      values_ = &*found;
    } else {
      refuse("", fmt::format("{0} is a table: [{0}]", name_));
    }
  }

  [[nodiscard]] bool there() const { return there_; }
  [[nodiscard]] bool has(std::string_view key) const { return values_->contains(key); }

  void text(const std::string& key, std::string& target) {
    if (const Json* value = take(key, "a text", [](const Json& json) { return json.is_string(); })) {
      target = value->get<std::string>();
      if (target.empty()) refuse(key, fmt::format("{} is empty", path(key)));
      if (target.contains('\0')) refuse(key, fmt::format("{} holds a NUL", path(key)));
    }
  }
  void text(const std::string& key, std::optional<std::string>& target) {
    std::string value;
    text(key, value);
    if (!value.empty()) target = value;
  }
  void file(const std::string& key, fs::path& target) {
    std::string value;
    text(key, value);
    if (!value.empty()) target = document_.resolve(value);
  }
  void flag(const std::string& key, bool& target) {
    if (const Json* value = take(key, "true or false", [](const Json& json) { return json.is_boolean(); })) {
      target = value->get<bool>();
    }
  }
  template <std::integral T>
  void whole(const std::string& key, T& target, std::int64_t least, std::int64_t most) {
    const std::string bounds = most == std::numeric_limits<std::int64_t>::max()
                                   ? fmt::format("a whole number from {}", least)
                                   : fmt::format("a whole number from {} to {}", least, most);
    const auto fits = [&](const Json& json) {
      return json.is_number_integer() && json.get<std::int64_t>() >= least && json.get<std::int64_t>() <= most;
    };
    if (const Json* value = take(key, bounds, fits)) target = static_cast<T>(value->get<std::int64_t>());
  }
  void real(const std::string& key, double& target, double least, double most) {
    const auto fits = [&](const Json& json) {
      return json.is_number() && json.get<double>() >= least && json.get<double>() <= most;
    };
    if (const Json* value = take(key, fmt::format("a number from {} to {}", least, most), fits)) {
      target = value->get<double>();
    }
  }
  void real(const std::string& key, std::optional<double>& target, double least, double most) {
    if (!has(key)) return;
    real(key, target.emplace(), least, most);
  }
  void list(const std::string& key, std::vector<std::string>& target) {
    const auto fits = [](const Json& json) {
      return json.is_array() && !json.empty() &&
             std::ranges::all_of(json, [](const Json& one) { return one.is_string() && one != ""; });
    };
    if (const Json* value = take(key, "a list of texts", fits)) target = value->get<std::vector<std::string>>();
  }
  // A text that `parse` understands.
  template <typename T, typename Parse>
  void name(const std::string& key, T& target, const Parse& parse) {
    std::string value;
    text(key, value);
    if (value.empty()) return;
    auto parsed = parse(value);
    if (!parsed) {
      refuse(key, fmt::format("{}: {}", path(key), parsed.error().message));
    } else {
      target = *parsed;
    }
  }
  // A table of the whole file; its keys are read by a Table of its own.
  void table(const std::string& key) { seen_.push_back(key); }

  // What is wrong with the value of a key, or of the table itself.
  void refuse(const std::string& key, std::string_view why) {
    if (!error_) error_ = document_.refuse(key.empty() ? name_ : path(key), why).error();
  }
  // After all keys were read, before what they say is looked at: a misspelt key says more than what is missing because
  // of it.
  void no_others() {
    for (const auto& [key, value] : values_->items()) {
      if (std::ranges::find(seen_, key) != seen_.end()) continue;
      refuse(key, fmt::format("'{}' is no {} of a recipe{}", path(key), value.is_object() ? "table" : "key",
                              did_you_mean(key, seen_)));
    }
  }
  [[nodiscard]] Result<void> finish() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  [[nodiscard]] std::string path(const std::string& key) const { return name_.empty() ? key : name_ + '.' + key; }

  template <typename Fits>
  const Json* take(const std::string& key, std::string_view wanted, const Fits& fits) {
    seen_.push_back(key);
    const auto found = values_->find(key);
    if (found == values_->end() || error_) return nullptr;
    if (fits(*found)) return &*found;
    refuse(key, fmt::format("{} is {}; it takes {}", path(key), kind_of(*found), wanted));
    return nullptr;
  }

  inline static const Json kNone = Json::object();
  const Document& document_;
  std::string name_;
  const Json* values_ = &kNone;
  bool there_ = false;
  std::vector<std::string> seen_;
  std::optional<Error> error_;
};

Result<void> read_data(const Document& document, Recipe::Data& data, std::string& label) {
  Table table(document, "data");
  std::vector<std::string> paths;
  table.text("dataset", data.dataset);
  table.text("mirror", data.mirror);
  table.text("url", data.url);
  table.file("archive", data.archive);
  table.text("pictures", data.pictures);
  table.list("paths", paths);
  table.file("metadata", data.request.metadata_file);
  table.flag("sidecars", data.request.sidecars);
  table.name("exif", data.request.exif, parse_exif_fields);
  table.flag("prune", data.request.prune);
  table.no_others();
  if (data.dataset.empty() == paths.empty()) {
    table.refuse("", "[data] says where the pictures are: either dataset = \"…\" or paths = [\"…\"]");
  }
  for (const auto& [key, set] :
       {std::pair("mirror", !data.mirror.empty()), std::pair("url", !data.url.empty()),
        std::pair("archive", !data.archive.empty()), std::pair("pictures", !data.pictures.empty())}) {
    if (set && data.dataset.empty())
      table.refuse(key, fmt::format("data.{} is of a data set: it goes with data.dataset", key));
  }
  if (!data.pictures.empty()) {
    const fs::path pictures = fs::path(data.pictures).lexically_normal();
    if (pictures.is_absolute() || *pictures.begin() == "..") {
      table.refuse("pictures", "data.pictures is a folder in the data set");
    }
  }
  if (!data.dataset.empty()) {
    if (const auto known = find_dataset(data.dataset)) {
      data.dataset = known->name;
      label = known->label;
    } else if (data.url.empty() && data.archive.empty()) {
      table.refuse("dataset", fmt::format("{}. Of a data set of your own, url or archive says where it comes from",
                                          known.error().message));
    }
  }
  for (const std::string& path : paths) {
    data.request.paths.push_back(path.contains("://") ? path : document.resolve(path).native());
  }
  return table.finish();
}

Result<void> read_classes(const Document& document, Recipe& recipe, const std::string& label) {
  Table table(document, "classes");
  if (!table.there()) return {};
  ClassifierRequest& request = recipe.classes.emplace();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  table.text("name", request.name);
  table.name("kind", request.kind, parse_classifier_kind);
  table.text("label", request.label);
  table.whole("hidden", request.hidden, 0, 4096);
  table.whole("clusters", request.clusters, 2, 10'000);
  table.list("classes", request.classes);
  table.file("csv", recipe.classes_csv);
  table.real("min_confidence", request.min_confidence, 0, 1);
  table.whole("seed", request.seed, 0, kMost);
  table.no_others();
  using Kind = ClassifierRequest::Kind;
  const std::pair<const char*, Kind> owners[] = {{"label", Kind::labels},
                                                 {"hidden", Kind::labels},
                                                 {"clusters", Kind::clusters},
                                                 {"classes", Kind::text},
                                                 {"csv", Kind::text}};
  for (const auto& [key, kind] : owners) {
    if (!table.has(key) || kind == request.kind) continue;
    table.refuse(
        key, fmt::format("classes.{} is of kind = \"{}\", not \"{}\"", key, to_string(kind), to_string(request.kind)));
  }
  if (request.kind == Kind::labels && request.label.empty()) {
    request.label = label;
    if (label.empty()) {
      table.refuse("", fmt::format("classes.label is missing: a metadata field, or \"{}\" for the pictures' folders",
                                   kFolderLabel));
    }
  }
  if (table.has("classes") && table.has("csv")) table.refuse("csv", "either classes.classes or classes.csv");
  return table.finish();
}

Result<void> read_calibration(const Document& document, Recipe& recipe) {
  Table table(document, "calibration");
  if (!table.there()) return {};
  CalibrationRequest& request = recipe.calibration.emplace();
  table.text("label", request.label);
  table.whole("seed", request.seed, 0, std::numeric_limits<std::int64_t>::max());
  table.no_others();
  return table.finish();
}

Result<void> read_search(const Document& document, Recipe& recipe, const std::string& label) {
  Table table(document, "search");
  Recipe::Search& search = recipe.search;
  search.classify = recipe.classes.has_value();
  search.label = recipe.classes && !recipe.classes->label.empty() ? recipe.classes->label : label;
  table.whole("count", search.count, 0, kMaxSamples);
  table.whole("seed", search.seed, 0, std::numeric_limits<std::int64_t>::max());
  table.whole("k", search.query.k, 1, kMaxSheetHits);
  table.flag("classify", search.classify);
  table.text("label", search.label);
  table.text("filter", search.query.filter);
  table.whole("verify", search.query.verify, 0, kMaxVerify);
  table.real("min_similarity", search.query.min_similarity_pct, 0, 100);
  table.real("min_confidence", search.query.min_confidence, 0, 1);
  table.no_others();
  if (search.classify && !recipe.classes) table.refuse("classify", "search.classify needs [classes]");
  if (search.query.min_confidence && !recipe.calibration) {
    table.refuse("min_confidence", "search.min_confidence needs [calibration]");
  }
  return table.finish();
}

Result<void> read_output(const Document& document, Recipe& recipe) {
  Table table(document, "output");
  recipe.output = document.file().parent_path() / (document.file().stem().native() + "-results");
  table.file("folder", recipe.output);
  table.whole("picture_size", recipe.picture_size, kMinPicture, kMaxPicture);
  table.no_others();
  return table.finish();
}

}  // namespace

Result<Recipe> parse_recipe(std::string_view text, const fs::path& file) {
  EIDETIC_TRY(auto toml, parse_toml(text, file.native()));
  const Document document(std::move(toml), fs::absolute(file).lexically_normal());
  Recipe recipe;
  recipe.file = document.file();
  Table table(document, "");
  table.text("collection", recipe.collection);
  table.text("model", recipe.model);
  table.text("index", recipe.index);
  table.name("metric", recipe.metric, parse_metric);
  for (const char* inner : {"data", "classes", "calibration", "search", "output"}) table.table(inner);
  table.no_others();
  EIDETIC_CHECK(table.finish());
  if (recipe.collection.empty()) return document.refuse("", "collection is missing: the name of what is to be made");
  // A model is a name, or a path as it is for the person who writes the recipe.
  if (recipe.model && recipe.model->contains('/')) recipe.model = document.resolve(*recipe.model).native();
  std::string label;
  EIDETIC_CHECK(read_data(document, recipe.data, label));
  EIDETIC_CHECK(read_classes(document, recipe, label));
  EIDETIC_CHECK(read_calibration(document, recipe));
  EIDETIC_CHECK(read_search(document, recipe, label));
  EIDETIC_CHECK(read_output(document, recipe));
  recipe.data.request.model = recipe.model.value_or("");
  return recipe;
}

Result<Recipe> read_recipe(const fs::path& file) {
  EIDETIC_TRY(const auto text, read_text(file, kMaxRecipeBytes));
  return parse_recipe(text, file);
}

}  // namespace eidetic
