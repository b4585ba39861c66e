#include "engine/ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blobs/item_metadata.h"
#include "blobs/listing.h"
#include "engine/pictures.h"
#include "engine/plan.h"
#include "engine/stages.h"
#include "engine/workers.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kMaxBatch = 10'000;
constexpr double kCommitIntervalS = 1;  // a slow model loses no more than this to a kill
constexpr double kProgressIntervalS = 0.1;
// While one picture of a stream infers, another is read and decoded.
constexpr unsigned kWorkersPerStream = 2;

class Ingest {
 public:
  Ingest(const IngestParts& parts, std::string_view collection, const IndexRequest& request,
         const std::function<void(const IndexProgress&)>& progress)
      : parts_(parts), collection_(collection), request_(request), progress_(progress) {
    report_.collection = collection;
  }

  Result<IndexReport> run(const std::stop_token& stop) {
    GivenMetadata metadata;
    EIDETIC_TRY(const auto plan, prepare(metadata));
    for (const auto& item : plan.updates) EIDETIC_CHECK(take({item.uri, item, {.text = item.metadata}}));
    EIDETIC_CHECK(commit());
    EIDETIC_CHECK(embed(plan.tasks, stop));
    if (!report_.interrupted) EIDETIC_CHECK(prune(plan.gone));
    std::ranges::sort(report_.errors, {}, [](const ItemError& item) { return std::tie(item.uri, item.error.message); });
    metadata.report_unused(report_.errors);
    finish();
    return std::move(report_);
  }

 private:
  Result<IndexPlan> prepare(GivenMetadata& metadata) {
    if (request_.batch < 1 || request_.batch > kMaxBatch) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a batch of {} is outside 1 to {}", request_.batch, kMaxBatch));
    }
    if (parts_.regions) {
      EIDETIC_TRY(regions_, parts_.regions());
    }
    EIDETIC_TRY(metadata, GivenMetadata::open(request_, parts_.blobs, report_.errors));
    const Stopwatch listing;
    EIDETIC_TRY(auto pictures, list_pictures(request_.paths, parts_.s3));
    total_ = pictures.pictures.size() + pictures.errors.size();
    times_.add(Stage::list, listing.seconds(), pictures.pictures.size());
    report_.failed = pictures.errors.size();
    std::ranges::move(pictures.errors, std::back_inserter(report_.errors));

    const Stopwatch checking;
    const auto found = pictures.pictures.size();
    ItemClasses classes;
    if (parts_.classes) {
      EIDETIC_TRY(classes, parts_.classes());
    }
    auto plan = make_plan(parts_.backend, collection_, std::move(pictures), metadata, classes, request_, parts_.s3,
                          report_.errors);
    times_.add(Stage::check, checking.seconds(), found);
    if (plan) report_.skipped = plan->unchanged;
    return plan;
  }

  Result<void> embed(const std::vector<IndexTask>& tasks, const std::stop_token& stop) {
    if (tasks.empty()) return {};
    const PictureEmbedder embedder(parts_.blobs, parts_.decode, parts_.embedder);
    const auto wanted = std::min<std::size_t>(tasks.size(), parts_.embedder.parallelism() * kWorkersPerStream);
    workers_ = static_cast<unsigned>(wanted);
    std::size_t done = 0;
    IndexWorkers workers(tasks, embedder, regions_.regions, workers_, std::size_t{2} * request_.batch, stop);
    while (auto outcome = workers.next()) {
      ++done;
      EIDETIC_CHECK(take(*std::move(outcome)));
      show_progress();
    }
    times_.add(workers.times());
    report_.interrupted = done < tasks.size();
    return commit();
  }

  Result<void> take(IndexOutcome outcome) {
    if (!outcome.item) {
      add_error(std::move(outcome.uri), std::move(outcome.item.error()));
      return {};
    }
    said_[outcome.item->id] = std::move(outcome.said);
    auto& batch = outcome.item->vector.empty() ? updates_ : upserts_;
    batch.push_back(*std::move(outcome.item));
    const bool full = upserts_.size() + updates_.size() >= request_.batch;
    return full || since_commit_.seconds() >= kCommitIntervalS ? commit() : Result<void>();
  }

  Result<void> commit() {
    const Stopwatch watch;
    EIDETIC_CHECK(look_for_copies());
    EIDETIC_TRY(const auto stored, store(upserts_, &Backend::upsert));
    EIDETIC_TRY(const auto updated, store(updates_, &Backend::update));
    report_.indexed += stored;
    report_.updated += updated;
    report_.skipped += updated;
    times_.add(Stage::commit, watch.seconds(), stored + updated);
    since_commit_ = {};
    return {};
  }

  // Among pictures that are new or have changed; those that are not to be stored are taken out.
  Result<void> look_for_copies() {
    if (!parts_.copies || request_.on_duplicate == OnDuplicate::store || upserts_.empty()) return {};
    const bool kept = request_.on_duplicate == OnDuplicate::report;
    EIDETIC_TRY(auto copies, find_copies(parts_.backend, collection_, *parts_.copies, upserts_, kept));
    std::vector<Item> others;
    for (std::size_t i = 0; i < copies.size(); ++i) {
      if (copies[i]) {
        ++report_.duplicates;
        if (report_.copies.size() < kMaxToldCopies) report_.copies.push_back({upserts_[i].uri, *std::move(copies[i])});
        if (!kept) {
          ++report_.skipped;
          continue;
        }
      }
      others.push_back(std::move(upserts_[i]));
    }
    upserts_ = std::move(others);
    return {};
  }

  // How many of the items are stored; empties `items`.
  template <typename Verb>
  Result<std::uint64_t> store(std::vector<Item>& items, Verb verb) {
    if (items.empty()) return 0;
    auto lock = parts_.writing == nullptr ? std::unique_lock<std::mutex>() : std::unique_lock(*parts_.writing);
    EIDETIC_TRY(const auto now, parts_.backend.spec(collection_));
    if (now.era != parts_.era) return model_changed(collection_);
    EIDETIC_CHECK(settle(items));
    if (parts_.regions) {
      EIDETIC_TRY(const auto regions, parts_.regions());
      drop_parts_of(regions_, regions, items);
    }
    auto results = (parts_.backend.*verb)(collection_, items);
    lock = {};
    if (!results) {
      const auto& [code, message] = results.error();
      return fail(
          code, fmt::format("{}; {} pictures of this run are stored, index again to go on", message, report_.indexed));
    }
    std::uint64_t stored = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if ((*results)[i]) {
        ++stored;
      } else {
        add_error(std::move(items[i].uri), std::move((*results)[i].error()));
      }
    }
    items.clear();
    return stored;
  }

  // With what is stored now, which another call may have changed since the start: what this run says nothing of stays,
  // and an item whose picture has become another keeps its facts.
  Result<void> settle(std::vector<Item>& items) {
    ItemClasses classes;
    if (parts_.classes) {
      EIDETIC_TRY(classes, parts_.classes());
    }
    std::vector<std::string> ids;
    for (const Item& item : items) ids.push_back(item.id);
    EIDETIC_TRY(const auto stored, parts_.backend.get(collection_, ids, false));
    std::vector<Item> settled;
    for (std::size_t i = 0; i < items.size(); ++i) {
      auto& item = items[i];
      SaidMetadata said = std::move(said_[item.id]);
      said_.erase(item.id);
      const bool same_picture = stored[i] && stored[i]->content_hash == item.content_hash;
      if (item.vector.empty() && !same_picture) {
        add_error(item.uri, {ErrorCode::unavailable,
                             fmt::format("item '{}' was changed by another call meanwhile; index it again", item.id)});
        continue;
      }
      classes.settle(item, std::move(said), stored[i] ? &*stored[i] : nullptr);
      settled.push_back(std::move(item));
    }
    items = std::move(settled);
    return {};
  }

  Result<void> prune(std::span<const std::string> gone) {
    while (!gone.empty()) {
      const auto some = gone.first(std::min<std::size_t>(gone.size(), kMaxBatch));
      EIDETIC_TRY(const auto removed, parts_.backend.erase(collection_, some));
      report_.removed += removed;
      gone = gone.subspan(some.size());
    }
    return {};
  }

  void add_error(std::string uri, Error error) {
    ++report_.failed;
    report_.errors.push_back({std::move(uri), std::move(error)});
  }

  void show_progress() {
    if (!progress_ || since_progress_.seconds() < kProgressIntervalS) return;
    since_progress_ = {};
    tell_progress();
  }
  void tell_progress() const {
    IndexProgress now{.total = total_,
                      .done = 0,
                      .indexed = report_.indexed,
                      .skipped = report_.skipped,
                      .failed = report_.failed,
                      .seconds = total_time_.seconds()};
    now.done = now.indexed + now.skipped + now.failed;
    progress_(now);
  }

  void finish() {
    for (const Stage stage :
         {Stage::list, Stage::check, Stage::read, Stage::decode, Stage::preprocess, Stage::inference, Stage::commit}) {
      const auto& [items, seconds] = times_[stage];
      const bool on_workers = stage >= Stage::read && stage <= Stage::inference;
      report_.stages.push_back({.stage = std::string(kStageNames[static_cast<std::size_t>(stage)]),
                                .items = items,
                                .seconds = seconds,
                                .threads = on_workers ? workers_ : 1});
    }
    report_.seconds = total_time_.seconds();
    if (report_.seconds > 0) report_.images_per_s = static_cast<double>(report_.indexed) / report_.seconds;
    if (progress_) tell_progress();
  }

  const IngestParts& parts_;
  const std::string collection_;
  const IndexRequest& request_;
  const std::function<void(const IndexProgress&)>& progress_;
  const Stopwatch total_time_;
  Stopwatch since_commit_, since_progress_;
  std::uint64_t total_ = 0;
  unsigned workers_ = 1;
  std::vector<Item> upserts_, updates_;                 // not yet committed
  std::unordered_map<std::string, SaidMetadata> said_;  // of these, by id
  RegionPlan regions_;                                  // as of the start
  StageTimes times_;
  IndexReport report_;
};

}  // namespace

Result<IndexReport> ingest(const IngestParts& parts, std::string_view collection, const IndexRequest& request,
                           const std::function<void(const IndexProgress&)>& progress, const std::stop_token& stop) {
  return Ingest(parts, collection, request, progress).run(stop);
}

}  // namespace eidetic
