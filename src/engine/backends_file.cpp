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

Result<std::vector<ClusterOptions>> BackendsFile::read() const {
  std::vector<ClusterOptions> clusters;
  const auto text = read_text(file_);
  if (!text && text.error().code == ErrorCode::not_found) return clusters;
  if (!text) return std::unexpected(text.error());
  EIDETIC_TRY(const Json json, parse_json_object(*text, file_.native()));
  EIDETIC_TRY(auto reader, JsonReader::of(json, file_.native()));
  EIDETIC_TRY(const Json list, reader.get<Json>("backends"));
  for (const Json& entry : list) {
    EIDETIC_TRY(auto one, JsonReader::of(entry, file_.native() + ": backends"));
    ClusterOptions cluster;
    EIDETIC_TRY(cluster.url, one.get<std::string>("url"));
    EIDETIC_TRY(cluster.ca_file, one.get_or<std::string>("ca_file", ""));
    clusters.push_back(std::move(cluster));
  }
  return clusters;
}

Result<void> BackendsFile::write(const std::vector<ClusterOptions>& clusters) const {
  Json list = Json::array();
  for (const auto& cluster : clusters) {
    Json entry = {{"url", cluster.url}};
    if (!cluster.ca_file.empty()) entry["ca_file"] = cluster.ca_file.native();
    list.push_back(std::move(entry));
  }
  return write_file_atomically(file_, dump_json({{"backends", std::move(list)}}) + "\n");
}

Result<void> BackendsFile::add(const ClusterOptions& cluster) const {
  EIDETIC_TRY(const auto address, parse_cluster_url(cluster.url));
  EIDETIC_TRY(auto clusters, read());
  if (std::ranges::any_of(clusters, [&](const auto& one) { return is_called(one, address.name); })) return {};
  clusters.push_back(cluster);
  return write(clusters);
}

Result<bool> BackendsFile::remove(std::string_view name) const {
  EIDETIC_TRY(auto clusters, read());
  if (std::erase_if(clusters, [&](const auto& one) { return is_called(one, name); }) == 0) return false;
  EIDETIC_CHECK(write(clusters));
  return true;
}

Result<void> BackendsFile::copy_to(const std::filesystem::path& folder) const {
  const auto text = read_text(file_);
  if (!text) return text.error().code == ErrorCode::not_found ? Result<void>() : std::unexpected(text.error());
  return write_file_atomically(folder / kName, *text);
}

}  // namespace eidetic
