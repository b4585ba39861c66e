// What jobs are to do, as JSON for the job store. Pure functions; reading gives corrupt for what these did not write.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

#include "engine/watcher.h"

namespace eidetic {

inline constexpr std::string_view kIndexJob = "index";
inline constexpr std::string_view kPutJob = "put";
inline constexpr std::string_view kRegionsJob = "regions";
inline constexpr std::string_view kMigrateJob = "migrate";
inline constexpr std::string_view kCopyJob = "copy";
inline constexpr std::string_view kPullJob = "pull";
inline constexpr std::string_view kTrainJob = "train";

struct IndexJob {
  IndexRequest request;
  std::vector<WatchedFolder> watched = {};  // must still be the same folders when the job runs
};

[[nodiscard]] std::string write_index(const IndexJob& job);
[[nodiscard]] Result<IndexJob> parse_index(std::string_view arguments);
// Items without bytes: those are stored beforehand, and named by a stored: URI.
struct PutJob {
  std::vector<NewItem> items;
  OnDuplicate on_duplicate = OnDuplicate::store;
};
[[nodiscard]] std::string write_put(const PutJob& job);
[[nodiscard]] Result<PutJob> parse_put(std::string_view arguments);
[[nodiscard]] std::string write_regions(const std::string& plan);
[[nodiscard]] Result<std::string> parse_regions_job(std::string_view arguments);
[[nodiscard]] std::string write_migrate(const MigrateRequest& request);
[[nodiscard]] Result<MigrateRequest> parse_migrate(std::string_view arguments);
[[nodiscard]] std::string write_copy(const CopyRequest& request);
[[nodiscard]] Result<CopyRequest> parse_copy(std::string_view arguments);
[[nodiscard]] std::string write_pull(const std::string& mirror);
[[nodiscard]] Result<std::string> parse_pull(std::string_view arguments);
[[nodiscard]] std::string write_train(const TrainRequest& request);
// Without its output folder.
[[nodiscard]] Result<TrainRequest> parse_train(std::string_view arguments);

}  // namespace eidetic
