#include "engine/migration.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "engine/put.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 1000;
constexpr std::size_t kAtOnce = 100;  // searches
constexpr std::chrono::hours kEvery{1};

Result<std::vector<std::string>> draw_ids(Backend& backend, const std::string& name, const CompareRequest& request) {
  std::mt19937_64 random(request.seed);
  std::vector<std::string> drawn;
  std::size_t seen = 0;
  std::string cursor;
  do {
    EIDETIC_TRY(auto page, backend.scroll(name, cursor, kPage, false));
    cursor = std::move(page.next);
    for (Item& item : page.items) {
      // Vitter's algorithm R
      std::size_t place = drawn.size();
      if (place < request.sample) {
        drawn.push_back(std::move(item.id));
      } else {
        place = std::uniform_int_distribution<std::size_t>(0, seen)(random);
        if (place < request.sample) drawn[place] = std::move(item.id);
      }
      ++seen;
    }
  } while (!cursor.empty());
  std::ranges::sort(drawn);
  return drawn;
}

using Founds = std::vector<MigrationComparison::Found>;

Result<std::vector<Founds>> search_all(Backend& backend, const std::string& name, std::span<const Item> items) {
  std::vector<VectorQuery> queries;
  for (const Item& item : items) {
    queries.push_back({.vector = item.vector, .k = kComparedHits, .exclude_ids = {item.id}});
  }
  EIDETIC_TRY(const auto found, backend.search(name, queries));
  std::vector<Founds> all;
  for (const auto& hits : found) {
    if (!hits) return std::unexpected(hits.error());
    auto& founds = all.emplace_back();
    for (const Hit& hit : *hits) founds.push_back({.id = hit.id, .similarity = hit.similarity});
  }
  return all;
}

double overlap_of(const Founds& some, const Founds& others) {
  const auto most = std::max(some.size(), others.size());
  if (most == 0) return 1;
  const auto shared = std::ranges::count_if(some, [&](const auto& one) {
    return std::ranges::find(others, one.id, &MigrationComparison::Found::id) != others.end();
  });
  return static_cast<double>(shared) / static_cast<double>(most);
}

void sum_up(MigrationComparison& comparison) {
  const auto& searches = comparison.searches;
  if (searches.empty()) return;
  const auto count = static_cast<double>(searches.size());
  double sum = 0;
  double squares = 0;
  for (const auto& [id, overlap, hits, others] : searches) {
    sum += overlap;
    squares += overlap * overlap;
    if (!hits.empty() && !others.empty() && hits.front().id == others.front().id) comparison.same_first += 1 / count;
  }
  comparison.overlap = sum / count;
  if (searches.size() < 2) return;
  constexpr double kOf95 = 1.96;
  const double variance = std::max(0.0, squares - sum * sum / count) / (count - 1);
  comparison.overlap_margin = kOf95 * std::sqrt(variance / count);
}

}  // namespace

std::unexpected<Error> already_of(std::string_view collection, const std::string& model) {
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("collection '{}' is of the model '{}' already; there is nothing to change", collection, model));
}

Result<MigrationComparison> compare_spaces(Backend& backend, const CollectionSpec& collection,
                                           const CompareRequest& request) {
  const std::string& name = collection.name;
  const std::string other = other_space_name(name);
  MigrationComparison comparison{.collection = name,
                                 .model = collection.space.model,
                                 .other_model = {},
                                 .searches = {},
                                 .report = {},
                                 .other_report = {}};
  EIDETIC_TRY(const auto drawn, draw_ids(backend, name, request));
  for (std::size_t first = 0; first < drawn.size(); first += kAtOnce) {
    const auto some = std::span(drawn).subspan(first, std::min(kAtOnce, drawn.size() - first));
    EIDETIC_TRY(auto items, backend.get(name, some, true));
    EIDETIC_TRY(auto others, backend.get(other, some, true));
    std::vector<Item> of_this;
    std::vector<Item> of_other;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!items[i] || !others[i]) continue;
      of_this.push_back(*std::move(items[i]));
      of_other.push_back(*std::move(others[i]));
    }
    EIDETIC_TRY(auto hits, search_all(backend, name, of_this));
    EIDETIC_TRY(auto other_hits, search_all(backend, other, of_other));
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const double overlap = overlap_of(hits[i], other_hits[i]);
      comparison.searches.push_back({.id = std::move(of_this[i].id),
                                     .overlap = overlap,
                                     .hits = std::move(hits[i]),
                                     .other_hits = std::move(other_hits[i])});
    }
  }
  sum_up(comparison);
  return comparison;
}

MigrationRuns::Run::~Run() {
  if (home_ == nullptr) return;
  {
    const std::scoped_lock lock(home_->mutex_);
    home_->runs_.erase(name_);
  }
  home_->ended_.notify_all();
}

Result<MigrationRuns::Run> MigrationRuns::begin(std::string_view collection) {
  const std::scoped_lock lock(mutex_);
  const auto [run, added] = runs_.try_emplace(std::string(collection));
  if (added) return Run(*this, run->first, run->second);
  return fail(
      ErrorCode::unavailable,
      fmt::format("the model of collection '{}' is being changed now; wait for that, or cancel it", collection));
}

void MigrationRuns::stop(std::string_view collection) {
  std::unique_lock lock(mutex_);
  if (const auto run = runs_.find(collection); run != runs_.end()) run->second.request_stop();
  ended_.wait(lock, [&] { return !runs_.contains(collection); });
}

GraceKeeper::GraceKeeper(std::function<std::int64_t()> sweep)
    : sweep_(std::move(sweep)), pool_(std::make_unique<ThreadPool>(1)) {
  pool_->post([this] { run(); });
}

GraceKeeper::~GraceKeeper() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void GraceKeeper::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

void GraceKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const std::int64_t next = sweep_();
    lock.lock();
    const auto left = std::chrono::milliseconds(std::max<std::int64_t>(next - now_ms(), 0));
    wake_.wait_for(lock, std::min<std::chrono::milliseconds>(left, kEvery), [this] { return stopping_ || woken_; });
  }
}

std::unexpected<Error> nothing_to(std::string_view what, std::string_view name) {
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("collection '{0}' has no vectors of another model to {1}; make some first (eidetic collections "
                  "migrate -c {0} --model NAME)",
                  name, what));
}

}  // namespace eidetic
