#include "remote/terms.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/hash.h"
#include "blobs/listing.h"
#include "blobs/uri.h"

namespace eidetic::remote {
namespace {

Result<void> add_picture(Json& json, const std::string& path_or_uri, std::vector<std::string>* own) {
  const auto file = local_file(path_or_uri);
  if (!file) {
    json["uri"] = path_or_uri;
    return {};
  }
  EIDETIC_TRY(const auto bytes, read_file(*file, kMaxPictureBytes));
  json["base64"] = encode_base64(bytes);
  if (own != nullptr) own->push_back(stored_uri(sha256_hex(bytes)));
  return {};
}

Result<Json> term_json(const Term& term, std::vector<std::string>& own) {
  Json json = Json::object();
  switch (term.kind) {
    case Term::Kind::picture: EIDETIC_CHECK(add_picture(json, term.value, &own)); break;
    case Term::Kind::bytes:
      json["base64"] = encode_base64(term.bytes);
      own.push_back(stored_uri(sha256_hex(term.bytes)));
      break;
    case Term::Kind::id: json["id"] = term.value; break;
    case Term::Kind::text: json["text"] = term.value; break;
    case Term::Kind::vector: json["vector"] = term.vector; break;
  }
  if (term.weight != 1) json["weight"] = term.weight;
  if (const auto& crop = term.crop) {
    json["crop"] = {{"x", crop->x}, {"y", crop->y}, {"width", crop->width}, {"height", crop->height}};
  }
  return json;
}

}  // namespace

std::optional<std::filesystem::path> local_file(std::string_view path_or_uri) { return file_of_uri(path_or_uri); }

Result<void> check_readable(const std::filesystem::path& file) {
  EIDETIC_CHECK(File::open(file, O_RDONLY));
  return {};
}

bool is_about_picture(long status) noexcept {
  return status == 400 || status == 408 || status == 413 || status == 415 || status == 422 || status == 500;
}

Error named(std::string_view uri, Error error) {
  const std::string name = display_name(uri);
  const std::string_view last = std::string_view(name).substr(name.find_last_of('/') + 1);
  if (!error.message.contains(last)) error.message = fmt::format("'{}': {}", name, error.message);
  return error;
}

std::string stored_uri(std::string_view sha256) { return fmt::format("{}:{}", kStoredScheme, sha256); }

Json options_json(const Query& query) {
  Json json = {{"k", query.k}};
  if (!query.filter.empty()) json["filter"] = query.filter;
  if (query.min_similarity_pct) json["min_similarity"] = *query.min_similarity_pct;
  if (query.exclude_terms) json["exclude_self"] = true;
  if (query.regions) json["regions"] = true;
  if (query.collapse) json["collapse"] = true;
  if (query.augment != Augmentation::none) json["augment"] = to_string(query.augment);
  if (query.seed != Query().seed) json["seed"] = query.seed;
  if (query.verify > 0) json["verify"] = query.verify;
  if (query.min_confidence == kRecommendedConfidence) {
    json["min_confidence"] = "auto";
  } else if (query.min_confidence) {
    json["min_confidence"] = *query.min_confidence;
  }
  if (!query.classify.empty()) json["classify"] = query.classify;
  if (!query.class_name.empty()) json["class"] = query.class_name;
  if (query.min_class_confidence) json["class_confidence"] = *query.min_class_confidence;
  const auto& [ef, nprobe, rescore] = query.depth;
  for (const auto& [field, value] : {std::pair("ef", ef), {"nprobe", nprobe}, {"rescore", rescore}}) {
    if (value > 0) json[field] = value;
  }
  return json;
}

Result<Json> query_json(const Query& query, std::vector<std::string>& own) {
  Json json = options_json(query);
  json["terms"] = Json::array();
  for (const Term& term : query.terms) {
    EIDETIC_TRY(auto one, term_json(term, own));
    json["terms"].push_back(std::move(one));
  }
  if (!query.model.empty()) json["model"] = query.model;
  return json;
}

Result<Json> new_item_json(const NewItem& item) {
  Json json = Json::object();
  if (!item.id.empty()) json["id"] = item.id;
  if (!item.uri.empty()) EIDETIC_CHECK(add_picture(json, item.uri, nullptr));
  if (!item.bytes.empty()) json["base64"] = encode_base64(item.bytes);
  if (!item.vector.empty()) json["vector"] = item.vector;
  if (item.metadata) {
    EIDETIC_TRY(json["metadata"], parse_json_object(*item.metadata, fmt::format("the metadata of '{}'", item.id)));
  }
  if (item.exif != ExifFields::none) json["exif"] = to_string(item.exif);
  return json;
}

}  // namespace eidetic::remote
