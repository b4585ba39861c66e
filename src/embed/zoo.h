// The list of public models (models/zoo.json) and fetching them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "embed/bundle.h"
#include "net/http.h"

namespace eidetic {

struct ZooFile {
  std::string url;
  std::string file;                                 // its name in the bundle
  std::optional<std::string> sha256 = {};           // where it is really known
  std::map<std::string, std::string> members = {};  // of a tar archive: name in there -> name in the bundle
};

struct ZooModel {
  std::uint32_t dimensions = 0;
  std::vector<ZooFile> files;
  ModelBundle bundle;  // named; its model is the first file's
};

// Errors: not_found, invalid_argument naming model and field.
[[nodiscard]] Result<std::vector<ZooModel>> read_zoo(const std::filesystem::path& zoo_json);
// By name, upper and lower case alike; unknown: not_found with near names and the whole list.
[[nodiscard]] Result<ZooModel> find_in_zoo(std::span<const ZooModel> zoo, std::string_view name);

struct PullOptions {
  // Where to fetch from instead: the last part of each URL is asked for below this one. Empty: the URLs of the zoo.
  std::string mirror = {};
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};  // bytes of the file being fetched
  std::stop_token stop = {};
};

// Makes the bundle `<folder>/<name>`: fetches its files (going on where an earlier try broke off), checks that the
// model can be read, and writes its model.json last, with the SHA-256 of the model. A bundle that is there already is
// given back without a request. Errors: as HttpClient::download; corrupt (what was fetched is no model; it is removed).
[[nodiscard]] Result<ModelBundle> pull_model(const ZooModel& model, const std::filesystem::path& folder,
                                             const Downloads& client, const PullOptions& options = {});

}  // namespace eidetic
