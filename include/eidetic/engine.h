// The whole of Eidetic as a library. Command line and server are thin doors to this class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/cluster.h"
#include "eidetic/copies.h"
#include "eidetic/embedder.h"
#include "eidetic/error.h"
#include "eidetic/evaluation.h"
#include "eidetic/image.h"
#include "eidetic/indexing.h"
#include "eidetic/inspection.h"
#include "eidetic/item.h"
#include "eidetic/learning.h"
#include "eidetic/migration.h"
#include "eidetic/model.h"
#include "eidetic/query.h"
#include "eidetic/s3.h"
#include "eidetic/training.h"

namespace eidetic {

struct EngineOptions {
  std::filesystem::path data_dir;                      // made if it is not there; one process at a time owns it
  std::vector<std::filesystem::path> model_dirs = {};  // where bundles are looked up by name, after <data_dir>/models
  unsigned threads = 0;                                // 0: one a core
  EmbedderOptions::Arithmetic arithmetic = EmbedderOptions::Arithmetic::automatic;  // of new collections
  DecodeOptions decode = {};                                                        // limits and background
  double fetch_timeout_s = 30;                                                      // for pictures behind URLs
  // For what is at s3:// URIs; nullopt: as read_s3_options() finds it when it is first needed.
  std::optional<S3Options> s3 = {};
  // Where set, pictures that come as bytes and thumbnails are kept below this place, "s3://bucket/prefix", in place of
  // the data folder: several engines may share it. What the data folder has kept so far is read there still.
  std::string store = {};

  // Search engines that keep collections too. Once one has answered, the data folder remembers it for those who open it
  // later, without passwords and keys, unless `remember_clusters` is false.
  std::vector<ClusterOptions> clusters = {};
  bool remember_clusters = true;
  std::string cluster_password = {}, cluster_api_key = {};  // of remembered ones
  // Where collections are made that do not say it: "embedded", in the data folder, or the URL of one of `clusters`.
  std::string backend = "embedded";

  // What a server sets, whose callers are not who owns the machine.
  // Where set, no file outside of these folders is read, links followed; an empty list: no file at all.
  std::optional<std::vector<std::filesystem::path>> file_roots = {};
  std::optional<std::vector<std::string>> s3_roots = {};  // the same of places in S3, "s3://bucket/prefix"
  bool private_urls = true;  // false: URLs of loopback, private, link-local and other non-public addresses are refused
  bool run_jobs = false;     // take up the jobs that wait and follow watched folders; else jobs wait for one that does
  unsigned parallel_jobs = 2;
  std::size_t max_queued_jobs = 10'000;
  double watch_rescan_s = 300;  // watched folders are read whole this often too: not every mount tells of changes
  std::uint64_t thumbnail_cache_bytes = std::uint64_t{1} << 30;  // on disk
  std::uint64_t feature_cache_bytes = std::uint64_t{1} << 30;    // local features of verified items, on disk
};

// Where bundles are looked up by name, first match wins: <data_dir>/models, options.model_dirs, the folders of
// $EIDETIC_MODELS (separated by colons), then what was installed or built with this library.
[[nodiscard]] std::vector<std::filesystem::path> model_directories(const EngineOptions& options);

struct CreateOptions {
  std::string model = "default";  // bundle name, or path of a bundle folder or model file
  // Above 0: a collection of bare vectors of so many dimensions, which come from elsewhere; it has no model.
  std::uint32_t dimensions = 0;
  std::string index = "auto";  // see check_factory
  Metric metric = Metric::cosine;
  std::string regions = "none";  // see parse_regions; of a collection with a model
  // "embedded", or the URL of one of EngineOptions::clusters; empty: EngineOptions::backend.
  std::string backend = {};
  // For people, as plain text of at most kMaxCollectionText bytes: what is in it, and where it comes from.
  std::string description = {};
  std::string source = {};
};
inline constexpr std::size_t kMaxCollectionText = 10'000;

// What changes of a collection; the rest stays.
struct CollectionChange {
  std::optional<std::string> index = {};   // "auto" or a factory string; see check_factory
  bool rebuild = false;                    // the index is built anew, and learns anew, though its kind stays
  std::optional<SearchDepth> search = {};  // of queries that say 0
  std::optional<std::string> description = {}, source = {};  // as CreateOptions
  friend bool operator==(const CollectionChange&, const CollectionChange&) = default;
};

// A collection put into another backend, which may be the same under another name.
struct CopyRequest {
  std::string to = "embedded";   // "embedded", or the URL of one of EngineOptions::clusters
  std::string name = {};         // there; empty: its own
  std::string index = {};        // as CreateOptions; empty: its own where it is possible there, else "auto"
  std::uint32_t searches = 100;  // that are compared at the end, up to kMaxCopySearches
  double min_agreement = 0.9;  // share of their 10 nearest that has to be the same; approximate indexes differ a little
};
inline constexpr std::uint32_t kMaxCopySearches = 10'000;

struct CopyReport {
  CollectionInfo collection;  // the copy
  std::uint64_t items = 0;    // that were compared in the last pass
  std::uint64_t copied = 0, removed = 0;
  unsigned passes = 0;  // the last one found nothing to do
  std::uint64_t searches = 0;
  double agreement = 1;
  std::vector<std::string> notes = {};
  double seconds = 0;
  bool interrupted = false;  // the same call goes on from there
};

struct MergeReport {
  std::uint64_t added = 0;     // items that were not there
  std::uint64_t replaced = 0;  // of an id that was there
  std::uint64_t kept = 0;      // of an id that was there, which stayed as it was
};

// --- items ---

// The scheme of pictures that the data folder keeps itself, named by the SHA-256 of their bytes: "stored:3fb2c1…".
inline constexpr std::string_view kStoredScheme = "stored";

// What becomes an item: a picture, by where it is or by its bytes, or a bare vector.
struct NewItem {
  std::string id = {};                       // empty: the SHA-256 of the picture, hex; a bare vector needs one
  std::string uri = {};                      // path or URI, read now and when the picture itself is asked for
  std::vector<std::byte> bytes = {};         // the encoded picture, to be kept in the data folder; then uri is empty
  Vector vector = {};                        // where given, taken as it is; nothing is embedded
  std::optional<std::string> metadata = {};  // JSON object; nullopt: as it was, {} of a new item
  ExifFields exif = ExifFields::none;        // of the picture, unless `metadata` has a field `exif` itself
};

// unchanged: the same picture was there, and is not embedded. skipped: a copy, and on_duplicate said so.
enum class PutOutcome { created, replaced, unchanged, skipped };
[[nodiscard]] std::string_view to_string(PutOutcome outcome) noexcept;

struct PutResult {
  std::string id;
  PutOutcome outcome = PutOutcome::created;
  std::optional<CopyOf> copy_of = {};  // under on_duplicate, of a picture that is new under its id
};

struct ListRequest {
  std::string cursor = {};    // ScrollPage::next of the page before
  std::uint32_t limit = 100;  // 1 to 10,000
  std::string filter = {};    // see parse_filter; a page of filtered items may be short although more follow
  bool with_vectors = false;
  // Empty: by id. Else a field, spelt as in a filter, or "@random:SEED"; with a `-` in front, downwards. See
  // SortedRequest.
  std::string sort = {};
};

struct EncodedPicture {
  std::vector<std::byte> bytes;
  std::string media_type;    // "image/jpeg", by content
  std::string content_hash;  // SHA-256 (hex) of the bytes
};

inline constexpr std::uint32_t kMinThumbnail = 16, kMaxThumbnail = 2048;  // pixels of the longer side

// --- jobs: work that goes on after the call, and over restarts ---

enum class JobState { queued, running, done, failed, cancelled };
[[nodiscard]] std::string_view to_string(JobState state) noexcept;
[[nodiscard]] Result<JobState> parse_job_state(std::string_view name);

struct JobInfo {
  std::string id;       // digits; later jobs have larger numbers
  std::string kind;     // "index", "put", "regions", "migrate", "copy", "pull", "train"
  std::string subject;  // of pull the model, else the collection
  JobState state = JobState::queued;
  std::int64_t created_ms = 0, started_ms = 0, finished_ms = 0;  // since 1970; 0: not yet
  IndexProgress progress;               // of pull: bytes in total and done; of train: as TrainProgress
  std::optional<Error> error = {};      // of a failed job
  std::uint32_t starts = 0;             // more than 1: went on after a restart
  std::string stage = {};               // of a train job that runs: as TrainProgress
  std::vector<TrainEpoch> epochs = {};  // of a train job, so far; told by Engine::job alone
};

struct JobQuery {
  std::string subject = {};  // empty: of all
  std::optional<JobState> state = {};
  std::string before = {};    // an id: older ones only
  std::uint32_t limit = 100;  // 1 to 1,000, newest first
};

struct JobCounts {
  std::uint64_t queued = 0, running = 0;              // now
  std::uint64_t done = 0, failed = 0, cancelled = 0;  // of those still remembered
};

// A training that was started as a job. Its folder is in the data folder, and stays when the job is forgotten.
struct TrainingInfo {
  TrainRequest request;
  std::optional<JobInfo> job;  // the latest that worked on it, without epochs; nullopt: forgotten
  TrainReport report;          // as far as it is
};

// Thread-safe. Every error names its input.
class Engine {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);
  virtual ~Engine() = default;

  // The seven verbs. Collections: create, drop, collections.
  [[nodiscard]] virtual Result<CollectionInfo> create(std::string_view name, const CreateOptions& options) = 0;
  [[nodiscard]] virtual Result<void> drop(std::string_view name) = 0;
  [[nodiscard]] virtual Result<std::vector<CollectionInfo>> collections() = 0;
  // Pictures: index (unchanged ones are skipped, changed ones embedded again), erase, search, embed. `progress` is
  // called on the calling thread, at most ten times a second and once at the end.
  [[nodiscard]] virtual Result<IndexReport> index(std::string_view name, const IndexRequest& request,
                                                  const std::function<void(const IndexProgress&)>& progress = {},
                                                  std::stop_token stop = {}) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> erase(std::string_view name, std::span<const std::string> ids) = 0;
  [[nodiscard]] virtual Result<SearchResult> search(std::string_view name, const Query& query) = 0;
  // Many at once: one result a query, in order; faster than one after the other.
  [[nodiscard]] virtual Result<std::vector<Result<SearchResult>>> search(std::string_view name,
                                                                         std::span<const Query> queries) = 0;
  // The variants that a query with augmentation searches with, of all its terms that are pictures or bytes: the picture
  // and its eight variants in rows, as JPEG. invalid_argument where no term is one.
  [[nodiscard]] virtual Result<EncodedPicture> contact_sheet(const Query& query) = 0;
  // A picture as a search takes it, a path or URI or encoded bytes, as an upright JPEG whose longer side is at most
  // `size` pixels, kMinThumbnail to kMaxThumbnail; never enlarged. For what cannot be shown otherwise. Nothing is
  // stored.
  [[nodiscard]] virtual Result<EncodedPicture> preview(const std::string& uri, std::uint32_t size) = 0;
  [[nodiscard]] virtual Result<EncodedPicture> preview(Bytes picture, std::uint32_t size) = 0;
  // The query's picture beside that of an item, with what agrees in both: see Query::verify. As JPEG.
  [[nodiscard]] virtual Result<EncodedPicture> alignment(std::string_view name, const Query& query,
                                                         const std::string& id) = 0;
  // One vector a path or URI, in order, by the named bundle; nothing is stored.
  [[nodiscard]] virtual Result<std::vector<Result<Vector>>> embed(std::span<const std::string> uris,
                                                                  const std::string& model) = 0;
  [[nodiscard]] virtual Result<Vector> embed(Bytes picture, const std::string& model) = 0;

  [[nodiscard]] virtual Result<CollectionInfo> describe(std::string_view name) = 0;
  // An index is built in the background while searches go on with the old one: see CollectionInfo::index_building. Not
  // done when this engine goes, it is begun again where the collection is next used.
  [[nodiscard]] virtual Result<CollectionInfo> change(std::string_view name, const CollectionChange& change) = 0;
  // Copies a collection: items, parts, settings and what is learnt of it, while it is searched and written to. The copy
  // is complete when this returns, and says so until then (CollectionInfo::index_note). invalid_argument: it is there
  // already; already_exists: another one of that name; conflict: counts or searches differ in the end.
  [[nodiscard]] virtual Result<CopyReport> copy_collection(
      std::string_view name, const CopyRequest& request, const std::function<void(const IndexProgress&)>& progress = {},
      std::stop_token stop = {}) = 0;
  // Copies all items of collection `from`, which stays, into `into`; nothing is embedded. Of ids that both have, the
  // items of `from` replace those of `into`, or leave them. Spaces that differ: invalid_argument. After any other error
  // what was copied so far stays, and the same call goes on from there.
  [[nodiscard]] virtual Result<MergeReport> merge(std::string_view into, std::string_view from, bool replace) = 0;
  // Labels are strings, numbers or booleans. not_found for a field that no item has, with the nearest ones.
  [[nodiscard]] virtual Result<EvalReport> evaluate(std::string_view name, std::string_view label,
                                                    std::span<const std::uint32_t> recall_k) = 0;
  // Learns a classifier and gives every item its class; one of that name is replaced. Seconds for thousands of items.
  // already_exists: items have such a field already, from elsewhere.
  [[nodiscard]] virtual Result<ClassifierInfo> train_classifier(std::string_view name,
                                                                const ClassifierRequest& request) = 0;
  [[nodiscard]] virtual Result<std::vector<ClassifierInfo>> classifiers(std::string_view name) = 0;
  // With the field of the items. not_found
  [[nodiscard]] virtual Result<void> drop_classifier(std::string_view name, std::string_view classifier) = 0;
  // Searches with up to 2,000 items. Learnt once: again where much has been added.
  [[nodiscard]] virtual Result<CalibrationInfo> calibrate(std::string_view name, const CalibrationRequest& request) = 0;
  // not_found: it was never calibrated.
  [[nodiscard]] virtual Result<CalibrationInfo> calibration(std::string_view name) = 0;
  // What regions the pictures of a collection have from now on, see parse_regions: gives all items theirs, those that
  // have them already excepted, and so does every later way in. A stopped or failed run is gone on with by the same
  // call. What counts as indexed are items that got regions.
  [[nodiscard]] virtual Result<IndexReport> set_regions(std::string_view name, std::string_view plan,
                                                        const std::function<void(const IndexProgress&)>& progress = {},
                                                        std::stop_token stop = {}) = 0;
  // Another model for a collection, while it is searched and written to as ever; see MigrateRequest. A stopped or
  // killed run is gone on with by the same call, and embeds nothing twice. Where items fail, nothing is switched unless
  // request.drop_failed says so. Of what hangs on the space, classifiers and a calibration are learnt anew. Errors:
  // invalid_argument (the model is the collection's, or its index does not fit; nothing to switch or to roll back),
  // unsupported (bare vectors), already_exists (another change is under way, or its time of grace), unavailable (one is
  // being made now).
  [[nodiscard]] virtual Result<MigrationReport> migrate(std::string_view name, const MigrateRequest& request,
                                                        const std::function<void(const IndexProgress&)>& progress = {},
                                                        std::stop_token stop = {}) = 0;
  // not_found: no vectors of another model are there.
  [[nodiscard]] virtual Result<MigrationComparison> compare_models(std::string_view name,
                                                                   const CompareRequest& request) = 0;
  // Before the switch: the vectors of the new model go, and all is as it was. Ends a run that goes on.
  [[nodiscard]] virtual Result<CollectionInfo> cancel_migration(std::string_view name) = 0;
  // After the switch: the vectors of the old model go before their time.
  [[nodiscard]] virtual Result<CollectionInfo> finish_migration(std::string_view name) = 0;
  // A whole collection as one file, and back under its name or a new one. The file is checksummed and written
  // atomically.
  [[nodiscard]] virtual Result<std::uint64_t> export_collection(std::string_view name,
                                                                const std::filesystem::path& file) = 0;
  // A damaged or truncated file: corrupt, and nothing is imported.
  [[nodiscard]] virtual Result<CollectionInfo> import_collection(const std::filesystem::path& file,
                                                                 std::optional<std::string> name = {}) = 0;

  // Copies among all items: each one's nearest are judged by content hashes, perceptual hashes, and as far as asked for
  // the pictures themselves. One pass, about 100 bytes of memory an item; items that come or go meanwhile may be
  // missing. `progress` as of index; a request to stop: unavailable.
  [[nodiscard]] virtual Result<DuplicatesReport> duplicates(
      std::string_view name, const DuplicatesRequest& request,
      const std::function<void(const DuplicatesProgress&)>& progress = {}, std::stop_token stop = {}) = 0;

  // --- looking inside: data for pictures. A look at every item: seconds for millions ---
  [[nodiscard]] virtual Result<IndexView> inspect(std::string_view name) = 0;
  // The same search as search(), and what it did.
  [[nodiscard]] virtual Result<SearchWalk> walk(std::string_view name, const Query& query) = 0;
  // Labels are read as in evaluate().
  [[nodiscard]] virtual Result<CollectionMap> map(std::string_view name, const MapRequest& request) = 0;

  // --- items ---
  // Stores items, embedding pictures on all threads: one result an item, in order; a bad one fails alone. What is
  // answered with success is durable, the bytes of stored pictures too. An id that is there is replaced.
  [[nodiscard]] virtual Result<std::vector<Result<PutResult>>> put(std::string_view name,
                                                                   std::span<const NewItem> items,
                                                                   OnDuplicate on_duplicate = OnDuplicate::store) = 0;
  [[nodiscard]] virtual Result<std::vector<std::optional<Item>>> get(std::string_view name,
                                                                     std::span<const std::string> ids,
                                                                     bool with_vectors) = 0;
  [[nodiscard]] virtual Result<ScrollPage> list(std::string_view name, const ListRequest& request) = 0;
  // Which values fields have, and how often, one a field: see FacetRequest.
  [[nodiscard]] virtual Result<std::vector<Facet>> facets(std::string_view name, const FacetRequest& request) = 0;
  // Applies a JSON merge patch (RFC 7396) to an item's metadata and gives the item as it is then, without its vector.
  [[nodiscard]] virtual Result<Item> patch(std::string_view name, const std::string& id,
                                           std::string_view merge_patch) = 0;
  // Erases what the filter matches; an empty filter is an invalid_argument.
  [[nodiscard]] virtual Result<std::uint64_t> erase_where(std::string_view name, std::string_view filter) = 0;
  // The picture of an item as it was given. not_found also for items of bare vectors.
  [[nodiscard]] virtual Result<EncodedPicture> picture(std::string_view name, const std::string& id) = 0;
  // Where anybody may read it for the next hour, of a picture in S3; "" of any other.
  [[nodiscard]] virtual Result<std::string> picture_url(std::string_view name, const std::string& id) = 0;
  // The same as an upright JPEG whose longer side is at most `size` pixels; never enlarged. Kept in the data folder.
  [[nodiscard]] virtual Result<EncodedPicture> thumbnail(std::string_view name, const std::string& id,
                                                         std::uint32_t size) = 0;

  // --- jobs. overloaded: max_queued_jobs wait already ---
  // A job equal to one that still waits is not queued again: the waiting one is given back. A job that a restart
  // interrupts is run again; what it had stored is skipped as unchanged.
  [[nodiscard]] virtual Result<JobInfo> start_index(std::string_view name, const IndexRequest& request) = 0;
  [[nodiscard]] virtual Result<JobInfo> start_put(std::string_view name, std::span<const NewItem> items,
                                                  OnDuplicate on_duplicate = OnDuplicate::store) = 0;
  [[nodiscard]] virtual Result<JobInfo> start_regions(std::string_view name, std::string_view plan) = 0;
  // Refuses at once what migrate() would refuse.
  [[nodiscard]] virtual Result<JobInfo> start_copy(std::string_view name, const CopyRequest& request) = 0;
  [[nodiscard]] virtual Result<JobInfo> start_migrate(std::string_view name, const MigrateRequest& request) = 0;
  [[nodiscard]] virtual Result<JobInfo> start_pull(const std::string& model, const std::string& mirror) = 0;
  // TrainRequest::output is chosen by the engine: empty. One training runs at a time. What cannot be learnt is refused
  // at once, as by train_model; the same request that still waits or runs is given back, and one that was stopped goes
  // on.
  [[nodiscard]] virtual Result<JobInfo> start_training(const TrainRequest& request) = 0;
  [[nodiscard]] virtual Result<std::vector<JobInfo>> jobs(const JobQuery& query) = 0;
  [[nodiscard]] virtual Result<JobInfo> job(std::string_view id) = 0;
  // Items that failed, in the order of their failing; at most 10,000 are remembered.
  [[nodiscard]] virtual Result<std::vector<ItemError>> job_failures(std::string_view id, std::uint64_t offset,
                                                                    std::uint32_t limit) = 0;
  // A running job ends after the batch it is at; what it has stored stays. A job that has ended stays as it is.
  [[nodiscard]] virtual Result<JobInfo> cancel_job(std::string_view id) = 0;
  [[nodiscard]] virtual Result<JobCounts> job_counts() = 0;

  // --- trainings that were started as jobs, by the name of their model ---
  // The latest first; without their epochs and maps.
  [[nodiscard]] virtual Result<std::vector<TrainingInfo>> trainings() = 0;
  [[nodiscard]] virtual Result<TrainingInfo> training(const std::string& name) = 0;
  // The content of one of kTrainingFiles. not_found also where it is not there yet.
  [[nodiscard]] virtual Result<std::string> training_file(const std::string& name, const std::string& file) = 0;
  // Deletes what was made on the way; the model stays. invalid_argument while its job waits or runs.
  [[nodiscard]] virtual Result<void> drop_training(const std::string& name) = 0;

  // --- watched folders: what appears, changes and goes there does so in the collection. Kept with it. ---
  // Replaces the list; empty: watch nothing. not_found where one is no folder.
  [[nodiscard]] virtual Result<void> watch(std::string_view name, std::span<const std::filesystem::path> folders) = 0;
  [[nodiscard]] virtual Result<std::vector<std::filesystem::path>> watched(std::string_view name) = 0;

  // --- places: the data folder first ---
  [[nodiscard]] virtual Result<std::vector<BackendPlace>> backends() = 0;
  // The data folder does not open a search engine any more; what is in that stays. not_found: it is not remembered.
  [[nodiscard]] virtual Result<void> forget_backend(std::string_view url) = 0;

  // --- models ---
  [[nodiscard]] virtual Result<std::vector<ModelInfo>> models() = 0;
  [[nodiscard]] virtual Result<ModelInfo> model(const std::string& name) = 0;
  [[nodiscard]] virtual Result<std::vector<LayerInfo>> layers(const std::string& model) = 0;
  [[nodiscard]] virtual Result<BundleCheck> check_model(const std::string& model) = 0;
  // A bare model file as a new bundle `name`, described by defaults.
  [[nodiscard]] virtual Result<ModelInfo> import_model(const std::filesystem::path& file, const std::string& name) = 0;
  // A new bundle whose model.json is `bundle` and whose model file is behind `url` (http, https, or a path).
  // already_exists where a bundle of that name has another description; the same one is given back as it is.
  [[nodiscard]] virtual Result<ModelInfo> install_model(const std::string& name, std::string_view bundle,
                                                        const std::string& url) = 0;
  // A model of the zoo, now; progress in bytes.
  [[nodiscard]] virtual Result<ModelInfo> pull_model(
      const std::string& model, const std::string& mirror,
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {}, std::stop_token stop = {}) = 0;

  // Learns a model from a collection's labels, and installs it. What is made on the way is kept in the output folder,
  // so that a run that was stopped or killed is gone on with by the same call, and features are made once. `progress`
  // is called on the calling thread. Errors: not_found (collection, label, trunk), invalid_argument (options; fewer
  // than two classes; no class with two items), already_exists (a model of the name, unless it is what this very call
  // has made), unsupported (a trunk that is no ONNX, or has its weights in another file; a collection of bare vectors),
  // unavailable (another run has the output folder), those of writing.
  [[nodiscard]] virtual Result<TrainReport> train_model(const TrainRequest& request,
                                                        const std::function<void(const TrainProgress&)>& progress = {},
                                                        std::stop_token stop = {}) = 0;

  // --- the whole data folder ---
  // A copy of all that cannot be made again (catalog, stored pictures, jobs, models) into a folder that is not there
  // yet, while everything goes on; it appears complete or not at all. Opened as a data folder, it is one. Or below an
  // s3:// URI where there is nothing yet, to be fetched by restore_backup(); not what is kept in `store`.
  [[nodiscard]] virtual Result<void> backup(const std::filesystem::path& folder) = 0;

  // A bundle by name or path, loaded once and kept. unsupported where the engine is a server's.
  [[nodiscard]] virtual Result<std::shared_ptr<const Embedder>> embedder(const std::string& model, Metric metric) = 0;
};

// A backup that Engine::backup has put below an s3:// URI, as a folder that is not there yet; it appears complete or
// not at all. not_found: no complete backup is there; corrupt: not what was put there.
[[nodiscard]] Result<void> restore_backup(const std::string& from, const std::filesystem::path& folder,
                                          const S3Options& s3);

}  // namespace eidetic
