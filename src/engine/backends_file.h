// What a data folder knows of search engines, in its file backends.json: those that it is opened with, without
// passwords and keys, and the names of all whose items may name its stored pictures, forgotten ones and a server's too.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/cluster.h"
#include "eidetic/error.h"

namespace eidetic {

class BackendsFile {
 public:
  explicit BackendsFile(const std::filesystem::path& data_dir) : file_(data_dir / kName) {}

  // In the order in which they were added.
  [[nodiscard]] Result<std::vector<ClusterOptions>> read() const;
  // Of that name already, as parse_cluster_url has it: it stays as it is.
  [[nodiscard]] Result<void> add(const ClusterOptions& cluster) const;
  // The names of all that were ever noted here.
  [[nodiscard]] Result<std::vector<std::string>> noted() const;
  [[nodiscard]] Result<void> note(std::string_view name) const;
  // Whether it was there. It stays noted.
  [[nodiscard]] Result<bool> remove(std::string_view name) const;
  // Into a backup of the data folder.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& folder) const;

 private:
  static constexpr std::string_view kName = "backends.json";
  struct Content {
    std::vector<ClusterOptions> opened;
    std::vector<std::string> noted;
  };
  [[nodiscard]] Result<Content> load() const;
  [[nodiscard]] Result<void> store(const Content& content) const;

  std::filesystem::path file_;
};

}  // namespace eidetic
