#include "engine/copy_collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/json.h"
#include "engine/regions.h"
#include "engine/settings.h"
#include "engine/stages.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 500;
constexpr unsigned kMaxPasses = 20;  // over a collection that is written to all the time
constexpr std::uint32_t kSearchedFor = 10;
constexpr std::uint64_t kSeed = 1;

bool same_item(const Item& a, const Item& b) {
  return a.uri == b.uri && a.content_hash == b.content_hash && a.size_bytes == b.size_bytes &&
         a.modified_ns == b.modified_ns && a.vector == b.vector && a.parts == b.parts && a.metadata == b.metadata;
}

std::vector<std::string> ids_of(std::span<const Item> items) {
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  return ids;
}

// A few items drawn evenly from those that pass by (Vitter's algorithm R).
class Sample {
 public:
  explicit Sample(std::size_t size) : size_(size) {}
  void offer(const Item& item) {
    if (drawn_.size() < size_) {
      drawn_.push_back(item.vector);
    } else if (const auto place = std::uniform_int_distribution<std::uint64_t>(0, seen_)(random_); place < size_) {
      drawn_[place] = item.vector;
    }
    ++seen_;
  }
  [[nodiscard]] const std::vector<Vector>& drawn() const { return drawn_; }

 private:
  std::size_t size_;
  std::uint64_t seen_ = 0;
  std::vector<Vector> drawn_;
  std::mt19937_64 random_{kSeed};
};

class Copying {
 public:
  Copying(Backends& backends, std::string from, std::string to, const CopyRequest& request,
          const std::function<void(const IndexProgress&)>& progress, const std::stop_token& stop)
      : backends_(backends),
        from_(std::move(from)),
        to_(std::move(to)),
        request_(request),
        progress_(progress),
        stop_(stop),
        sample_(request.searches) {}

  Result<CopyReport> run() {
    EIDETIC_TRY(const auto source, backends_.describe(from_));
    has_parts_ = source.parts > 0;
    total_ = source.items;
    EIDETIC_TRY(auto settings, parse_settings(source.spec.settings, from_));
    EIDETIC_CHECK(begin(source.spec, settings));
    for (report_.passes = 1;; ++report_.passes) {
      EIDETIC_TRY(const auto changes, pass());
      if (report_.interrupted) return finish();
      if (changes == 0) break;
      if (report_.passes == kMaxPasses) {
        return fail(ErrorCode::unavailable,
                    fmt::format("collection '{}' changes faster than it can be copied: do it again when fewer items "
                                "are written",
                                from_));
      }
    }
    EIDETIC_CHECK(backends_.reindex(to_, ""));
    EIDETIC_CHECK(verify());
    EIDETIC_CHECK(adopt());
    return finish();
  }

 private:
  // An empty collection to copy into, or what an earlier try has left of it.
  Result<void> begin(const CollectionSpec& source, CollectionSettings settings) {
    const auto there = backends_.spec(to_);
    if (there) return {};  // check_copy has looked at it
    if (there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
    settings.copying = from_;
    settings.watched.clear();
    settings.classifiers.clear();
    settings.calibration.reset();
    settings.migration.reset();
    const auto at = to_.find('@');
    CollectionSpec spec{.name = to_.substr(0, at),
                        .space = source.space,
                        .index = request_.index.empty() ? source.index : request_.index,
                        .settings = to_json(settings)};
    EIDETIC_TRY(const auto* const place, backends_.place(to_.substr(at + 1)));
    auto created = place->backend->create(spec);
    const bool other_kinds = !created && created.error().code == ErrorCode::invalid_argument && request_.index.empty();
    if (!other_kinds) return created;
    spec.index = "auto";
    report_.notes.push_back(fmt::format("the index is auto there: {}", created.error().message));
    return place->backend->create(spec);
  }

  void tell(std::uint64_t done) {
    if (!progress_) return;
    progress_({.total = std::max(total_, done),
               .done = done,
               .indexed = report_.copied,
               .skipped = done - std::min(done, report_.copied),
               .failed = 0,
               .seconds = watch_.seconds()});
  }

  // How many items were stored or taken away.
  Result<std::uint64_t> pass() {
    EIDETIC_TRY(const auto stored, store_what_differs());
    if (report_.interrupted) return stored;
    EIDETIC_TRY(const auto removed, remove_what_is_gone());
    return stored + removed;
  }

  Result<std::uint64_t> store_what_differs() {
    std::uint64_t stored = 0, seen = 0;
    std::string cursor;
    do {
      if (stop_.stop_requested()) {
        report_.interrupted = true;
        return stored;
      }
      EIDETIC_TRY(auto page, backends_.scroll(from_, cursor, kPage, true));
      cursor = std::move(page.next);
      EIDETIC_TRY(auto there, backends_.get(to_, ids_of(page.items), true));
      if (has_parts_) EIDETIC_CHECK(read_parts(backends_, from_, page.items));
      if (has_parts_) EIDETIC_CHECK(read_parts_of(there));
      std::vector<Item> wanted;
      for (std::size_t i = 0; i < page.items.size(); ++i) {
        if (report_.passes == 1) sample_.offer(page.items[i]);
        if (!there[i] || !same_item(page.items[i], *there[i])) wanted.push_back(std::move(page.items[i]));
      }
      seen += there.size();
      if (!wanted.empty()) {
        EIDETIC_TRY(const auto results, backends_.upsert(to_, wanted));
        for (const auto& result : results) EIDETIC_CHECK(result);
      }
      stored += wanted.size();
      report_.copied += wanted.size();
      if (report_.passes == 1) tell(seen);
    } while (!cursor.empty());
    report_.items = seen;
    return stored;
  }

  Result<void> read_parts_of(std::vector<std::optional<Item>>& items) {
    std::vector<Item> there;
    for (auto& item : items) {
      if (item) there.push_back(std::move(*item));
    }
    EIDETIC_CHECK(read_parts(backends_, to_, there));
    auto next = there.begin();
    for (auto& item : items) {
      if (item) item = std::move(*next++);
    }
    return {};
  }

  Result<std::uint64_t> remove_what_is_gone() {
    std::uint64_t removed = 0;
    std::string cursor;
    do {
      EIDETIC_TRY(auto page, backends_.scroll(to_, cursor, kPage, false));
      cursor = std::move(page.next);
      const auto ids = ids_of(page.items);
      EIDETIC_TRY(const auto there, backends_.get(from_, ids, false));
      std::vector<std::string> gone;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!there[i]) gone.push_back(ids[i]);
      }
      if (gone.empty()) continue;
      EIDETIC_TRY(const auto erased, backends_.erase(to_, gone));
      removed += erased;
    } while (!cursor.empty());
    report_.removed += removed;
    return removed;
  }

  Result<void> verify() {
    EIDETIC_TRY(const auto here, backends_.count(from_, {}));
    EIDETIC_TRY(const auto there, backends_.count(to_, {}));
    const auto differs = [&](const std::string& how) {
      return fail(ErrorCode::conflict, fmt::format("the copy '{}' is not as '{}' is: {}; do it again, which compares "
                                                   "item by item",
                                                   to_, from_, how));
    };
    if (here != there) return differs(fmt::format("{} items, not {}", there, here));
    const auto& drawn = sample_.drawn();
    std::vector<VectorQuery> queries;
    for (const Vector& vector : drawn) queries.push_back({.vector = vector, .k = kSearchedFor, .exclude_ids = {}});
    report_.searches = queries.size();
    if (queries.empty()) return {};
    EIDETIC_TRY(const auto expected, backends_.search(from_, queries));
    EIDETIC_TRY(const auto found, backends_.search(to_, queries));
    double shared = 0, all = 0;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      EIDETIC_CHECK(expected[i]);
      EIDETIC_CHECK(found[i]);
      std::unordered_set<std::string> ids;
      for (const Hit& hit : *expected[i]) ids.insert(hit.id);
      for (const Hit& hit : *found[i]) shared += static_cast<double>(ids.count(hit.id));
      all += static_cast<double>(ids.size());
    }
    report_.agreement = all > 0 ? shared / all : 1;
    if (report_.agreement < request_.min_agreement) {
      return differs(fmt::format("{} searches find only {:.1f} % of the same items, and {:.1f} % are asked for",
                                 report_.searches, 100 * report_.agreement, 100 * request_.min_agreement));
    }
    return {};
  }

  // What is learnt of the collection, and then the settings, which end the copy.
  Result<void> adopt() {
    EIDETIC_TRY(const auto source, backends_.spec(from_));
    EIDETIC_TRY(auto settings, parse_settings(source.settings, from_));
    if (settings.migration) {
      report_.notes.emplace_back("a change of model is under way; its second space is not copied");
      settings.migration.reset();
    }
    if (!settings.watched.empty()) {
      report_.notes.emplace_back("folders go on being watched for the collection that was copied, not for the copy");
      settings.watched.clear();
    }
    for (const auto& attachment : attachments_of(settings)) {
      EIDETIC_TRY(const auto bytes, backends_.attachment(from_, attachment));
      if (bytes) EIDETIC_CHECK(backends_.attach(to_, attachment, *bytes));
    }
    return backends_.configure(to_, settings_are(to_json(settings)));
  }

  Result<CopyReport> finish() {
    EIDETIC_TRY(report_.collection, backends_.describe(to_));
    report_.seconds = watch_.seconds();
    return std::move(report_);
  }

  Backends& backends_;
  const std::string from_, to_;
  const CopyRequest& request_;
  const std::function<void(const IndexProgress&)>& progress_;
  const std::stop_token& stop_;
  const Stopwatch watch_;
  Sample sample_;
  bool has_parts_ = false;
  std::uint64_t total_ = 0;
  CopyReport report_;
};

}  // namespace

Result<std::string> check_copy(Backends& backends, std::string_view name, const CopyRequest& request) {
  EIDETIC_TRY(const auto source, backends.spec(name));
  EIDETIC_TRY(const auto here, backends.place_of(name));
  EIDETIC_TRY(const auto* const place, backends.place(request.to));
  const std::string own(name.substr(0, name.find('@')));
  const std::string wanted = request.name.empty() ? own : request.name;
  if (place->name == here && wanted == own) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("collection '{}' is in {} already: choose another place with --to, or another name with "
                            "--as",
                            own, place->name == kEmbeddedBackend ? "the data folder" : place->name));
  }
  if (request.searches > kMaxCopySearches || !(request.min_agreement >= 0 && request.min_agreement <= 1)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} searches and an agreement of {}; up to {} and 0 to 1 are possible", request.searches,
                            request.min_agreement, kMaxCopySearches));
  }
  std::string to = fmt::format("{}@{}", wanted, place->name);
  const auto there = backends.spec(to);
  if (!there && there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
  if (!there) return to;
  EIDETIC_TRY(const auto settings, parse_settings(there->settings, to));
  if (settings.copying == name && there->space.matches(source.space)) return to;
  return fail(ErrorCode::already_exists,
              fmt::format("there is a collection '{}' already in {}: drop it first (eidetic collections drop {}), or "
                          "choose another name with --as",
                          wanted, place->name == kEmbeddedBackend ? "the data folder" : place->name, to));
}

Result<CopyReport> copy_collection(Backends& backends, std::string_view name, const CopyRequest& request,
                                   const std::function<void(const IndexProgress&)>& progress,
                                   const std::stop_token& stop) {
  EIDETIC_TRY(auto to, check_copy(backends, name, request));
  return Copying(backends, std::string(name), std::move(to), request, progress, stop).run();
}

}  // namespace eidetic
