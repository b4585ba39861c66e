#include "engine/workers.h"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "blobs/listing.h"
#include "blobs/uri.h"
#include "image/exif.h"

namespace eidetic {
namespace {

// Another picture that is stored under the same id and still there: it is not replaced silently.
Result<void> check_place(const IndexTask& task) {
  const auto& [picture, metadata, exif, stored_hash, stored_uri] = task;
  if (stored_uri == picture.uri || !stored_uri.starts_with("file:")) return {};
  const auto stored = file_of_uri(stored_uri);
  const auto found = file_of_uri(picture.uri);
  std::error_code ignored;
  if (!stored || !std::filesystem::exists(*stored, ignored)) return {};
  if (found && std::filesystem::equivalent(*stored, *found, ignored)) return {};
  return fail(ErrorCode::already_exists,
              fmt::format("'{}' would replace '{}', another picture that is stored as '{}'; index a folder above them, "
                          "or this one into another collection",
                          display_name(picture.uri), stored->native(), picture.id));
}

}  // namespace

IndexWorkers::IndexWorkers(const std::vector<IndexTask>& tasks, const PictureEmbedder& embedder,
                           std::span<const Crop> regions, unsigned threads, std::size_t queue_capacity,
                           std::stop_token stop)
    : tasks_(tasks),
      embedder_(embedder),
      regions_(regions),
      stop_(std::move(stop)),
      queue_(queue_capacity),
      working_(threads),
      pool_(threads) {
  for (unsigned i = 0; i < threads; ++i) pool_.post([this] { run(); });
}

IndexWorkers::~IndexWorkers() { queue_.close(); }

StageTimes IndexWorkers::times() const {
  const std::scoped_lock lock(mutex_);
  return times_;
}

void IndexWorkers::run() {
  StageTimes times;
  for (std::size_t i = next_task_++; i < tasks_.size() && !stop_.stop_requested(); i = next_task_++) {
    if (!queue_.push(process(tasks_[i], times))) break;
  }
  {
    const std::scoped_lock lock(mutex_);
    times_.add(times);
  }
  if (--working_ == 0) queue_.close();
}

IndexOutcome IndexWorkers::process(const IndexTask& task, StageTimes& times) const {
  try {
    IndexOutcome outcome{.uri = task.picture.uri, .item = Item(), .said = {.text = task.metadata}};
    outcome.item = make_item(task, outcome.said.exif, times);
    return outcome;
  } catch (const std::exception& error) {
    // Above all std::bad_alloc for one huge picture: the others go on.
    return {task.picture.uri,
            fail(ErrorCode::internal, fmt::format("'{}': {}", display_name(task.picture.uri), error.what())),
            {}};
  }
}

Result<Item> IndexWorkers::make_item(const IndexTask& task, std::optional<Json>& exif, StageTimes& times) const {
  EIDETIC_TRY(const auto bytes, embedder_.read(task.picture.uri, times));
  Item item{.id = task.picture.id,
            .uri = task.picture.uri,
            .content_hash = sha256_hex(bytes),
            .size_bytes = task.picture.modified_ns != 0 ? task.picture.size_bytes : bytes.size(),
            .modified_ns = task.picture.modified_ns,
            .vector = {}};
  if (task.exif != ExifFields::none) {
    exif = read_exif(bytes, task.exif == ExifFields::gps);
  }
  if (item.content_hash == task.stored_hash) return item;
  EIDETIC_CHECK(check_place(task));
  EIDETIC_CHECK(embedder_.embed_into(item, bytes, display_name(item.uri), regions_, times));
  return item;
}

}  // namespace eidetic
