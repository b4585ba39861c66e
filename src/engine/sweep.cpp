#include "engine/sweep.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/log.h"
#include "blobs/uri.h"
#include "engine/job_arguments.h"
#include "engine/put.h"

namespace eidetic {
namespace {

constexpr auto kEvery = std::chrono::hours(24);
constexpr auto kYoung = std::chrono::hours(1);  // longer than any put takes

}  // namespace

std::vector<std::string> pictures_of(const JobRecord& job) {
  std::vector<std::string> hashes;
  if (job.info.kind != kPutJob) return hashes;
  const auto todo = parse_put(job.arguments);
  if (!todo) return hashes;
  for (const auto& item : todo->items) {
    if (const auto hash = hash_of_stored(item.uri)) hashes.emplace_back(*hash);
  }
  return hashes;
}

Result<std::uint64_t> sweep_pictures(Backends& backend, JobStore& jobs, PictureStore& pictures,
                                     std::int64_t before_ms) {
  std::vector<std::uint64_t> wanted;
  // Jobs first: what one ends with meanwhile is then in its collection.
  EIDETIC_CHECK(jobs.for_each_open([&](const JobRecord& job) {
    for (const auto& hash : pictures_of(job)) wanted.push_back(short_hash(hash));
  }));
  EIDETIC_TRY(const auto collections, backend.list_all());
  for (const auto& collection : collections) {
    constexpr std::uint32_t kPage = 10'000;
    std::string cursor;
    do {
      auto page = backend.scroll(collection.spec.name, cursor, kPage, false);
      if (!page && page.error().code == ErrorCode::not_found) break;  // dropped meanwhile
      if (!page) return std::unexpected(page.error());
      for (const auto& item : page->items) {
        if (const auto hash = hash_of_stored(item.uri)) wanted.push_back(short_hash(*hash));
      }
      cursor = std::move(page->next);
    } while (!cursor.empty());
  }
  std::ranges::sort(wanted);
  return pictures.sweep(wanted, before_ms);
}

PictureSweeper::PictureSweeper(Backends& backend, JobStore& jobs, PictureStore& pictures, std::mutex& held)
    : backend_(backend), jobs_(jobs), pictures_(pictures), held_(held), pool_(std::make_unique<ThreadPool>(1)) {
  pool_->post([this] { run(); });
}

PictureSweeper::~PictureSweeper() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void PictureSweeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    {
      const std::scoped_lock hold(held_);
      const auto before = now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(kYoung).count();
      const auto swept = sweep_pictures(backend_, jobs_, pictures_, before);
      if (!swept) log(LogLevel::warning, "stored pictures are not tidied up: {}", swept.error().message);
      if (swept.value_or(0) > 0) log(LogLevel::info, "{} stored pictures that nothing names are deleted", *swept);
    }
    lock.lock();
    wake_.wait_for(lock, kEvery, [this] { return stopping_; });
  }
}

}  // namespace eidetic
