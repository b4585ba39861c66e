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
  [[nodiscard]] Result<CollectionInfo> describe(std::string_view name) override;
  [[nodiscard]] Result<EvalReport> evaluate(std::string_view name, std::string_view label,
                                            std::span<const std::uint32_t> recall_k) override;
  [[nodiscard]] Result<std::uint64_t> export_collection(std::string_view name,
                                                        const std::filesystem::path& file) override;
  [[nodiscard]] Result<CollectionInfo> import_collection(const std::filesystem::path& file,
                                                         std::optional<std::string> name) override;
  [[nodiscard]] Backend& backend() override { return *parts_.backend; }
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder(const std::string& model, Metric metric) override;

 private:
  // The collection's own model, and where `asked` names one, that it makes the same vectors.
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder_of(const CollectionInfo& collection,
                                                                    const std::string& asked, Embedders::Use use);

  CoreParts parts_;
  Embedders embedders_;
};

}  // namespace eidetic
