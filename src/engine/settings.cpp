#include "engine/settings.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"

namespace eidetic {

std::string to_json(const CollectionSettings& settings) {
  Json json = {{"model", settings.model}};
  if (settings.importing) json["importing"] = true;
  if (!settings.watched.empty()) json["watched"] = settings.watched;
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
    return settings;
  };
  auto settings = read();
  if (!settings) return fail(ErrorCode::corrupt, std::move(settings.error().message));
  return settings;
}

}  // namespace eidetic
