// What the data folder keeps beside the catalog: stored pictures, thumbnails, jobs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "catalog/content_cache.h"
#include "catalog/hash_cache.h"
#include "catalog/job_store.h"
#include "catalog/picture_store.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
StoredPicture stored(std::string_view content) { return {sha256_hex(as_bytes(content)), as_bytes(content)}; }

class Stores : public testing::Test {
 protected:
  TemporaryDirectory folder_;
};

TEST_F(Stores, APictureIsThereAfterwards) {
  const std::vector<StoredPicture> both = {stored("one"), stored("two")};
  {
    const auto pictures = need(PictureStore::open(folder_ / "pictures.db"));
    ASSERT_TRUE(pictures->put(both, 1));
    ASSERT_TRUE(pictures->put(both, 2));
  }
  const auto pictures = need(PictureStore::open(folder_ / "pictures.db"));
  EXPECT_EQ(text(need(pictures->read(both[1].hash, 3))), "two");
  EXPECT_EQ(pictures->read(both[1].hash, 2).error().code, ErrorCode::overloaded);
  EXPECT_EQ(pictures->read("00", 2).error().code, ErrorCode::not_found);
}

TEST_F(Stores, ASweepTakesOnlyWhatIsOldAndUnwanted) {
  const auto pictures = need(PictureStore::open(folder_ / "pictures.db"));
  const std::vector<StoredPicture> old = {stored("wanted"), stored("unwanted"), stored("put again"), stored("touched")};
  ASSERT_TRUE(pictures->put(old, 100));
  ASSERT_TRUE(pictures->put(std::vector{stored("new"), old[2]}, 200));
  ASSERT_TRUE(pictures->touch(std::vector{old[3].hash}, 200));
  EXPECT_EQ(need(pictures->sweep(std::array{short_hash(old[0].hash)}, 150)), 1U);
  EXPECT_FALSE(pictures->read(old[1].hash, 100));
  for (const auto& kept : {old[0], old[2], old[3], stored("new")}) EXPECT_TRUE(pictures->read(kept.hash, 100));
}

TEST_F(Stores, ABackupOfPicturesIsAStore) {
  const auto pictures = need(PictureStore::open(folder_ / "pictures.db"));
  ASSERT_TRUE(pictures->put(std::vector{stored("one")}, 1));
  ASSERT_TRUE(pictures->backup_to(folder_ / "copy.db"));
  EXPECT_TRUE(need(PictureStore::open(folder_ / "copy.db"))->read(stored("one").hash, 100));
}

TEST_F(Stores, ThumbnailsAreKeptUpToTheLimitOldestOutFirst) {
  ContentCache cache("thumbnail cache", folder_ / "cache/thumbnails.db", 100);
  const std::string forty(40, 'x');
  for (const auto* hash : {"a", "b", "c"}) cache.keep(hash, 64, as_bytes(forty));
  EXPECT_FALSE(cache.find("a", 64));
  EXPECT_EQ(text(cache.find("c", 64).value()), forty);
  EXPECT_FALSE(cache.find("c", 65));
  cache.keep("huge", 64, as_bytes(std::string(101, 'y')));
  EXPECT_TRUE(cache.find("b", 64));
}

TEST_F(Stores, ADamagedContentCacheIsMadeAnew) {
  const auto file = folder_ / "thumbnails.db";
  const std::string jpeg(5000, 'j');
  ASSERT_TRUE(write_file_atomically(file, "this is no database, and long enough to be taken for one if it were"));
  {
    ContentCache cache("thumbnail cache", file, 1 << 20);
    EXPECT_FALSE(cache.find("a", 64));
    cache.keep("a", 64, as_bytes(jpeg));
    EXPECT_TRUE(cache.find("a", 64));
  }
  // One byte of the picture itself: the database is sound, its content is not.
  auto content = need(read_text(file));
  const auto at = content.find("jjjj");
  ASSERT_NE(at, std::string::npos);
  content[at + 100] = 'k';
  ASSERT_TRUE(write_file_atomically(file, content));
  ContentCache cache("thumbnail cache", file, 1 << 20);
  EXPECT_FALSE(cache.find("a", 64));
  cache.keep("a", 64, as_bytes(jpeg));
  EXPECT_EQ(text(cache.find("a", 64).value()), jpeg);
}

TEST_F(Stores, HashesAreKeptByContent) {
  const auto file = folder_ / "cache/hashes.db";
  const PictureHash hash{.straight = UINT64_MAX, .mirrored = 7, .width = 640, .height = 480};
  {
    HashCache cache(file);
    EXPECT_FALSE(cache.find("a"));
    const std::vector<HashCache::Entry> entries = {{"a", hash}, {"b", {}}, {"a", {}}};
    cache.keep(entries);
    EXPECT_TRUE(cache.find("b"));
  }
  HashCache cache(file);
  const auto found = cache.find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->straight, UINT64_MAX);
  EXPECT_EQ(found->mirrored, 7U);
  EXPECT_EQ(found->width, 640);
  EXPECT_EQ(found->height, 480);
}

TEST_F(Stores, ADamagedHashCacheIsMadeAnew) {
  const auto file = folder_ / "hashes.db";
  ASSERT_TRUE(write_file_atomically(file, "this is no database, and long enough to be taken for one if it were"));
  HashCache cache(file);
  EXPECT_FALSE(cache.find("a"));
  const std::vector<HashCache::Entry> entries = {{"a", {}}};
  cache.keep(entries);
  EXPECT_TRUE(cache.find("a"));
}

class Jobs : public Stores {
 protected:
  std::unique_ptr<JobStore> open() const { return need(JobStore::open(folder_ / "jobs.db")); }
  static std::int64_t key(const JobInfo& info) { return need(job_key(info.id)); }
};

TEST_F(Jobs, RunInTheOrderOfTheirComing) {
  const auto jobs = open();
  const auto first = need(jobs->add("put", "c", "1", 10));
  const auto second = need(jobs->add("put", "c", "2", 10));
  EXPECT_EQ(first.state, JobState::queued);
  EXPECT_EQ(need(jobs->add("put", "c", "1", 10)).id, first.id);
  const auto started = need(jobs->start_next());
  ASSERT_TRUE(started);
  EXPECT_EQ(started->info.id, first.id);
  EXPECT_EQ(started->arguments, "1");
  EXPECT_EQ(started->info.state, JobState::running);
  EXPECT_EQ(started->info.starts, 1U);
  // What runs is no longer the same as what would wait.
  EXPECT_NE(need(jobs->add("put", "c", "1", 10)).id, first.id);
  EXPECT_EQ(need(jobs->start_next())->info.id, second.id);
  EXPECT_EQ(need(jobs->counts()).running, 2U);
  EXPECT_EQ(need(jobs->counts()).queued, 1U);
}

TEST_F(Jobs, WaitUpToALimit) {
  const auto jobs = open();
  need(jobs->add("put", "c", "1", 2));
  need(jobs->add("put", "c", "2", 2));
  EXPECT_EQ(jobs->add("put", "c", "3", 2).error().code, ErrorCode::overloaded);
  EXPECT_TRUE(jobs->add("put", "c", "2", 2));
}

TEST_F(Jobs, ThatRanWaitAgainInTheNextProcess) {
  {
    const auto jobs = open();
    need(jobs->add("index", "c", "{}", 10));
    need(jobs->start_next());
  }
  const auto jobs = open();
  EXPECT_EQ(need(jobs->counts()).queued, 1U);
  const auto again = need(jobs->start_next());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->info.starts, 2U);
  EXPECT_EQ(again->interrupted, 1U);
}

TEST_F(Jobs, RememberHowTheyEnded) {
  const auto jobs = open();
  const auto info = need(jobs->add("index", "c", "{}", 10));
  need(jobs->start_next());
  const std::vector<ItemError> failures = {{"file:///a", {ErrorCode::not_found, "gone"}},
                                           {"file:///b", {ErrorCode::corrupt, "damaged"}}};
  ASSERT_TRUE(jobs->add_failures(key(info), failures));
  ASSERT_TRUE(jobs->add_failures(key(info), failures));
  const IndexProgress progress{.total = 9, .done = 8, .indexed = 3, .skipped = 1, .failed = 4, .seconds = 2.5};
  need(jobs->finish(key(info), JobState::failed, Error{ErrorCode::unavailable, "disk full"}, progress));
  const auto ended = need(jobs->get(key(info))).info;
  EXPECT_EQ(ended.state, JobState::failed);
  ASSERT_TRUE(ended.error);
  EXPECT_EQ(ended.error->code, ErrorCode::unavailable);
  EXPECT_EQ(ended.error->message, "disk full");
  EXPECT_EQ(ended.progress.done, 8U);
  EXPECT_EQ(ended.progress.seconds, 2.5);
  EXPECT_GT(ended.finished_ms, 0);
  const auto rest = need(jobs->failures(key(info), 3, 10));
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].uri, "file:///b");
  EXPECT_EQ(rest[0].error.code, ErrorCode::corrupt);
  EXPECT_EQ(need(jobs->counts()).failed, 1U);
}

TEST_F(Jobs, OnlyTheNewestThatEndedAreRemembered) {
  const auto jobs = open();
  const auto waiting = need(jobs->add("put", "waits", "0", 5000));
  for (unsigned i = 0; i < kMaxRememberedJobs + 5; ++i) {
    const auto info = need(jobs->add("put", "c", std::to_string(i), 5000));
    EXPECT_TRUE(need(jobs->cancel_waiting(key(info))));
  }
  EXPECT_EQ(need(jobs->counts()).cancelled, kMaxRememberedJobs);
  EXPECT_EQ(need(jobs->get(key(waiting))).info.state, JobState::queued);
  EXPECT_EQ(jobs->get(key(waiting) + 1).error().code, ErrorCode::not_found);
}

TEST_F(Jobs, AreListedNewestFirst) {
  const auto jobs = open();
  for (const auto* subject : {"a", "b", "a"})
    need(
        jobs->add("put", subject, subject == std::string("b") ? "1" : std::to_string(need(jobs->counts()).queued), 10));
  const auto ids = [](const std::vector<JobInfo>& list) {
    std::vector<std::string> found;
    for (const auto& info : list) found.push_back(info.id);
    return found;
  };
  EXPECT_THAT(ids(need(jobs->list({}))), ElementsAre("3", "2", "1"));
  EXPECT_THAT(ids(need(jobs->list({.subject = "a"}))), ElementsAre("3", "1"));
  EXPECT_THAT(ids(need(jobs->list({.before = "3", .limit = 1}))), ElementsAre("2"));
  need(jobs->start_next());
  EXPECT_THAT(ids(need(jobs->list({.state = JobState::running}))), ElementsAre("1"));
  EXPECT_THAT(ids(need(jobs->list({.subject = "a", .state = JobState::queued}))), ElementsAre("3"));
  EXPECT_THAT(ids(need(jobs->list({.state = JobState::queued}))), ElementsAre("3", "2"));
}

TEST_F(Jobs, AnIdIsANumber) {
  for (const auto* id : {"", "x", "1x", "-1", "0", "01", "99999999999999999999"}) {
    EXPECT_EQ(job_key(id).error().code, ErrorCode::not_found) << id;
  }
  EXPECT_EQ(open()->get(7).error().code, ErrorCode::not_found);
}

TEST_F(Jobs, AreForgottenWhereNothingIsToBeRemembered) {
  const auto jobs = open();
  const auto info = need(jobs->add("index", "c", "{}", 10));
  need(jobs->start_next());
  ASSERT_TRUE(jobs->forget(key(info)));
  EXPECT_EQ(need(jobs->counts()).running, 0U);
  EXPECT_EQ(jobs->get(key(info)).error().code, ErrorCode::not_found);
}

TEST_F(Jobs, GoBackToWaiting) {
  const auto jobs = open();
  const auto info = need(jobs->add("index", "c", "{}", 10));
  need(jobs->start_next());
  EXPECT_FALSE(need(jobs->cancel_waiting(key(info))));
  EXPECT_EQ(need(jobs->finish(key(info), JobState::queued, {}, {.done = 3})).state, JobState::queued);
  const auto again = need(jobs->start_next());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->info.starts, 2U);
  EXPECT_EQ(again->interrupted, 0U);
}

}  // namespace
}  // namespace eidetic
