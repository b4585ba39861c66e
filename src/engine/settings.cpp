#include "engine/settings.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json.h"

namespace eidetic {
namespace {

// Those that are left out where they are empty.
auto texts_of(auto& settings) {
  return std::array{std::pair("regions", &settings.regions), std::pair("description", &settings.description),
                    std::pair("source", &settings.source), std::pair("copying", &settings.copying)};
}

// Of a collection, and of its other space.
void write_learnt(Json& json, const auto& settings) {
  for (const auto& [info, attachment] : settings.classifiers) {
    json["classifiers"].push_back({{"name", info.name},
                                   {"kind", to_string(info.kind)},
                                   {"label", info.label},
                                   {"min_confidence", info.min_confidence},
                                   {"items", info.items},
                                   {"held_out", info.held_out},
                                   {"accuracy", info.accuracy},
                                   {"calibration_error", info.calibration_error},
                                   {"attachment", attachment}});
  }
  if (const auto& calibration = settings.calibration) {
    json["calibration"] = {{"label", calibration->label}, {"attachment", calibration->attachment}};
  }
}

}  // namespace

std::vector<std::string> attachments_of(const CollectionSettings& settings) {
  std::vector<std::string> names;
  for (const auto& one : settings.classifiers) names.push_back(one.attachment);
  if (settings.calibration) names.push_back(settings.calibration->attachment);
  return names;
}

std::set<std::string> all_attachments_of(const CollectionSettings& settings) {
  const auto searched = attachments_of(settings);
  std::set<std::string> names(searched.begin(), searched.end());
  if (!settings.migration) return names;
  for (const auto& one : settings.migration->classifiers) names.insert(one.attachment);
  if (settings.migration->calibration) names.insert(settings.migration->calibration->attachment);
  return names;
}

std::string to_json(const CollectionSettings& settings) {
  Json json = {{"model", settings.model}};
  if (settings.importing) json["importing"] = true;
  if (!settings.watched.empty()) json["watched"] = settings.watched;
  const auto& [ef, nprobe, rescore] = settings.search;
  if (ef > 0 || nprobe > 0 || rescore > 0) json["search"] = {{"ef", ef}, {"nprobe", nprobe}, {"rescore", rescore}};
  write_learnt(json, settings);
  for (const auto& [field, text] : texts_of(settings)) {
    if (!text->empty()) json[field] = *text;
  }
  if (const auto& migration = settings.migration) {
    Json& written = json["migration"];
    written = {{"model", migration->model},
               {"state", to_string(migration->state)},
               {"failed", migration->failed},
               {"until_ms", migration->until_ms},
               {"notes", migration->notes}};
    write_learnt(written, *migration);
  }
  return dump_json(json);
}

namespace {

Result<ClassifierSetting> parse_classifier(const Json& json, const std::string& where) {
  EIDETIC_TRY(auto fields, JsonReader::of(json, where));
  ClassifierSetting setting;
  auto& info = setting.info;
  EIDETIC_TRY(info.name, fields.get<std::string>("name"));
  EIDETIC_TRY(const auto kind, fields.get<std::string>("kind"));
  EIDETIC_TRY(info.kind, parse_classifier_kind(kind));
  EIDETIC_TRY(info.label, fields.get<std::string>("label"));
  EIDETIC_TRY(info.min_confidence, fields.get<double>("min_confidence"));
  EIDETIC_TRY(const auto items, fields.get<std::int64_t>("items"));
  EIDETIC_TRY(const auto held_out, fields.get<std::int64_t>("held_out"));
  info.items = static_cast<std::uint64_t>(items);
  info.held_out = static_cast<std::uint64_t>(held_out);
  EIDETIC_TRY(info.accuracy, fields.get<double>("accuracy"));
  EIDETIC_TRY(info.calibration_error, fields.get<double>("calibration_error"));
  EIDETIC_TRY(setting.attachment, fields.get<std::string>("attachment"));
  return setting;
}

Result<void> read_learnt(JsonReader& reader, const std::string& where, auto& settings) {
  if (reader.has("classifiers")) {
    EIDETIC_TRY(const Json list, reader.get<Json>("classifiers"));
    for (const Json& one : list) {
      EIDETIC_TRY(settings.classifiers.emplace_back(), parse_classifier(one, where + ", classifiers"));
    }
  }
  if (!reader.has("calibration")) return {};
  EIDETIC_TRY(const Json one, reader.get<Json>("calibration"));
  EIDETIC_TRY(auto fields, JsonReader::of(one, where + ", calibration"));
  auto& calibration = settings.calibration.emplace();
  EIDETIC_TRY(calibration.label, fields.get<std::string>("label"));
  EIDETIC_TRY(calibration.attachment, fields.get<std::string>("attachment"));
  return {};
}

Result<MigrationSetting> parse_migration(const Json& json, const std::string& where) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, where));
  MigrationSetting migration;
  EIDETIC_TRY(migration.model, reader.get<std::string>("model"));
  EIDETIC_TRY(const auto state, reader.get<std::string>("state"));
  EIDETIC_TRY(migration.state, parse_migration_state(state));
  EIDETIC_TRY(const auto failed, reader.get<std::int64_t>("failed"));
  migration.failed = static_cast<std::uint64_t>(failed);
  EIDETIC_TRY(migration.until_ms, reader.get<std::int64_t>("until_ms"));
  EIDETIC_TRY(migration.notes, reader.get<std::vector<std::string>>("notes"));
  EIDETIC_CHECK(read_learnt(reader, where, migration));
  return migration;
}

}  // namespace

Result<CollectionSettings> parse_settings(std::string_view json, std::string_view collection) {
  const auto read = [&]() -> Result<CollectionSettings> {
    const std::string where = fmt::format("the settings of collection '{}'", collection);
    EIDETIC_TRY(const Json object, parse_json_object(json, where));
    EIDETIC_TRY(auto reader, JsonReader::of(object, where));
    CollectionSettings settings;
    EIDETIC_TRY(settings.model, reader.get<std::string>("model"));
    EIDETIC_TRY(settings.importing, reader.get_or("importing", false));
    EIDETIC_TRY(settings.watched, reader.get_or("watched", std::vector<std::string>()));
    if (reader.has("search")) {
      EIDETIC_TRY(const Json depth, reader.get<Json>("search"));
      EIDETIC_TRY(auto fields, JsonReader::of(depth, where + ", search"));
      for (const auto& [field, value] : {std::pair("ef", &settings.search.ef),
                                         {"nprobe", &settings.search.nprobe},
                                         {"rescore", &settings.search.rescore}}) {
        EIDETIC_TRY(const auto number, fields.get_or<std::int64_t>(field, 0));
        *value = static_cast<std::uint32_t>(number);
      }
    }
    EIDETIC_CHECK(read_learnt(reader, where, settings));
    if (reader.has("migration")) {
      EIDETIC_TRY(const Json one, reader.get<Json>("migration"));
      EIDETIC_TRY(settings.migration, parse_migration(one, where + ", migration"));
    }
    for (const auto& [field, text] : texts_of(settings)) {
      EIDETIC_TRY(*text, reader.get_or<std::string>(field, ""));
    }
    return settings;
  };
  auto settings = read();
  if (!settings) return fail(ErrorCode::corrupt, std::move(settings.error().message));
  return settings;
}

bool has_learnt(std::string_view json) { return json.contains("\"classifiers\"") || json.contains("\"calibration\""); }

Result<std::string> regions_setting(std::string_view json, std::string_view collection) {
  if (!json.contains("\"regions\"")) return std::string();
  EIDETIC_TRY(auto settings, parse_settings(json, collection));
  return std::move(settings.regions);
}

Result<SearchDepth> search_depth(std::string_view json, std::string_view collection) {
  if (!json.contains("\"search\"")) return SearchDepth{};
  EIDETIC_TRY(const auto settings, parse_settings(json, collection));
  return settings.search;
}

}  // namespace eidetic
