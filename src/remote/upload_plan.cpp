#include "remote/upload_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/json.h"

namespace eidetic::remote {

void UploadPlanner::meet(Item stored) {
  auto& all = pictures_.pictures;
  while (next_ < all.size() && all[next_].id < stored.id) add(nullptr);
  if (next_ < all.size() && all[next_].id == stored.id) {
    add(&stored);
  } else if (prune_ && is_gone(stored)) {
    plan_.gone.push_back(std::move(stored.id));
  }
}

UploadPlan UploadPlanner::finish() {
  while (next_ < pictures_.pictures.size()) add(nullptr);
  return std::move(plan_);
}

void UploadPlanner::add(const Item* stored) {
  UploadTask task{.picture = std::move(pictures_.pictures[next_++])};
  const auto given = metadata_.of(task.picture, plan_.errors);
  auto wanted = plan_metadata(given, stored, false, exif_);
  task.metadata = std::move(wanted.text);
  task.exif = wanted.exif;
  task.kept = plan_metadata(given, stored, true, exif_);
  if (stored != nullptr) {
    task.stored_metadata = stored->metadata;
    task.stored_hash = stored->content_hash;
    task.stored_bytes = stored->size_bytes;
  }
  plan_.tasks.push_back(std::move(task));
}

bool UploadPlanner::is_gone(const Item& stored) const {
  if (!stored.uri.starts_with(fmt::format("{}:", kStoredScheme))) return false;
  // Only a file that is surely not there counts as gone: an unreadable folder keeps its items.
  const auto missing_in = [&](const std::filesystem::path& folder) {
    std::error_code ignored;
    return std::filesystem::status(folder / stored.id, ignored).type() == std::filesystem::file_type::not_found;
  };
  return !pictures_.folders.empty() && std::ranges::all_of(pictures_.folders, missing_in);
}

namespace {

// Of two objects. They are as deep as metadata may be.
Json difference(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (const auto& [field, value] : from.items()) {
    if (!to.contains(field)) patch[field] = nullptr;
  }
  for (const auto& [field, value] : to.items()) {
    const auto old = from.find(field);
    if (old == from.end() || !old->is_object() || !value.is_object()) {
      if (old == from.end() || *old != value) patch[field] = value;
    } else if (Json inner = difference(*old, value); !inner.empty()) {
      patch[field] = std::move(inner);
    }
  }
  return patch;
}

}  // namespace

std::string merge_patch(std::string_view before, std::string_view after) {
  const Json from = parse_json_object(before, "metadata").value_or(Json::object());
  const Json to = parse_json_object(after, "metadata").value_or(Json::object());
  const Json patch = difference(from, to);
  return patch.empty() ? "" : dump_json(patch);
}

}  // namespace eidetic::remote
