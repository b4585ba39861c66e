#include "engine/backends_file.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "cluster/cluster.h"

namespace eidetic {
namespace {

bool is_called(const ClusterOptions& cluster, std::string_view name) {
  const auto address = parse_cluster_url(cluster.url);
  return address && address->name == name;
}

}  // namespace

Result<BackendsFile::Content> BackendsFile::load() const {
  Content content;
  const auto text = read_text(file_);
  if (!text && text.error().code == ErrorCode::not_found) return content;
  if (!text) return std::unexpected(text.error());
  EIDETIC_TRY(const Json json, parse_json_object(*text, file_.native()));
  EIDETIC_TRY(auto reader, JsonReader::of(json, file_.native()));
  EIDETIC_TRY(const Json list, reader.get<Json>("backends"));
  for (const Json& entry : list) {
    EIDETIC_TRY(auto one, JsonReader::of(entry, file_.native() + ": backends"));
    ClusterOptions cluster;
    EIDETIC_TRY(cluster.url, one.get<std::string>("url"));
    EIDETIC_TRY(cluster.ca_file, one.get_or<std::string>("ca_file", ""));
    content.opened.push_back(std::move(cluster));
  }
  EIDETIC_TRY(content.noted, reader.get_or<std::vector<std::string>>("pictures_of", {}));
  return content;
}

Result<void> BackendsFile::store(const Content& content) const {
  Json list = Json::array();
  for (const auto& cluster : content.opened) {
    Json entry = {{"url", cluster.url}};
    if (!cluster.ca_file.empty()) entry["ca_file"] = cluster.ca_file.native();
    list.push_back(std::move(entry));
  }
  return write_file_atomically(file_,
                               dump_json({{"backends", std::move(list)}, {"pictures_of", content.noted}}) + "\n");
}

Result<std::vector<ClusterOptions>> BackendsFile::read() const {
  EIDETIC_TRY(auto content, load());
  return std::move(content.opened);
}

Result<std::vector<std::string>> BackendsFile::noted() const {
  EIDETIC_TRY(auto content, load());
  return std::move(content.noted);
}

Result<void> BackendsFile::note(std::string_view name) const {
  EIDETIC_TRY(auto content, load());
  if (std::ranges::find(content.noted, name) != content.noted.end()) return {};
  content.noted.emplace_back(name);
  return store(content);
}

Result<void> BackendsFile::add(const ClusterOptions& cluster) const {
  EIDETIC_TRY(const auto address, parse_cluster_url(cluster.url));
  EIDETIC_TRY(auto content, load());
  if (std::ranges::any_of(content.opened, [&](const auto& one) { return is_called(one, address.name); })) return {};
  content.opened.push_back(cluster);
  return store(content);
}

Result<bool> BackendsFile::remove(std::string_view name) const {
  EIDETIC_TRY(auto content, load());
  if (std::erase_if(content.opened, [&](const auto& one) { return is_called(one, name); }) == 0) return false;
  EIDETIC_CHECK(store(content));
  return true;
}

Result<void> BackendsFile::copy_to(const std::filesystem::path& folder) const {
  const auto text = read_text(file_);
  if (!text) return text.error().code == ErrorCode::not_found ? Result<void>() : std::unexpected(text.error());
  return write_file_atomically(folder / kName, *text);
}

}  // namespace eidetic
