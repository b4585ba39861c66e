// The class behind connect_engine. Internal to this room.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eidetic/engine.h"

#include "base/threads.h"
#include "remote/api.h"

namespace eidetic::remote {

class RemoteEngine final : public Engine {
 public:
  explicit RemoteEngine(Api api) : api_(std::move(api)), pool_(std::max(api_.options().connections, 2U) - 1) {}

  // Collections.
  Result<CollectionInfo> create(std::string_view name, const CreateOptions& options) override;
  Result<void> drop(std::string_view name) override;
  Result<std::vector<CollectionInfo>> collections() override;
  Result<CollectionInfo> describe(std::string_view name) override;
  Result<MergeReport> merge(std::string_view into, std::string_view from, bool replace) override;
  Result<EvalReport> evaluate(std::string_view name, std::string_view label,
                              std::span<const std::uint32_t> recall_k) override;
  Result<DuplicatesReport> duplicates(std::string_view name, const DuplicatesRequest& request,
                                      const std::function<void(const DuplicatesProgress&)>& progress,
                                      std::stop_token stop) override;
  Result<std::uint64_t> export_collection(std::string_view name, const std::filesystem::path& file) override;
  Result<CollectionInfo> import_collection(const std::filesystem::path& file, std::optional<std::string> name) override;
  Result<CollectionInfo> change(std::string_view name, const CollectionChange& change) override;
  Result<void> watch(std::string_view name, std::span<const std::filesystem::path> folders) override;
  Result<std::vector<std::filesystem::path>> watched(std::string_view name) override;
  Result<void> backup(const std::filesystem::path& folder) override;
  Result<std::vector<BackendPlace>> backends() override;
  Result<void> forget_backend(std::string_view url) override;

  // Items.
  Result<IndexReport> index(std::string_view name, const IndexRequest& request,
                            const std::function<void(const IndexProgress&)>& progress, std::stop_token stop) override;
  Result<std::uint64_t> erase(std::string_view name, std::span<const std::string> ids) override;
  Result<std::uint64_t> erase_where(std::string_view name, std::string_view filter) override;
  Result<SearchResult> search(std::string_view name, const Query& query) override;
  Result<std::vector<Result<SearchResult>>> search(std::string_view name, std::span<const Query> queries) override;
  Result<IndexView> inspect(std::string_view name) override;
  Result<SearchWalk> walk(std::string_view name, const Query& query) override;
  Result<CollectionMap> map(std::string_view name, const MapRequest& request) override;
  Result<std::vector<Result<PutResult>>> put(std::string_view name, std::span<const NewItem> items,
                                             OnDuplicate on_duplicate) override;
  Result<std::vector<std::optional<Item>>> get(std::string_view name, std::span<const std::string> ids,
                                               bool with_vectors) override;
  Result<ScrollPage> list(std::string_view name, const ListRequest& request) override;
  Result<ClassifierInfo> train_classifier(std::string_view name, const ClassifierRequest& request) override;
  Result<std::vector<ClassifierInfo>> classifiers(std::string_view name) override;
  Result<void> drop_classifier(std::string_view name, std::string_view classifier) override;
  Result<CalibrationInfo> calibrate(std::string_view name, const CalibrationRequest& request) override;
  Result<CalibrationInfo> calibration(std::string_view name) override;
  Result<EncodedPicture> contact_sheet(const Query& query) override;
  Result<EncodedPicture> preview(const std::string& uri, std::uint32_t size) override;
  Result<EncodedPicture> preview(Bytes picture, std::uint32_t size) override;
  Result<EncodedPicture> alignment(std::string_view name, const Query& query, const std::string& id) override;
  Result<std::vector<Facet>> facets(std::string_view name, const FacetRequest& request) override;
  Result<Item> patch(std::string_view name, const std::string& id, std::string_view merge_patch) override;
  Result<EncodedPicture> picture(std::string_view name, const std::string& id) override;
  Result<std::string> picture_url(std::string_view name, const std::string& id) override;
  Result<EncodedPicture> thumbnail(std::string_view name, const std::string& id, std::uint32_t size) override;

  // Jobs (remote_jobs.cpp).
  Result<JobInfo> start_index(std::string_view name, const IndexRequest& request) override;
  Result<JobInfo> start_put(std::string_view name, std::span<const NewItem> items, OnDuplicate on_duplicate) override;
  Result<JobInfo> start_regions(std::string_view name, std::string_view plan) override;
  Result<IndexReport> set_regions(std::string_view name, std::string_view plan,
                                  const std::function<void(const IndexProgress&)>& progress,
                                  std::stop_token stop) override;
  Result<JobInfo> start_copy(std::string_view name, const CopyRequest& request) override;
  Result<CopyReport> copy_collection(std::string_view name, const CopyRequest& request,
                                     const std::function<void(const IndexProgress&)>& progress,
                                     std::stop_token stop) override;
  Result<JobInfo> start_migrate(std::string_view name, const MigrateRequest& request) override;
  Result<MigrationReport> migrate(std::string_view name, const MigrateRequest& request,
                                  const std::function<void(const IndexProgress&)>& progress,
                                  std::stop_token stop) override;
  Result<MigrationComparison> compare_models(std::string_view name, const CompareRequest& request) override;
  Result<CollectionInfo> cancel_migration(std::string_view name) override;
  Result<CollectionInfo> finish_migration(std::string_view name) override;
  Result<JobInfo> start_pull(const std::string& model, const std::string& mirror) override;
  Result<JobInfo> start_training(const TrainRequest& request) override;
  Result<std::vector<JobInfo>> jobs(const JobQuery& query) override;
  Result<JobInfo> job(std::string_view id) override;
  Result<std::vector<ItemError>> job_failures(std::string_view id, std::uint64_t offset, std::uint32_t limit) override;
  Result<JobInfo> cancel_job(std::string_view id) override;
  Result<JobCounts> job_counts() override;

  // Trainings (remote_training.cpp).
  Result<std::vector<TrainingInfo>> trainings() override;
  Result<TrainingInfo> training(const std::string& name) override;
  Result<std::string> training_file(const std::string& name, const std::string& file) override;
  Result<void> drop_training(const std::string& name) override;
  Result<TrainReport> train_model(const TrainRequest& request,
                                  const std::function<void(const TrainProgress&)>& progress,
                                  std::stop_token stop) override;

  // Models (remote_models.cpp).
  Result<std::vector<Result<Vector>>> embed(std::span<const std::string> uris, const std::string& model) override;
  Result<Vector> embed(Bytes picture, const std::string& model) override;
  Result<std::vector<ModelInfo>> models() override;
  Result<ModelInfo> model(const std::string& name) override;
  Result<std::vector<LayerInfo>> layers(const std::string& model) override;
  Result<BundleCheck> check_model(const std::string& model) override;
  Result<ModelInfo> import_model(const std::filesystem::path& file, const std::string& name) override;
  Result<ModelInfo> install_model(const std::string& name, std::string_view bundle, const std::string& url) override;
  Result<ModelInfo> pull_model(const std::string& model, const std::string& mirror,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                               std::stop_token stop) override;
  Result<std::shared_ptr<const Embedder>> embedder(const std::string& model, Metric metric) override;

 private:
  [[nodiscard]] Result<SearchResult> search_once(std::string_view name, const Query& query, const Json& json) const;
  [[nodiscard]] Result<EncodedPicture> fetch_picture(const ApiRequest& request) const;
  [[nodiscard]] Result<std::vector<Result<PutResult>>> put_some(std::string_view name, Json items,
                                                                OnDuplicate on_duplicate) const;
  // Until it has ended or `stop` is asked for; `changed` gets every state of it.
  [[nodiscard]] Result<JobInfo> follow_job(const std::string& id, const std::function<void(const JobInfo&)>& changed,
                                           const std::stop_token& stop);
  struct EndedJob {
    JobInfo job;
    std::vector<ItemError> errors;
  };
  // The same, with its failures; a failed job is its error. Cancelled where `stop` was asked for.
  [[nodiscard]] Result<EndedJob> await_job(const std::string& id,
                                           const std::function<void(const IndexProgress&)>& progress,
                                           const std::stop_token& stop);

  Api api_;
  ThreadPool pool_;  // the calling thread works too
};

}  // namespace eidetic::remote
