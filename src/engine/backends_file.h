// The search engines that a data folder was opened with before, in its file backends.json: without passwords and keys.
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
  // Whether it was there.
  [[nodiscard]] Result<bool> remove(std::string_view name) const;
  // Into a backup of the data folder.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& folder) const;

 private:
  static constexpr std::string_view kName = "backends.json";
  [[nodiscard]] Result<void> write(const std::vector<ClusterOptions>& clusters) const;

  std::filesystem::path file_;
};

}  // namespace eidetic
