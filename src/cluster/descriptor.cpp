#include "cluster/descriptor.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "catalog/check.h"

namespace eidetic {
namespace {

constexpr std::int64_t kFormat = 1;

Json json_of(const Space& space) {
  return {{"model", space.model},
          {"hash", space.hash},
          {"dimensions", space.dimensions},
          {"metric", to_string(space.metric)},
          {"precision", to_string(space.precision)}};
}

Result<Space> space_of(const Json& json, const std::string& where) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, where));
  Space space;
  EIDETIC_TRY(space.model, reader.get<std::string>("model"));
  EIDETIC_TRY(space.hash, reader.get<std::string>("hash"));
  EIDETIC_TRY(const auto dimensions, reader.get<std::int64_t>("dimensions"));
  space.dimensions = static_cast<std::uint32_t>(dimensions);
  EIDETIC_TRY(const auto metric, reader.get<std::string>("metric"));
  EIDETIC_TRY(space.metric, parse_metric(metric));
  EIDETIC_TRY(const auto precision, reader.get<std::string>("precision"));
  space.precision = precision == to_string(Precision::bf16) ? Precision::bf16 : Precision::f32;
  return space;
}

Result<Descriptor> read(std::string_view collection, const DocumentStore::Note& note) {
  const std::string where = fmt::format("the note '{}'", descriptor_key(collection));
  EIDETIC_TRY(const Json json, parse_json_object(note.text, where));
  EIDETIC_TRY(auto reader, JsonReader::of(json, where));
  EIDETIC_TRY(const auto format, reader.get<std::int64_t>("format"));
  if (format != kFormat) {
    return fail(ErrorCode::conflict, fmt::format("it is of format {}, and this Eidetic knows {}", format, kFormat));
  }
  Descriptor made;
  made.spec.name = collection;
  made.revision = note.revision;
  EIDETIC_TRY(made.table, reader.get<std::string>("table"));
  EIDETIC_TRY(made.created_ms, reader.get<std::int64_t>("created_ms"));
  EIDETIC_TRY(made.spec.index, reader.get<std::string>("index"));
  EIDETIC_TRY(made.spec.settings, reader.get<std::string>("settings"));
  EIDETIC_TRY(const auto era, reader.get<std::int64_t>("era"));
  made.spec.era = static_cast<std::uint64_t>(era);
  EIDETIC_TRY(const auto fields, reader.get<std::int64_t>("fields"));
  made.fields = static_cast<std::uint32_t>(fields);
  EIDETIC_TRY(made.field, reader.get<std::string>("field"));
  EIDETIC_TRY(const Json space, reader.get<Json>("space"));
  EIDETIC_TRY(made.spec.space, space_of(space, where + ": space"));
  EIDETIC_TRY(made.switching_until_ms, reader.get<std::int64_t>("switching_until_ms"));
  if (reader.has("other")) {
    EIDETIC_TRY(const Json json_other, reader.get<Json>("other"));
    EIDETIC_TRY(auto other, JsonReader::of(json_other, where + ": other"));
    Descriptor::Other beside;
    EIDETIC_TRY(beside.field, other.get<std::string>("field"));
    EIDETIC_TRY(const Json other_space, other.get<Json>("space"));
    EIDETIC_TRY(beside.space, space_of(other_space, where + ": other.space"));
    made.other = std::move(beside);
  }
  if (reader.has("parts")) {
    EIDETIC_TRY(const Json json_parts, reader.get<Json>("parts"));
    EIDETIC_TRY(auto parts, JsonReader::of(json_parts, where + ": parts"));
    Descriptor::Parts of_items;
    EIDETIC_TRY(of_items.table, parts.get<std::string>("table"));
    EIDETIC_TRY(const auto most, parts.get<std::int64_t>("most"));
    of_items.most = static_cast<std::size_t>(most);
    made.parts = std::move(of_items);
  }
  return made;
}

}  // namespace

std::string descriptor_key(std::string_view collection) { return fmt::format("{}{}", kDescriptorPrefix, collection); }

Result<void> edit_settings(Descriptor& descriptor, const EditSettings& edit) {
  EIDETIC_TRY(std::string settings, edit(descriptor.spec));
  EIDETIC_CHECK(check_json_object(settings, fmt::format("the settings of collection '{}'", descriptor.spec.name)));
  descriptor.spec.settings = std::move(settings);
  return {};
}

std::string to_text(const Descriptor& descriptor) {
  Json json = {{"format", kFormat},
               {"table", descriptor.table},
               {"created_ms", descriptor.created_ms},
               {"index", descriptor.spec.index},
               {"settings", descriptor.spec.settings},
               {"era", descriptor.spec.era},
               {"fields", descriptor.fields},
               {"field", descriptor.field},
               {"space", json_of(descriptor.spec.space)},
               {"switching_until_ms", descriptor.switching_until_ms}};
  if (descriptor.other) {
    json["other"] = {{"field", descriptor.other->field}, {"space", json_of(descriptor.other->space)}};
  }
  if (descriptor.parts) json["parts"] = {{"table", descriptor.parts->table}, {"most", descriptor.parts->most}};
  return dump_json(json);
}

Result<Descriptor> parse_descriptor(std::string_view collection, const DocumentStore::Note& note) {
  auto made = read(collection, note);
  if (made) return made;
  return fail(ErrorCode::conflict,
              fmt::format("what the engine says of collection '{}' was not written by this version "
                          "of Eidetic: {}",
                          collection, made.error().message));
}

}  // namespace eidetic
