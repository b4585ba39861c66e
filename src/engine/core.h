// Engine over one backend, whatever it is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "eidetic/blobs.h"
#include "eidetic/engine.h"

#include "base/threads.h"
#include "engine/embedders.h"

namespace eidetic {

struct CoreParts {
  EngineOptions options;
  std::unique_ptr<ThreadPool> pool;  // outlives the backend, which builds indexes on it
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Blobs> blobs;
};

class Core final : public Engine {
 public:
  explicit Core(CoreParts parts);

  [[nodiscard]] Result<CollectionInfo> create(std::string_view name, const CreateOptions& options) override;
  [[nodiscard]] Result<void> drop(std::string_view name) override;
  [[nodiscard]] Result<std::vector<CollectionInfo>> collections() override;
  [[nodiscard]] Result<IndexReport> index(std::string_view name, const IndexRequest& request,
                                          const std::function<void(const IndexProgress&)>& progress,
                                          std::stop_token stop) override;
  [[nodiscard]] Result<std::uint64_t> erase(std::string_view name, std::span<const std::string> ids) override;
  [[nodiscard]] Result<SearchResult> search(std::string_view name, const Query& query) override;
  [[nodiscard]] Result<std::vector<Result<Vector>>> embed(std::span<const std::string> uris,
                                                          const std::string& model) override;
  [[nodiscard]] Result<Vector> embed(Bytes picture, const std::string& model) override;
  [[nodiscard]] Result<CollectionInfo> describe(std::string_view name) override;
  [[nodiscard]] Result<EvalReport> evaluate(std::string_view name, std::string_view label,
                                            std::span<const std::uint32_t> recall_k) override;
  [[nodiscard]] Result<std::uint64_t> export_collection(std::string_view name,
                                                        const std::filesystem::path& file) override;
  [[nodiscard]] Result<CollectionInfo> import_collection(const std::filesystem::path& file,
                                                         std::optional<std::string> name) override;

  [[nodiscard]] Result<std::vector<Result<PutResult>>> put(std::string_view name,
                                                           std::span<const NewItem> items) override;
  [[nodiscard]] Result<std::vector<std::optional<Item>>> get(std::string_view name, std::span<const std::string> ids,
                                                             bool with_vectors) override;
  [[nodiscard]] Result<ScrollPage> list(std::string_view name, const ListRequest& request) override;
  [[nodiscard]] Result<Item> patch(std::string_view name, const std::string& id, std::string_view merge_patch) override;
  [[nodiscard]] Result<std::uint64_t> erase_where(std::string_view name, std::string_view filter) override;
  [[nodiscard]] Result<EncodedPicture> picture(std::string_view name, const std::string& id) override;
  [[nodiscard]] Result<EncodedPicture> thumbnail(std::string_view name, const std::string& id,
                                                 std::uint32_t size) override;

  [[nodiscard]] Result<JobInfo> start_index(std::string_view name, const IndexRequest& request) override;
  [[nodiscard]] Result<JobInfo> start_put(std::string_view name, std::span<const NewItem> items) override;
  [[nodiscard]] Result<JobInfo> start_pull(const std::string& model, const std::string& mirror) override;
  [[nodiscard]] Result<std::vector<JobInfo>> jobs(const JobQuery& query) override;
  [[nodiscard]] Result<JobInfo> job(std::string_view id) override;
  [[nodiscard]] Result<std::vector<ItemError>> job_failures(std::string_view id, std::uint64_t offset,
                                                            std::uint32_t limit) override;
  [[nodiscard]] Result<JobInfo> cancel_job(std::string_view id) override;
  [[nodiscard]] Result<JobCounts> job_counts() override;

  [[nodiscard]] Result<void> watch(std::string_view name, std::span<const std::filesystem::path> folders) override;
  [[nodiscard]] Result<std::vector<std::filesystem::path>> watched(std::string_view name) override;

  [[nodiscard]] Result<std::vector<ModelInfo>> models() override;
  [[nodiscard]] Result<ModelInfo> model(const std::string& name) override;
  [[nodiscard]] Result<std::vector<LayerInfo>> layers(const std::string& model) override;
  [[nodiscard]] Result<BundleCheck> check_model(const std::string& model) override;
  [[nodiscard]] Result<ModelInfo> import_model(const std::filesystem::path& file, const std::string& name) override;
  [[nodiscard]] Result<ModelInfo> install_model(const std::string& name, std::string_view bundle,
                                                const std::string& url) override;
  [[nodiscard]] Result<ModelInfo> pull_model(
      const std::string& model, const std::string& mirror,
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress, std::stop_token stop) override;

  [[nodiscard]] Result<void> backup(const std::filesystem::path& folder) override;
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder(const std::string& model, Metric metric) override;

 private:
  // The collection's own model, and where `asked` names one, that it makes the same vectors.
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder_of(const CollectionInfo& collection,
                                                                    const std::string& asked, Embedders::Use use);

  CoreParts parts_;
  Embedders embedders_;
};

}  // namespace eidetic
