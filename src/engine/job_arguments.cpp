#include "engine/job_arguments.h"

#include <fmt/format.h>

#include <cstring>

#include "base/base64.h"
#include "base/json.h"
#include "base/training_json.h"

namespace eidetic {
namespace {

constexpr const char* kWhat = "the arguments of a job";

template <typename Read>
auto reading(std::string_view arguments, Read read) -> decltype(read(std::declval<JsonReader&>())) {
  const auto attempt = [&]() -> decltype(read(std::declval<JsonReader&>())) {
    EIDETIC_TRY(const Json json, parse_json_object(arguments, kWhat));
    EIDETIC_TRY(auto reader, JsonReader::of(json, kWhat));
    return read(reader);
  };
  auto value = attempt();
  if (!value) return fail(ErrorCode::corrupt, std::move(value.error().message));
  return value;
}

Result<Vector> vector_of(const std::string& base64) {
  EIDETIC_TRY(const auto bytes, decode_base64(base64));
  Vector vector(bytes.size() / sizeof(float));
  if (!vector.empty()) std::memcpy(vector.data(), bytes.data(), vector.size() * sizeof(float));
  return vector;
}

Result<NewItem> item_of(const Json& json) {
  EIDETIC_TRY(auto reader, JsonReader::of(json, kWhat));
  NewItem item;
  EIDETIC_TRY(item.id, reader.get_or<std::string>("id", ""));
  EIDETIC_TRY(item.uri, reader.get_or<std::string>("uri", ""));
  EIDETIC_TRY(const auto vector, reader.get_or<std::string>("vector", ""));
  EIDETIC_TRY(item.vector, vector_of(vector));
  EIDETIC_TRY(const auto exif, reader.get_or<std::string>("exif", "none"));
  EIDETIC_TRY(item.exif, parse_exif_fields(exif));
  if (reader.has("metadata")) {
    EIDETIC_TRY(item.metadata, reader.get<std::string>("metadata"));
  }
  return item;
}

// Jobs of older versions do not say.
Result<OnDuplicate> on_duplicate_of(JsonReader& reader) {
  EIDETIC_TRY(const auto name, reader.get_or<std::string>("on_duplicate", "store"));
  return parse_on_duplicate(name);
}

}  // namespace

std::string write_index(const IndexJob& job) {
  Json watched = Json::array();
  for (const auto& [path, identity] : job.watched) {
    watched.push_back({{"path", path.native()}, {"device", identity.first}, {"inode", identity.second}});
  }
  return dump_json({{"paths", job.request.paths},
                    {"metadata_file", job.request.metadata_file.native()},
                    {"sidecars", job.request.sidecars},
                    {"exif", to_string(job.request.exif)},
                    {"model", job.request.model},
                    {"prune", job.request.prune},
                    {"batch", job.request.batch},
                    {"on_duplicate", to_string(job.request.on_duplicate)},
                    {"watched", std::move(watched)}});
}

Result<IndexJob> parse_index(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) -> Result<IndexJob> {
    IndexJob job;
    EIDETIC_TRY(job.request.paths, reader.get<std::vector<std::string>>("paths"));
    // Jobs that wait since an older version have the older name, and none of the others.
    EIDETIC_TRY(const auto older, reader.get_or<std::string>("metadata_csv", ""));
    EIDETIC_TRY(job.request.metadata_file, reader.get_or<std::string>("metadata_file", older));
    EIDETIC_TRY(job.request.sidecars, reader.get_or<bool>("sidecars", false));
    EIDETIC_TRY(const auto exif, reader.get_or<std::string>("exif", "none"));
    EIDETIC_TRY(job.request.exif, parse_exif_fields(exif));
    EIDETIC_TRY(job.request.model, reader.get<std::string>("model"));
    EIDETIC_TRY(job.request.prune, reader.get<bool>("prune"));
    EIDETIC_TRY(const auto batch, reader.get<std::int64_t>("batch"));
    job.request.batch = static_cast<std::uint32_t>(batch);
    EIDETIC_TRY(job.request.on_duplicate, on_duplicate_of(reader));
    EIDETIC_TRY(const auto watched, reader.get<Json>("watched"));
    for (const Json& entry : watched) {
      EIDETIC_TRY(auto folder, JsonReader::of(entry, kWhat));
      EIDETIC_TRY(const auto path, folder.get<std::string>("path"));
      EIDETIC_TRY(const auto device, folder.get<std::int64_t>("device"));
      EIDETIC_TRY(const auto inode, folder.get<std::int64_t>("inode"));
      job.watched.push_back({path, {static_cast<std::uint64_t>(device), static_cast<std::uint64_t>(inode)}});
    }
    return job;
  });
}

std::string write_put(const PutJob& job) {
  Json list = Json::array();
  for (const auto& item : job.items) {
    Json json = {{"id", item.id}, {"uri", item.uri}};
    if (!item.vector.empty()) json["vector"] = encode_base64(std::as_bytes(std::span(item.vector)));
    if (item.metadata) json["metadata"] = *item.metadata;
    if (item.exif != ExifFields::none) json["exif"] = to_string(item.exif);
    list.push_back(std::move(json));
  }
  return dump_json({{"items", std::move(list)}, {"on_duplicate", to_string(job.on_duplicate)}});
}

Result<PutJob> parse_put(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) -> Result<PutJob> {
    EIDETIC_TRY(const auto list, reader.get<Json>("items"));
    PutJob job;
    for (const Json& json : list) {
      EIDETIC_TRY(job.items.emplace_back(), item_of(json));
    }
    EIDETIC_TRY(job.on_duplicate, on_duplicate_of(reader));
    return job;
  });
}

std::string write_regions(const std::string& plan) { return dump_json({{"plan", plan}}); }

Result<std::string> parse_regions_job(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) { return reader.get<std::string>("plan"); });
}

std::string write_migrate(const MigrateRequest& request) {
  return dump_json({{"step", to_string(request.step)},
                    {"model", request.model},
                    {"drop_failed", request.drop_failed},
                    {"grace_s", request.grace_s}});
}

Result<MigrateRequest> parse_migrate(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) -> Result<MigrateRequest> {
    MigrateRequest request;
    EIDETIC_TRY(const auto step, reader.get<std::string>("step"));
    EIDETIC_TRY(request.step, parse_migrate_step(step));
    EIDETIC_TRY(request.model, reader.get<std::string>("model"));
    EIDETIC_TRY(request.drop_failed, reader.get<bool>("drop_failed"));
    EIDETIC_TRY(const auto grace, reader.get<std::int64_t>("grace_s"));
    request.grace_s = static_cast<std::uint64_t>(grace);
    return request;
  });
}

std::string write_copy(const CopyRequest& request) {
  return dump_json({{"to", request.to},
                    {"as", request.name},
                    {"index", request.index},
                    {"searches", request.searches},
                    {"min_agreement", request.min_agreement}});
}

Result<CopyRequest> parse_copy(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) -> Result<CopyRequest> {
    CopyRequest request;
    EIDETIC_TRY(request.to, reader.get<std::string>("to"));
    EIDETIC_TRY(request.name, reader.get<std::string>("as"));
    EIDETIC_TRY(request.index, reader.get<std::string>("index"));
    EIDETIC_TRY(const auto searches, reader.get<std::int64_t>("searches"));
    request.searches = static_cast<std::uint32_t>(searches);
    EIDETIC_TRY(request.min_agreement, reader.get<double>("min_agreement"));
    return request;
  });
}

std::string write_pull(const std::string& mirror) { return dump_json({{"mirror", mirror}}); }

Result<std::string> parse_pull(std::string_view arguments) {
  return reading(arguments, [](JsonReader& reader) { return reader.get<std::string>("mirror"); });
}

std::string write_train(const TrainRequest& request) { return dump_json(to_json(request)); }

Result<TrainRequest> parse_train(std::string_view arguments) { return reading(arguments, read_train_request); }

}  // namespace eidetic
