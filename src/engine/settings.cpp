#include "engine/settings.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"

namespace eidetic {

std::string to_json(const CollectionSettings& settings) {
  Json json = {{"model", settings.model}};
  if (settings.importing) json["importing"] = true;
  if (!settings.watched.empty()) json["watched"] = settings.watched;
  const auto& [ef, nprobe, rescore] = settings.search;
  if (ef > 0 || nprobe > 0 || rescore > 0) json["search"] = {{"ef", ef}, {"nprobe", nprobe}, {"rescore", rescore}};
  return dump_json(json);
}

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
    return settings;
  };
  auto settings = read();
  if (!settings) return fail(ErrorCode::corrupt, std::move(settings.error().message));
  return settings;
}

Result<SearchDepth> search_depth(std::string_view json, std::string_view collection) {
  if (!json.contains("\"search\"")) return SearchDepth{};
  EIDETIC_TRY(const auto settings, parse_settings(json, collection));
  return settings.search;
}

}  // namespace eidetic
