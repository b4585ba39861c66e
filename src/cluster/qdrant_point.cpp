#include "cluster/qdrant_point.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/split_mix.h"
#include "cluster/qdrant_client.h"
#include "cluster/qdrant_facts.h"

namespace eidetic {
namespace {

static_assert(std::endian::native == std::endian::little);

// Qdrant leaves vectors alone whose squared length it finds within 1e-6 of 1; it adds up in floats.
constexpr double kUnitTolerance = 3e-7;

std::unexpected<Error> no_item(const Json& point, std::string_view why) {
  return fail(ErrorCode::conflict,
              fmt::format("point {} in Qdrant was not written by Eidetic: {}", dump_json(qdrant_at(point, "id")), why));
}

Vector vector_of(const Json& values) {
  Vector made;
  if (!values.is_array()) return made;
  made.reserve(values.size());
  for (const Json& value : values) made.push_back(value.is_number() ? static_cast<float>(value.get<double>()) : 0);
  return made;
}

Result<Item> item_of(const Json& point) {
  const Json& payload = qdrant_at(point, "payload");
  for (const char* key : {"id", "uri", "hash", "metadata"}) {
    if (!qdrant_at(payload, key).is_string()) return no_item(point, fmt::format("its payload has no '{}'", key));
  }
  Item item;
  item.id = qdrant_text(payload, "id");
  item.uri = qdrant_text(payload, "uri");
  item.content_hash = qdrant_text(payload, "hash");
  item.metadata = qdrant_text(payload, "metadata");
  item.size_bytes = qdrant_number(payload, "size");
  item.modified_ns = static_cast<std::int64_t>(qdrant_number(payload, "mtime"));
  return item;
}

}  // namespace

std::array<std::uint32_t, kQdrantDraws> qdrant_draws(std::string_view id) {
  std::array<std::uint32_t, kQdrantDraws> draws{};
  std::uint64_t state = checksum(as_bytes(id));
  for (auto& draw : draws) draw = static_cast<std::uint32_t>(split_mix(state += kSplitMixStep) >> 33);
  return draws;
}

std::string qdrant_raw_key(const VectorField& field) { return "raw_" + field.name; }

std::string qdrant_raw(const VectorField& field, const Vector& vector) {
  if (field.space.metric != Metric::cosine) return {};
  double squared = 0;
  for (const float value : vector) squared += static_cast<double>(value) * static_cast<double>(value);
  if (std::abs(squared - 1) <= kUnitTolerance) return {};
  return encode_base64(std::as_bytes(std::span(vector)));
}

std::string qdrant_numbers(std::span<const float> vector) {
  fmt::memory_buffer text;
  text.push_back('[');
  for (std::size_t i = 0; i < vector.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{:.9g}", i == 0 ? "" : ",", vector[i]);
  }
  text.push_back(']');
  return fmt::to_string(text);
}

Json qdrant_payload(const Item& item) {
  auto facts = qdrant_facts(Json::parse(item.metadata, nullptr, false));
  return {{"id", item.id},
          {"uri", item.uri},
          {"hash", item.content_hash},
          {"size", item.size_bytes},
          {"mtime", item.modified_ns},
          {"metadata", item.metadata},
          {"k", std::move(facts.values)},
          {"n", std::move(facts.numbers)}};
}

std::string qdrant_point(const Item& item, const VectorField& field, std::uint64_t version) {
  Json payload = qdrant_payload(item);
  payload["version"] = version;
  Json& draws = payload["r"] = Json::object();
  const auto drawn = qdrant_draws(item.id);
  for (std::size_t i = 0; i < drawn.size(); ++i) draws[std::to_string(i)] = drawn[i];
  if (auto raw = qdrant_raw(field, item.vector); !raw.empty()) payload[qdrant_raw_key(field)] = std::move(raw);
  return fmt::format(R"({{"id":"{}","payload":{},"vector":{{"{}":{}}}}})", qdrant_point_id(item.id), dump_json(payload),
                     field.name, qdrant_numbers(item.vector));
}

std::string qdrant_item_wishes(const VectorField* field) {
  constexpr std::string_view kItem = R"("with_payload":["id","uri","hash","size","mtime","metadata","version")";
  if (field == nullptr) return fmt::format(R"({}],"with_vector":false)", kItem);
  return fmt::format(R"({},"{}"],"with_vector":["{}"])", kItem, qdrant_raw_key(*field), field->name);
}

Result<Item> qdrant_item(const Json& point, const VectorField* field) {
  EIDETIC_TRY(Item made, item_of(point));
  const Json& payload = qdrant_at(point, "payload");
  made.version = qdrant_number(payload, "version");
  if (field == nullptr) return made;
  const Json& vector = qdrant_at(qdrant_at(point, "vector"), field->name);
  if (vector.is_null()) return made;
  const auto raw = payload.find(qdrant_raw_key(*field));
  if (raw == payload.end() || !raw->is_string()) {
    made.vector = vector_of(vector);
    return made;
  }
  EIDETIC_TRY(const auto bytes, decode_base64(raw->get_ref<const std::string&>()));
  if (bytes.size() != field->space.dimensions * sizeof(float)) return no_item(point, "its vector is of another length");
  made.vector.resize(field->space.dimensions);
  std::memcpy(made.vector.data(), bytes.data(), bytes.size());
  return made;
}

}  // namespace eidetic
