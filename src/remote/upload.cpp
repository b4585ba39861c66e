#include "remote/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <thread>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "base/threads.h"
#include "blobs/listing.h"
#include "blobs/router.h"
#include "remote/shapes.h"
#include "remote/terms.h"
#include "remote/upload_plan.h"

namespace eidetic::remote {
namespace {

constexpr std::uint32_t kMaxBatch = 10'000;
constexpr double kProgressIntervalS = 0.1;
constexpr unsigned kPatientTries = 20;         // of a picture that the server is too busy for
constexpr std::size_t kMaxMetadataUrl = 4000;  // longer metadata follows in a request of its own
// Collections larger than this many pictures for each found here are asked for single items, not read through.
constexpr std::uint64_t kFewPictures = 100;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

enum class Done { indexed, unchanged, updated, skipped };

struct Outcome {
  std::size_t task = 0;
  Result<Done> done = Done::unchanged;
  std::optional<CopyOf> copy_of = {};
  bool fatal = false;  // of the run, not of the picture
  bool hashed = false, sent = false;
  double hash_s = 0, send_s = 0;
};

// Sends single pictures. Thread-safe.
class Sender {
 public:
  Sender(const Api& api, Engine& engine, std::string collection, OnDuplicate on_duplicate, std::stop_token stop)
      : api_(api),
        engine_(engine),
        collection_(std::move(collection)),
        on_duplicate_(on_duplicate),
        stop_(std::move(stop)) {}

  [[nodiscard]] Outcome process(const UploadTask& task) const {
    Outcome outcome;
    const auto file = local_file(task.picture.uri);
    if (file) {
      if (auto readable = check_readable(*file); !readable) {
        outcome.done = std::unexpected(std::move(readable).error());
        return outcome;
      }
      if (is_stored(task, *file, outcome)) {
        outcome.done = task.kept.exif == ExifFields::none ? keep(task, outcome) : read_again(task, *file, outcome);
        return outcome;
      }
    }
    const auto start = Clock::now();
    outcome.sent = true;
    outcome.done = send(task, file, outcome);
    outcome.send_s = seconds_since(start);
    return outcome;
  }

 private:
  [[nodiscard]] static bool is_stored(const UploadTask& task, const std::filesystem::path& file, Outcome& outcome) {
    if (task.stored_hash.empty() || task.stored_bytes != task.picture.size_bytes) return false;
    const auto start = Clock::now();
    const auto hash = sha256_hex_of_file(file);
    outcome.hashed = true;
    outcome.hash_s = seconds_since(start);
    return hash && *hash == task.stored_hash;
  }

  // The picture is as it was; its metadata may not be.
  Result<Done> keep(const UploadTask& task, Outcome& outcome) const {
    if (!task.kept.text) return Done::unchanged;
    return change(task, merge_patch(task.stored_metadata, *task.kept.text), outcome);
  }

  Result<Done> change(const UploadTask& task, const std::string& patch, Outcome& outcome) const {
    if (patch.empty()) return Done::unchanged;
    const auto patched = engine_.patch(collection_, task.picture.id, patch);
    outcome.fatal = !patched;
    if (!patched) return std::unexpected(patched.error());
    return Done::updated;
  }

  // The picture is as it was, but the server has to read its EXIF block.
  Result<Done> read_again(const UploadTask& task, const std::filesystem::path& file, Outcome& outcome) const {
    outcome.sent = true;
    const auto start = Clock::now();
    const auto done = send(task, file, outcome);
    outcome.send_s = seconds_since(start);
    if (!done || *done != Done::indexed) return done;
    return Done::updated;
  }

  Result<Done> send(const UploadTask& task, const std::optional<std::filesystem::path>& file, Outcome& outcome) const {
    ApiRequest request{.method = "PUT", .path = {"v1", "collections", collection_, "items", task.picture.id}};
    if (on_duplicate_ != OnDuplicate::store) {
      request.path = std::move(request.path).with("on_duplicate", to_string(on_duplicate_));
    }
    bool metadata_follows = false;
    if (file) {
      if (task.metadata && uri_encode(*task.metadata).size() <= kMaxMetadataUrl) {
        request.path = std::move(request.path).with("metadata", *task.metadata);
      } else {
        metadata_follows = task.metadata.has_value();
      }
      if (task.exif != ExifFields::none) request.path = std::move(request.path).with("exif", to_string(task.exif));
      request.file = *file;
    } else {
      NewItem item{.uri = task.picture.uri, .metadata = task.metadata, .exif = task.exif};
      EIDETIC_TRY(request.json, new_item_json(item));
    }
    request.tries = kPatientTries;
    request.stop = stop_;
    EIDETIC_TRY(const auto result, put(request, task, outcome));
    outcome.copy_of = result.copy_of;
    if (result.outcome == PutOutcome::skipped) return Done::skipped;
    if (metadata_follows) EIDETIC_CHECK(change(task, long_metadata(task), outcome));
    if (result.outcome != PutOutcome::unchanged) return Done::indexed;
    const bool updated = task.metadata && !merge_patch(task.stored_metadata, *task.metadata).empty();
    return updated ? Done::updated : Done::unchanged;
  }

  // As a patch of what is stored; EXIF that the server has just read stays.
  static std::string long_metadata(const UploadTask& task) {
    if (task.exif == ExifFields::none) return merge_patch(task.stored_metadata, *task.metadata);
    const auto before = with_exif(task.stored_metadata, Json::object());
    return merge_patch(before, with_exif(*task.metadata, Json::object()));
  }

  Result<PutResult> put(const ApiRequest& request, const UploadTask& task, Outcome& outcome) const {
    const auto answer = api_.send(request);
    if (!answer) {
      outcome.fatal = answer.error().code == ErrorCode::unavailable;
      return std::unexpected(answer.error());
    }
    if (!answer->ok()) {
      outcome.fatal = !is_about_picture(answer->status);
      return std::unexpected(outcome.fatal ? api_.error_of(*answer) : named(task.picture.uri, api_.error_of(*answer)));
    }
    const auto json = api_.document(*answer);
    auto result = json ? api_.understand(*json, read_put_result) : std::unexpected(json.error());
    outcome.fatal = !result;
    return result ? *std::move(result) : std::unexpected(std::move(result).error());
  }

  const Api& api_;
  Engine& engine_;
  std::string collection_;
  OnDuplicate on_duplicate_;
  std::stop_token stop_;
};

class Upload {
 public:
  Upload(const Api& api, Engine& engine, const CollectionInfo& collection, const IndexRequest& request,
         const std::function<void(const IndexProgress&)>& progress)
      : api_(api), engine_(engine), collection_(collection), request_(request), progress_(progress) {
    report_.collection = collection.spec.name;
  }

  Result<IndexReport> run(const std::stop_token& stop) {
    GivenMetadata metadata;
    EIDETIC_TRY(const auto plan, prepare(metadata));
    EIDETIC_CHECK(send(plan.tasks, stop));
    if (!report_.interrupted && !plan.gone.empty()) {
      EIDETIC_TRY(report_.removed, engine_.erase(report_.collection, plan.gone));
    }
    std::ranges::sort(report_.errors, {}, [](const ItemError& item) { return std::tie(item.uri, item.error.message); });
    metadata.report_unused(report_.errors);
    finish();
    return std::move(report_);
  }

 private:
  Result<UploadPlan> prepare(GivenMetadata& metadata) {
    if (request_.batch < 1 || request_.batch > kMaxBatch) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a batch of {} is outside 1 to {}", request_.batch, kMaxBatch));
    }
    EIDETIC_TRY(metadata, GivenMetadata::open(request_, *files_, report_.errors));
    EIDETIC_TRY(auto pictures, list_pictures(request_.paths, s3_));
    total_ = pictures.pictures.size() + pictures.errors.size();
    report_.failed = pictures.errors.size();
    std::ranges::move(pictures.errors, std::back_inserter(report_.errors));
    const auto listed = pictures.pictures.size();
    add_stage("list", listed, seconds_since(start_), 1);

    const auto start = Clock::now();
    UploadPlanner planner(std::move(pictures), metadata, request_);
    EIDETIC_CHECK(meet_stored(planner));
    auto plan = planner.finish();
    std::ranges::move(plan.errors, std::back_inserter(report_.errors));
    add_stage("check", listed, seconds_since(start), 1);
    return plan;
  }

  Result<void> meet_stored(UploadPlanner& planner) {
    const auto& pictures = planner.pictures().pictures;
    if (!request_.prune && collection_.items / kFewPictures > pictures.size()) {
      std::vector<std::string> ids;
      std::ranges::transform(pictures, std::back_inserter(ids), &Picture::id);
      EIDETIC_TRY(auto items, engine_.get(report_.collection, ids, false));
      for (auto& item : items) {
        if (item) planner.meet(*std::move(item));
      }
      return {};
    }
    ListRequest request{.limit = 10'000};
    do {
      EIDETIC_TRY(auto page, engine_.list(report_.collection, request));
      for (auto& item : page.items) planner.meet(std::move(item));
      request.cursor = std::move(page.next);
    } while (!request.cursor.empty());
    return {};
  }

  Result<void> send(const std::vector<UploadTask>& tasks, const std::stop_token& stop) {
    if (tasks.empty()) return {};
    const Sender sender(api_, engine_, report_.collection, request_.on_duplicate, stop);
    const auto count = std::min<std::size_t>(tasks.size(), std::max(api_.options().connections, 1U));
    BoundedQueue<Outcome> outcomes(count * 2);
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> working = count;
    std::atomic<bool> broken = false;
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < count; ++thread) {
      threads.emplace_back([&] {
        while (!stop.stop_requested() && !broken) {
          const std::size_t i = next++;
          if (i >= tasks.size()) break;
          Outcome outcome = sender.process(tasks[i]);
          outcome.task = i;
          outcomes.push(std::move(outcome));
        }
        if (--working == 0) outcomes.close();
      });
    }
    std::size_t done = 0;
    std::optional<Error> error;
    while (auto outcome = outcomes.pop()) {
      // A request that was stopped failed for no fault of its picture.
      if (outcome->fatal && stop.stop_requested()) continue;
      if (outcome->fatal) {
        broken = true;
        if (!error) error = outcome->done.error();
        continue;
      }
      ++done;
      const UploadTask& task = tasks[outcome->task];
      take(task, *std::move(outcome));
    }
    threads.clear();
    add_stage("hash", hashed_, hash_s_, static_cast<unsigned>(count));
    add_stage("send", sent_, send_s_, static_cast<unsigned>(count));
    report_.interrupted = done < tasks.size();
    if (!error) return {};
    return fail(error->code, fmt::format("{}; {} pictures of this run are stored, index again to go on", error->message,
                                         report_.indexed));
  }

  void take(const UploadTask& task, Outcome outcome) {
    hashed_ += outcome.hashed ? 1 : 0;
    sent_ += outcome.sent ? 1 : 0;
    hash_s_ += outcome.hash_s;
    send_s_ += outcome.send_s;
    if (outcome.copy_of) {
      ++report_.duplicates;
      if (report_.copies.size() < kMaxToldCopies) {
        report_.copies.push_back({task.picture.uri, *std::move(outcome.copy_of)});
      }
    }
    if (!outcome.done) {
      ++report_.failed;
      report_.errors.push_back({task.picture.uri, std::move(outcome.done.error())});
    } else if (*outcome.done == Done::indexed) {
      ++report_.indexed;
    } else {
      ++report_.skipped;
      report_.updated += *outcome.done == Done::updated ? 1 : 0;
    }
    if (!progress_ || seconds_since(last_progress_) < kProgressIntervalS) return;
    last_progress_ = Clock::now();
    tell_progress();
  }

  void tell_progress() const {
    IndexProgress now{.total = total_,
                      .done = report_.indexed + report_.skipped + report_.failed,
                      .indexed = report_.indexed,
                      .skipped = report_.skipped,
                      .failed = report_.failed,
                      .seconds = seconds_since(start_)};
    progress_(now);
  }

  void add_stage(std::string stage, std::uint64_t items, double seconds, unsigned threads) {
    report_.stages.push_back({.stage = std::move(stage), .items = items, .seconds = seconds, .threads = threads});
  }

  void finish() {
    report_.seconds = seconds_since(start_);
    if (report_.seconds > 0) report_.images_per_s = static_cast<double>(report_.indexed) / report_.seconds;
    if (progress_) tell_progress();
  }

  const Api& api_;
  Engine& engine_;
  const CollectionInfo& collection_;
  const IndexRequest& request_;
  const std::function<void(const IndexProgress&)>& progress_;
  const S3Client s3_{read_s3_options()};                           // with the keys of who calls
  const std::unique_ptr<Blobs> files_ = make_blobs({.s3 = &s3_});  // of this machine: metadata
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_progress_ = start_;
  std::uint64_t total_ = 0;
  std::uint64_t hashed_ = 0, sent_ = 0;
  double hash_s_ = 0, send_s_ = 0;
  IndexReport report_;
};

}  // namespace

Result<IndexReport> upload(const Api& api, Engine& engine, const CollectionInfo& collection,
                           const IndexRequest& request, const std::function<void(const IndexProgress&)>& progress,
                           const std::stop_token& stop) {
  return Upload(api, engine, collection, request, progress).run(stop);
}

}  // namespace eidetic::remote
