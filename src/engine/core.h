// Engine over one backend, whatever it is. The verbs stand in core.cpp and core_*.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "eidetic/blobs.h"
#include "eidetic/engine.h"
#include "eidetic/filter.h"

#include "base/threads.h"
#include "blobs/file_roots.h"
#include "catalog/content_cache.h"
#include "catalog/hash_cache.h"
#include "catalog/job_store.h"
#include "catalog/picture_store.h"
#include "engine/backends.h"
#include "engine/copies.h"
#include "engine/embedders.h"
#include "engine/jobs.h"
#include "engine/learnt.h"
#include "engine/migration.h"
#include "engine/pictures.h"
#include "engine/query.h"
#include "engine/regions.h"
#include "engine/s3_models.h"
#include "engine/sweep.h"
#include "engine/watcher.h"
#include "net/http.h"
#include "s3/client.h"
#include "s3/place.h"

namespace eidetic {

struct CoreParts {
  EngineOptions options;
  FileRoots roots;   // of options.file_roots
  HttpOptions http;  // for models too
  S3Roots s3_roots;  // of options.s3_roots
  std::unique_ptr<S3Client> s3;
  std::unique_ptr<ThreadPool> pool;  // outlives the backend, which builds indexes on it
  std::unique_ptr<Backends> backend;
  std::unique_ptr<PictureStore> pictures;
  std::unique_ptr<JobStore> jobs;
  std::unique_ptr<ContentCache> thumbnails, features;
  std::unique_ptr<HashCache> hashes;
  std::unique_ptr<Blobs> blobs;  // reads `pictures` too
};

class Core final : public Engine {
 public:
  explicit Core(CoreParts parts);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  // Ends what goes on in the background: jobs wait again, from the batch they are at.
  ~Core() override;

  [[nodiscard]] Result<CollectionInfo> create(std::string_view name, const CreateOptions& options) override;
  [[nodiscard]] Result<void> drop(std::string_view name) override;
  [[nodiscard]] Result<std::vector<CollectionInfo>> collections() override;
  [[nodiscard]] Result<IndexReport> index(std::string_view name, const IndexRequest& request,
                                          const std::function<void(const IndexProgress&)>& progress,
                                          std::stop_token stop) override;
  [[nodiscard]] Result<std::uint64_t> erase(std::string_view name, std::span<const std::string> ids) override;
  [[nodiscard]] Result<SearchResult> search(std::string_view name, const Query& query) override;
  [[nodiscard]] Result<std::vector<Result<SearchResult>>> search(std::string_view name,
                                                                 std::span<const Query> queries) override;
  [[nodiscard]] Result<DuplicatesReport> duplicates(std::string_view name, const DuplicatesRequest& request,
                                                    const std::function<void(const DuplicatesProgress&)>& progress,
                                                    std::stop_token stop) override;
  [[nodiscard]] Result<IndexView> inspect(std::string_view name) override;
  [[nodiscard]] Result<SearchWalk> walk(std::string_view name, const Query& query) override;
  [[nodiscard]] Result<CollectionMap> map(std::string_view name, const MapRequest& request) override;
  [[nodiscard]] Result<std::vector<Result<Vector>>> embed(std::span<const std::string> uris,
                                                          const std::string& model) override;
  [[nodiscard]] Result<Vector> embed(Bytes picture, const std::string& model) override;
  [[nodiscard]] Result<CollectionInfo> change(std::string_view name, const CollectionChange& change) override;
  [[nodiscard]] Result<CollectionInfo> describe(std::string_view name) override;
  [[nodiscard]] Result<CopyReport> copy_collection(std::string_view name, const CopyRequest& request,
                                                   const std::function<void(const IndexProgress&)>& progress,
                                                   std::stop_token stop) override;
  [[nodiscard]] Result<MergeReport> merge(std::string_view into, std::string_view from, bool replace) override;
  [[nodiscard]] Result<EvalReport> evaluate(std::string_view name, std::string_view label,
                                            std::span<const std::uint32_t> recall_k) override;
  [[nodiscard]] Result<ClassifierInfo> train_classifier(std::string_view name,
                                                        const ClassifierRequest& request) override;
  [[nodiscard]] Result<std::vector<ClassifierInfo>> classifiers(std::string_view name) override;
  [[nodiscard]] Result<void> drop_classifier(std::string_view name, std::string_view classifier) override;
  [[nodiscard]] Result<CalibrationInfo> calibrate(std::string_view name, const CalibrationRequest& request) override;
  [[nodiscard]] Result<CalibrationInfo> calibration(std::string_view name) override;
  [[nodiscard]] Result<MigrationReport> migrate(std::string_view name, const MigrateRequest& request,
                                                const std::function<void(const IndexProgress&)>& progress,
                                                std::stop_token stop) override;
  [[nodiscard]] Result<MigrationComparison> compare_models(std::string_view name,
                                                           const CompareRequest& request) override;
  [[nodiscard]] Result<CollectionInfo> cancel_migration(std::string_view name) override;
  [[nodiscard]] Result<CollectionInfo> finish_migration(std::string_view name) override;
  [[nodiscard]] Result<IndexReport> set_regions(std::string_view name, std::string_view plan,
                                                const std::function<void(const IndexProgress&)>& progress,
                                                std::stop_token stop) override;
  [[nodiscard]] Result<std::uint64_t> export_collection(std::string_view name,
                                                        const std::filesystem::path& file) override;
  [[nodiscard]] Result<CollectionInfo> import_collection(const std::filesystem::path& file,
                                                         std::optional<std::string> name) override;

  [[nodiscard]] Result<std::vector<Result<PutResult>>> put(std::string_view name, std::span<const NewItem> items,
                                                           OnDuplicate on_duplicate) override;
  [[nodiscard]] Result<std::vector<std::optional<Item>>> get(std::string_view name, std::span<const std::string> ids,
                                                             bool with_vectors) override;
  [[nodiscard]] Result<ScrollPage> list(std::string_view name, const ListRequest& request) override;
  [[nodiscard]] Result<EncodedPicture> contact_sheet(const Query& query) override;
  [[nodiscard]] Result<EncodedPicture> preview(const std::string& uri, std::uint32_t size) override;
  [[nodiscard]] Result<EncodedPicture> preview(Bytes picture, std::uint32_t size) override;
  [[nodiscard]] Result<EncodedPicture> alignment(std::string_view name, const Query& query,
                                                 const std::string& id) override;
  [[nodiscard]] Result<std::vector<Facet>> facets(std::string_view name, const FacetRequest& request) override;
  [[nodiscard]] Result<Item> patch(std::string_view name, const std::string& id, std::string_view merge_patch) override;
  [[nodiscard]] Result<std::uint64_t> erase_where(std::string_view name, std::string_view filter) override;
  [[nodiscard]] Result<EncodedPicture> picture(std::string_view name, const std::string& id) override;
  [[nodiscard]] Result<std::string> picture_url(std::string_view name, const std::string& id) override;
  [[nodiscard]] Result<EncodedPicture> thumbnail(std::string_view name, const std::string& id,
                                                 std::uint32_t size) override;

  [[nodiscard]] Result<JobInfo> start_index(std::string_view name, const IndexRequest& request) override;
  [[nodiscard]] Result<JobInfo> start_put(std::string_view name, std::span<const NewItem> items,
                                          OnDuplicate on_duplicate) override;
  [[nodiscard]] Result<JobInfo> start_regions(std::string_view name, std::string_view plan) override;
  [[nodiscard]] Result<JobInfo> start_copy(std::string_view name, const CopyRequest& request) override;
  [[nodiscard]] Result<JobInfo> start_migrate(std::string_view name, const MigrateRequest& request) override;
  [[nodiscard]] Result<JobInfo> start_pull(const std::string& model, const std::string& mirror) override;
  [[nodiscard]] Result<JobInfo> start_training(const TrainRequest& request) override;
  [[nodiscard]] Result<std::vector<JobInfo>> jobs(const JobQuery& query) override;
  [[nodiscard]] Result<JobInfo> job(std::string_view id) override;
  [[nodiscard]] Result<std::vector<ItemError>> job_failures(std::string_view id, std::uint64_t offset,
                                                            std::uint32_t limit) override;
  [[nodiscard]] Result<JobInfo> cancel_job(std::string_view id) override;
  [[nodiscard]] Result<JobCounts> job_counts() override;

  [[nodiscard]] Result<std::vector<TrainingInfo>> trainings() override;
  [[nodiscard]] Result<TrainingInfo> training(const std::string& name) override;
  [[nodiscard]] Result<std::string> training_file(const std::string& name, const std::string& file) override;
  [[nodiscard]] Result<void> drop_training(const std::string& name) override;

  [[nodiscard]] Result<void> watch(std::string_view name, std::span<const std::filesystem::path> folders) override;
  [[nodiscard]] Result<std::vector<std::filesystem::path>> watched(std::string_view name) override;

  [[nodiscard]] Result<std::vector<BackendPlace>> backends() override;
  [[nodiscard]] Result<void> forget_backend(std::string_view url) override;
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
  [[nodiscard]] Result<TrainReport> train_model(const TrainRequest& request,
                                                const std::function<void(const TrainProgress&)>& progress,
                                                std::stop_token stop) override;

  [[nodiscard]] Result<void> backup(const std::filesystem::path& folder) override;
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder(const std::string& model, Metric metric) override;

 private:
  // The collection's own model, and where `asked` names one, that it makes the same vectors.
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> embedder_of(const CollectionSpec& collection,
                                                                    const std::string& asked, Embedders::Use use);
  // What `work` makes of the collection, all of it in one space: where the model was changed meanwhile, it is done
  // again.
  template <typename Work>
  auto in_one_space(std::string_view name, const Work& work) -> std::invoke_result_t<Work, const CollectionSpec&> {
    for (;;) {
      EIDETIC_TRY(const CollectionSpec collection, parts_.backend->spec(name));
      auto made = work(collection);
      const auto now = parts_.backend->spec(name);
      if (!now || now->era == collection.era) return made;
    }
  }
  // The same of work that stores vectors: what it has stored is stored, and counts in the new space too.
  template <typename Work>
  auto into_one_space(std::string_view name, const Work& work) -> std::invoke_result_t<Work, const CollectionSpec&> {
    for (;;) {
      EIDETIC_TRY(const CollectionSpec collection, parts_.backend->spec(name));
      auto made = work(collection);
      if (made) return made;
      const auto now = parts_.backend->spec(name);
      if (!now || now->era == collection.era) return made;
    }
  }
  [[nodiscard]] Result<ItemClasses> item_classes(std::string_view name);
  [[nodiscard]] Result<RegionPlan> regions(std::string_view name);
  // The plan as it is stored. What was there by another one goes.
  [[nodiscard]] Result<void> change_regions(std::string_view name, const std::string& plan);
  // Gives those of the items their regions that have none by this plan.
  [[nodiscard]] Result<void> divide(const CollectionSpec& collection, const RegionPlan& plan,
                                    const PictureEmbedder& pictures, std::vector<Item> items, IndexReport& report);
  // What is learnt of a collection, as it is kept.
  struct LearntClassifier {
    ClassifierSetting setting;
    std::vector<std::byte> bytes;  // of the attachment
    std::vector<std::string> classes;
  };
  struct LearntCalibration {
    CalibrationSetting setting;
    std::vector<std::byte> bytes;
    CalibrationInfo info;
  };
  // `own`: items have the field of that name from a classifier. The embedder is asked for words.
  [[nodiscard]] Result<LearntClassifier> learn_classifier(const CollectionSpec& collection,
                                                          const ClassifierRequest& request, bool own,
                                                          const EmbedderSource& embedder);
  [[nodiscard]] Result<LearntCalibration> learn_calibration(std::string_view name, const CalibrationRequest& request);
  // Gives all items the classes of the collection's classifiers, and takes these fields away.
  [[nodiscard]] Result<void> assign_classes(std::string_view name, std::span<const std::string> gone);
  // Changes settings, again where another process has done so meanwhile; an error of `edit` changes nothing.
  // Attachments that they do not name any more go.
  [[nodiscard]] Result<void> edit_settings(
      std::string_view name, const std::function<Result<void>(const CollectionSpec& now, CollectionSettings&)>& edit);
  [[nodiscard]] Result<void> drop_attachments(std::string_view name, const CollectionSettings& before,
                                              const CollectionSettings& after);
  // Changes the settings of a collection that is still in the space that this was learnt of, and attaches these bytes
  // (none: nothing) to them.
  [[nodiscard]] Result<void> change_settings(const CollectionSpec& learnt_of, const std::string& attachment,
                                             std::span<const std::byte> content,
                                             const std::function<void(CollectionSettings&)>& change);
  // Goes through all items, with their vectors, and stores those whose metadata `edit` has changed; no further where
  // the space is another one.
  [[nodiscard]] Result<void> edit_items(const CollectionSpec& collection, bool with_vectors,
                                        const std::function<bool(Item&)>& edit);

  // --- core_migration.cpp ---
  [[nodiscard]] Result<void> tell_settings(CollectionInfo& info) const;
  // What a request comes to, as things are; errors as Engine::migrate.
  [[nodiscard]] Result<ModelChange> model_change(std::string_view name, const MigrateRequest& request);
  [[nodiscard]] Result<ModelChange> change_to(std::string_view name, const std::string& model,
                                              const CollectionSpec& collection, const CollectionSettings& settings);
  [[nodiscard]] Result<void> begin_migration(std::string_view name, const ModelChange& change);
  // Embeds what is pending from where it was last.
  [[nodiscard]] Result<void> fill_space(SpaceFilling& filling, const std::stop_token& stop);
  [[nodiscard]] Result<LearntAnew> learn_anew(std::string_view name, const ModelChange& change);
  // Nothing where items have failed that may not be dropped; report.switched says so.
  [[nodiscard]] Result<void> switch_model(std::string_view name, const ModelChange& change,
                                          const MigrateRequest& request, SpaceFilling& filling,
                                          const std::stop_token& stop);
  // With settings_ and writing_ held; false: not as things are, try again.
  [[nodiscard]] Result<bool> switch_now(std::string_view name, const ModelChange& change, const MigrateRequest& request,
                                        const LearntAnew& learnt, SpaceFilling& filling, bool last_try);
  [[nodiscard]] Result<void> note_failures(SpaceFilling& filling);
  [[nodiscard]] Result<MigrationReport> run_migration(std::string_view name, const MigrateRequest& request,
                                                      const std::function<void(const IndexProgress&)>& progress,
                                                      const std::stop_token& stop);
  // Forgets the change of model and the vectors beside; only in a state that `may` agrees to.
  [[nodiscard]] Result<CollectionInfo> end_migration(std::string_view name,
                                                     const std::function<Result<void>(const MigrationSetting&)>& may);
  // Ends what is over its time of grace, or was cut off. When to look again, in milliseconds since 1970.
  [[nodiscard]] std::int64_t sweep_migrations();
  [[nodiscard]] CopyParts copy_parts() const;
  [[nodiscard]] std::optional<CopyParts> copy_parts(OnDuplicate what) const;
  // `collection` is to outlive what is given.
  [[nodiscard]] QueryParts query_parts(const CollectionSpec& collection);
  [[nodiscard]] AnyDownloads downloads() const;
  // A bundle in S3 as the name that it has here, fetched where it is not there yet; any other model as it is.
  [[nodiscard]] Result<std::string> local_model(const std::string& model);
  [[nodiscard]] Result<void> backup_to_s3(const std::string& uri);
  // A model that a caller names by path has to be within the roots.
  [[nodiscard]] Result<void> check_model_reach(const std::string& model) const;
  [[nodiscard]] Result<void> check_reach(const IndexRequest& request) const;
  [[nodiscard]] Result<Item> item(std::string_view name, const std::string& id);
  // The ids of the items that the filter passes, in portions.
  using VisitItems = std::function<Result<void>(std::vector<Item> items)>;
  [[nodiscard]] Result<ScrollPage> list_sorted(std::string_view name, const ListRequest& request, const Filter& filter);
  [[nodiscard]] Result<void> for_each_match(std::string_view name, const Filter& filter, const VisitItems& visit);
  [[nodiscard]] Result<std::vector<std::byte>> make_thumbnail(Bytes picture, std::string_view name,
                                                              std::uint32_t size) const;

  [[nodiscard]] Result<JobInfo> start_job(std::string_view kind, std::string_view subject,
                                          const std::string& arguments);
  [[nodiscard]] Result<JobEnd> run_job(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_index(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_put(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_regions(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_copy(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_migrate(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_pull(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  [[nodiscard]] Result<JobEnd> run_training(const JobRecord& job, JobTeller& teller, const std::stop_token& stop);
  // Where the training of that name keeps what it makes.
  [[nodiscard]] std::filesystem::path training_folder(const std::string& name) const;
  [[nodiscard]] Result<ModelInfo> install_learnt(const std::string& name, std::string_view bundle,
                                                 const std::filesystem::path& file);
  [[nodiscard]] Result<void> copy_trainings(const std::filesystem::path& to);
  // Of a train job, those of its training as far as it is; none where a later job goes on with that.
  [[nodiscard]] std::vector<TrainEpoch> epochs_of(const JobRecord& job) const;
  // The waiting or running job that works on it.
  [[nodiscard]] Result<std::optional<JobRecord>> open_training(const std::string& name);
  void follow_watched_folders();

  CoreParts parts_;
  const std::vector<std::filesystem::path> model_folders_;
  Embedders embedders_;
  LearntCache learnt_;
  std::mutex writing_;   // from looking at an item to storing it changed
  std::mutex settings_;  // from reading a collection's settings to storing them changed
  MigrationRuns migrations_;
  std::mutex backing_up_;  // to S3
  std::mutex shelving_;    // one change of the models folder at a time
  std::mutex trainings_;   // from a look at the trainings to a new one, or one less
  std::mutex sweep_held_;  // no stored picture is deleted while this is held
  // Last: they use everything above.
  std::unique_ptr<JobRunner> runner_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<PictureSweeper> sweeper_;
  std::unique_ptr<GraceKeeper> grace_;
};

}  // namespace eidetic
