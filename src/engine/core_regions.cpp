// The verbs of Core that give items their regions.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "blobs/listing.h"
#include "engine/core.h"
#include "engine/settings.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kDividedAtOnce = 256;  // items stored together, and between two looks at the stop token
constexpr std::size_t kMaxToldFailures = 10'000;

Result<Item> divided(const PictureEmbedder& pictures, const RegionPlan& plan, const Item& item) {
  try {
    StageTimes unused;
    EIDETIC_TRY(const auto bytes, pictures.read(item.uri, unused));
    if (!item.content_hash.empty() && sha256_hex(bytes) != item.content_hash) {
      return fail(ErrorCode::unavailable,
                  fmt::format("'{}' has changed since it was indexed; index it again", display_name(item.uri)));
    }
    Item with_parts = item;
    EIDETIC_TRY(with_parts.parts, pictures.embed_regions(bytes, display_name(item.uri), {}, plan.regions, unused));
    return with_parts;
  } catch (const std::exception& error) {
    // Above all std::bad_alloc for one huge picture: the others go on.
    return fail(ErrorCode::internal, fmt::format("'{}': {}", display_name(item.uri), error.what()));
  }
}

// Regions of one space would be lost in the other.
std::unexpected<Error> changing(std::string_view name) {
  return fail(
      ErrorCode::unavailable,
      fmt::format("collection '{0}' is changing its model, or could still go back to the one before; its regions "
                  "can be changed after that (eidetic collections migrate -c {0} --cancel or --finish)",
                  name));
}

}  // namespace

Result<RegionPlan> Core::regions(std::string_view name) {
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  return region_plan(collection);
}

Result<void> Core::change_regions(std::string_view name, const std::string& plan) {
  // Whoever stores items looks at the plan with `writing_` held.
  const std::scoped_lock lock(settings_, writing_);
  EIDETIC_TRY(const auto collection, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(collection.settings, name));
  if (settings.regions == plan) return {};
  if (settings.migration) return changing(name);
  // First, as parts of another plan would be told as other regions than they are.
  EIDETIC_CHECK(parts_.backend->drop_parts(name));
  return edit_settings(name, [&](const CollectionSpec&, CollectionSettings& now) -> Result<void> {
    if (now.migration) return changing(name);
    now.regions = plan;
    return {};
  });
}

Result<IndexReport> Core::set_regions(std::string_view name, std::string_view plan,
                                      const std::function<void(const IndexProgress&)>& progress, std::stop_token stop) {
  const Stopwatch watch;
  EIDETIC_TRY(const auto collection, describe(name));
  RegionPlan wanted{.name = plan == "none" ? "" : std::string(plan), .regions = {}};
  EIDETIC_TRY(wanted.regions, parse_regions(plan));
  IndexReport report;
  report.collection = name;
  if (wanted.regions.empty()) {
    EIDETIC_CHECK(change_regions(name, ""));
    return report;
  }
  if (collection.spec.space.model.empty()) return no_regions_of_vectors(name, ErrorCode::unsupported);
  EIDETIC_TRY(const auto model, embedder_of(collection.spec, "", Embedders::Use::collections));
  EIDETIC_CHECK(change_regions(name, wanted.name));
  const PictureEmbedder pictures(*parts_.blobs, parts_.options.decode, *model);
  std::string cursor;
  std::uint64_t done = 0;
  do {
    report.interrupted = stop.stop_requested();
    if (report.interrupted) break;
    EIDETIC_TRY(auto page, parts_.backend->scroll(name, cursor, kDividedAtOnce, false));
    cursor = std::move(page.next);
    done += page.items.size();
    EIDETIC_CHECK(divide(collection.spec, wanted, pictures, std::move(page.items), report));
    if (progress) {
      progress({.total = std::max(done, collection.items),
                .done = done,
                .indexed = report.indexed,
                .skipped = report.skipped,
                .failed = report.failed,
                .seconds = watch.seconds()});
    }
  } while (!cursor.empty());
  std::ranges::sort(report.errors, {}, [](const ItemError& item) { return std::tie(item.uri, item.error.message); });
  report.seconds = watch.seconds();
  if (report.seconds > 0) report.images_per_s = static_cast<double>(report.indexed) / report.seconds;
  return report;
}

Result<void> Core::divide(const CollectionSpec& collection, const RegionPlan& plan, const PictureEmbedder& pictures,
                          std::vector<Item> items, IndexReport& report) {
  const std::string& name = collection.name;
  EIDETIC_CHECK(read_parts(*parts_.backend, name, items));
  const auto count = items.size();
  // Bare vectors have no picture, and never get regions.
  std::erase_if(items, [&](const Item& item) { return item.uri.empty() || item.parts.size() == plan.regions.size(); });
  report.skipped += count - items.size();
  std::vector<Result<Item>> made(items.size());
  parts_.pool->parallel_for(items.size(), [&](std::size_t i) { made[i] = divided(pictures, plan, items[i]); });

  const auto failed = [&](const Item& item, Error error) {
    ++report.failed;
    if (report.errors.size() < kMaxToldFailures) report.errors.push_back({item.uri, std::move(error)});
  };
  const std::scoped_lock lock(writing_);
  EIDETIC_TRY(const auto now, regions(name));
  EIDETIC_TRY(const auto spec, parts_.backend->spec(name));
  EIDETIC_TRY(const auto settings, parse_settings(spec.settings, name));
  if (settings.migration || spec.era != collection.era) return changing(name);
  if (now.name != plan.name) {
    return fail(ErrorCode::unavailable,
                fmt::format("other regions were chosen for collection '{}' meanwhile: '{}'", name, now.name));
  }
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id);
  EIDETIC_TRY(const auto stored, parts_.backend->get(name, ids, false));
  std::vector<Item> fresh;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!made[i]) {
      failed(items[i], std::move(made[i].error()));
    } else if (stored[i] && stored[i]->content_hash == items[i].content_hash) {
      fresh.push_back(*std::move(made[i]));
    } else {
      ++report.skipped;  // erased or replaced meanwhile: then its regions have come with it
    }
  }
  EIDETIC_TRY(const auto results, parts_.backend->store_parts(name, fresh));
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (results[i]) {
      ++report.indexed;
    } else if (results[i].error().code != ErrorCode::not_found) {
      failed(fresh[i], results[i].error());
    }
  }
  return {};
}

}  // namespace eidetic
