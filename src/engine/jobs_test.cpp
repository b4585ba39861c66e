// Jobs and watched folders through the whole engine, over restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "backend/embedded.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "blobs/router.h"
#include "cluster/cluster.h"
#include "cluster/test_store.h"
#include "engine/job_arguments.h"
#include "engine/sweep.h"
#include "engine/test_engine.h"
#include "engine/test_parts.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class JobsTest : public testing::Test {
 protected:
  void open(EngineOptions options = {}) {
    engine_.reset();
    options.data_dir = folder_ / "data";
    engine_ = need(Engine::open(options));
    if (!engine_->describe("c")) need(engine_->create("c", {}));
  }
  void draw(const std::string& name, unsigned seed) { write_picture(pictures() / name, seed, 40, 30); }
  fs::path pictures() const { return folder_ / "pictures"; }
  std::vector<std::string> stored() {
    std::vector<std::string> ids;
    for (const auto& item : need(engine_->list("c", {.limit = 10'000})).items) ids.push_back(item.id);
    return ids;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(JobsTest, AnIndexJobIndexesAndTellsWhatFailed) {
  for (unsigned i = 0; i < 5; ++i) draw(fmt::format("{}.ppm", i), i);
  need(write_file_atomically(pictures() / "bad.jpg", "no picture"));
  open({.data_dir = {}, .run_jobs = true});
  const auto info = need(engine_->start_index("c", {.paths = {pictures().native()}}));
  EXPECT_EQ(info.kind, "index");
  EXPECT_EQ(info.subject, "c");
  const auto done = ended(*engine_, info.id);
  EXPECT_EQ(done.state, JobState::done);
  EXPECT_EQ(done.progress.total, 6U);
  EXPECT_EQ(done.progress.indexed, 5U);
  EXPECT_EQ(done.progress.failed, 1U);
  EXPECT_EQ(done.starts, 1U);
  EXPECT_GE(done.finished_ms, done.started_ms);
  const auto failures = need(engine_->job_failures(info.id, 0, 10));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0].uri, HasSubstr("bad.jpg"));
  EXPECT_EQ(stored().size(), 5U);
  EXPECT_EQ(need(engine_->job_counts()).done, 1U);
}

TEST_F(JobsTest, APutJobOutlivesTheProcess) {
  std::vector<NewItem> items(4);
  items[0] = {.bytes = picture_bytes(1), .metadata = R"({"n":1})"};
  items[1] = {.id = "bad", .bytes = {std::byte{1}}};
  items[2] = {.id = "gone", .uri = "/no/such.jpg"};
  open();
  items[3] = {.id = "bare", .vector = Vector(need(engine_->describe("c")).spec.space.dimensions, 0.25F)};
  const auto info = need(engine_->start_put("c", items));
  EXPECT_EQ(need(engine_->job(info.id)).state, JobState::queued);
  open({.data_dir = {}, .run_jobs = true});
  const auto done = ended(*engine_, info.id);
  EXPECT_EQ(done.state, JobState::done);
  EXPECT_EQ(done.progress.indexed, 2U);
  EXPECT_EQ(done.progress.failed, 2U);
  EXPECT_THAT(stored(), UnorderedElementsAre("bare", sha256_hex(picture_bytes(1))));
  EXPECT_EQ(need(engine_->picture("c", sha256_hex(picture_bytes(1)))).bytes, picture_bytes(1));
  EXPECT_EQ(need(engine_->list("c", {.filter = "n = 1"})).items.size(), 1U);
  const auto failures = need(engine_->job_failures(info.id, 0, 10));
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].uri, "bad");
  EXPECT_EQ(failures[1].error.code, ErrorCode::not_found);
}

TEST_F(JobsTest, AJobStoppedWithTheEngineGoesOnInTheNext) {
  constexpr unsigned kMany = 600;
  for (unsigned i = 0; i < kMany; ++i) draw(fmt::format("{}.ppm", i), i);
  open({.data_dir = {}, .run_jobs = true});
  const auto info = need(engine_->start_index("c", {.paths = {pictures().native()}, .batch = 16}));
  ASSERT_TRUE(eventually([&] { return need(engine_->describe("c")).items > 0; }));
  open();
  const auto waiting = need(engine_->job(info.id));
  // On a fast machine it may have ended first; then there is nothing to go on with.
  if (waiting.state == JobState::queued) EXPECT_EQ(need(engine_->job_counts()).queued, 1U);
  open({.data_dir = {}, .run_jobs = true});
  const auto done = ended(*engine_, info.id);
  EXPECT_EQ(done.state, JobState::done);
  EXPECT_EQ(done.starts, waiting.state == JobState::queued ? 2U : 1U);
  EXPECT_EQ(stored().size(), kMany);
}

TEST_F(JobsTest, AJobThatEndsTheProcessAgainAndAgainIsGivenUp) {
  open();
  const auto info = need(engine_->start_index("c", {.paths = {folder_.path().native()}}));
  engine_.reset();
  // A process that takes it up and dies.
  for (int i = 0; i < 5; ++i) need(need(JobStore::open(folder_ / "data/jobs.db"))->start_next());
  open({.data_dir = {}, .run_jobs = true});
  const auto failed = ended(*engine_, info.id);
  EXPECT_EQ(failed.state, JobState::failed);
  ASSERT_TRUE(failed.error);
  EXPECT_THAT(failed.error->message, HasSubstr("started 5 times"));
}

TEST_F(JobsTest, AJobCanBeCancelledWaitingOrRunning) {
  for (unsigned i = 0; i < 600; ++i) draw(fmt::format("{}.ppm", i), i);
  open({.data_dir = {}, .run_jobs = true, .parallel_jobs = 1});
  const auto running = need(engine_->start_index("c", {.paths = {pictures().native()}, .batch = 8}));
  const auto waiting = need(engine_->start_index("c", {.paths = {folder_.path().native()}}));
  EXPECT_EQ(need(engine_->cancel_job(waiting.id)).state, JobState::cancelled);
  ASSERT_TRUE(eventually([&] { return need(engine_->describe("c")).items > 0; }));
  need(engine_->cancel_job(running.id));
  const auto cancelled = ended(*engine_, running.id);
  EXPECT_TRUE(cancelled.state == JobState::cancelled || cancelled.progress.indexed == 600);
  EXPECT_EQ(stored().size(), cancelled.progress.indexed);
  EXPECT_EQ(need(engine_->cancel_job(running.id)).state, cancelled.state);
  EXPECT_EQ(engine_->cancel_job("77").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->cancel_job("x").error().code, ErrorCode::not_found);
}

TEST_F(JobsTest, AnEqualJobThatWaitsIsGivenBack) {
  draw("a.ppm", 1);
  open();
  const IndexRequest request{.paths = {pictures().native()}};
  const auto first = need(engine_->start_index("c", request));
  EXPECT_EQ(need(engine_->start_index("c", request)).id, first.id);
  EXPECT_NE(need(engine_->start_index("c", {.paths = request.paths, .prune = true})).id, first.id);
  const std::vector<NewItem> items = {{.id = "x", .bytes = picture_bytes(3)}};
  EXPECT_EQ(need(engine_->start_put("c", items)).id, need(engine_->start_put("c", items)).id);
  EXPECT_EQ(need(engine_->job_counts()).queued, 3U);
}

TEST_F(JobsTest, OnlySoManyWait) {
  open({.data_dir = {}, .max_queued_jobs = 10'000});
  const Vector vector(need(engine_->describe("c")).spec.space.dimensions, 1);
  std::vector<NewItem> item(1);
  item[0].vector = vector;
  for (int i = 0; i < 10'000; ++i) {
    item[0].id = std::to_string(i);
    ASSERT_TRUE(engine_->start_put("c", item)) << i;
  }
  item[0].id = "one more";
  EXPECT_EQ(engine_->start_put("c", item).error().code, ErrorCode::overloaded);
  EXPECT_EQ(need(engine_->job_counts()).queued, 10'000U);
  need(engine_->cancel_job("1"));
  EXPECT_TRUE(engine_->start_put("c", item));
}

TEST_F(JobsTest, ABadRequestIsRefusedAtOnce) {
  open();
  EXPECT_EQ(engine_->start_index("none", {.paths = {"/tmp"}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->start_index("c", {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->start_index("c", {.paths = {"/tmp"}, .batch = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->start_put("c", {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->start_pull("", "").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->jobs({.limit = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->jobs({.before = "x"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(need(engine_->jobs({})).size(), 0U);
}

TEST_F(JobsTest, AJobOfADroppedCollectionFails) {
  open();
  const auto info = need(engine_->start_index("c", {.paths = {folder_.path().native()}}));
  need(engine_->drop("c"));
  engine_.reset();
  engine_ = need(Engine::open({.data_dir = folder_ / "data", .run_jobs = true}));
  const auto failed = ended(*engine_, info.id);
  EXPECT_EQ(failed.state, JobState::failed);
  EXPECT_EQ(failed.error.value_or(Error{}).code, ErrorCode::not_found);
}

TEST_F(JobsTest, APullJobSaysWhyItFails) {
  open({.data_dir = {}, .run_jobs = true});
  const auto failed = ended(*engine_, need(engine_->start_pull("no-such-model", "")).id);
  EXPECT_EQ(failed.state, JobState::failed);
  EXPECT_EQ(failed.kind, "pull");
  EXPECT_EQ(failed.error.value_or(Error{}).code, ErrorCode::not_found);
}

TEST_F(JobsTest, WhatWaitingJobsAndItemsNameIsNotSwept) {
  const auto jobs = need(JobStore::open(folder_ / "jobs.db"));
  const auto pictures = need(PictureStore::open(folder_ / "pictures.db"));
  auto collection = std::make_unique<MemoryBackend>(mean_colour_spec());
  auto& backend = *collection;
  auto engine = std::make_shared<TestEngine>();
  std::vector<Backends::Place> places;
  places.push_back({.name = std::string(kEmbeddedBackend), .backend = std::move(collection)});
  places.push_back({.name = "qdrant://far", .backend = make_cluster_backend(std::make_unique<TestStore>(engine))});
  Backends backends(std::move(places));
  std::vector<std::string> hashes;
  for (const std::string content : {"of an item", "of a job", "of nothing", "young"}) {
    hashes.push_back(sha256_hex(as_bytes(content)));
    const StoredPicture picture{hashes.back(), as_bytes(content)};
    need(pictures->put(std::span(&picture, 1), content == "young" ? 200 : 100));
  }
  backend.items["x"] = {.id = "x", .uri = "stored:" + hashes[0], .content_hash = hashes[0], .vector = {}};
  const PutJob job{.items = {{.id = "y", .uri = "stored:" + hashes[1]}}};
  need(jobs->add(kPutJob, "c", write_put(job), 10));
  engine->before = [](std::string_view) -> Result<void> { return fail(ErrorCode::unreachable, "far is down"); };
  EXPECT_EQ(sweep_pictures(backends, *jobs, *pictures, 150).error().message, "far is down");
  engine->before = nullptr;
  backends.miss({"qdrant://elsewhere"});
  EXPECT_EQ(sweep_pictures(backends, *jobs, *pictures, 150).error().code, ErrorCode::unreachable);
  backends.miss({});
  EXPECT_TRUE(pictures->read(hashes[2], 100)) << "items elsewhere may name it";
  EXPECT_EQ(need(sweep_pictures(backends, *jobs, *pictures, 150)), 1U);
  EXPECT_TRUE(pictures->read(hashes[0], 100));
  EXPECT_TRUE(pictures->read(hashes[1], 100));
  EXPECT_FALSE(pictures->read(hashes[2], 100));
  EXPECT_TRUE(pictures->read(hashes[3], 100));
}

TEST(JobArguments, ComeBackAsTheyWere) {
  const IndexJob index{.request = {.paths = {"/a", "https://b/c"},
                                   .metadata_file = "/m.csv",
                                   .sidecars = true,
                                   .exif = ExifFields::gps,
                                   .model = "x",
                                   .prune = true,
                                   .batch = 7,
                                   .on_duplicate = OnDuplicate::skip},
                       .watched = {{"/a", {1, 2}}}};
  const auto same = need(parse_index(write_index(index)));
  EXPECT_EQ(same.request.paths, index.request.paths);
  EXPECT_EQ(same.request.metadata_file, index.request.metadata_file);
  EXPECT_TRUE(same.request.sidecars);
  EXPECT_EQ(same.request.exif, ExifFields::gps);
  EXPECT_EQ(same.request.model, "x");
  EXPECT_TRUE(same.request.prune);
  EXPECT_EQ(same.request.batch, 7U);
  EXPECT_EQ(same.request.on_duplicate, OnDuplicate::skip);
  EXPECT_EQ(same.watched[0].identity, index.watched[0].identity);

  const PutJob put{
      .items = {{.id = "a", .vector = {0.1F, -3e-30F}}, {.uri = "b", .metadata = "{}", .exif = ExifFields::camera}},
      .on_duplicate = OnDuplicate::skip};
  const auto same_put = need(parse_put(write_put(put)));
  EXPECT_EQ(same_put.on_duplicate, OnDuplicate::skip);
  const auto& items = put.items;
  const auto& back = same_put.items;
  EXPECT_EQ(back[0].vector, items[0].vector);
  EXPECT_EQ(back[0].metadata, std::nullopt);
  EXPECT_EQ(back[1].uri, "b");
  EXPECT_EQ(back[1].metadata, "{}");
  EXPECT_EQ(back[0].exif, ExifFields::none);
  EXPECT_EQ(back[1].exif, ExifFields::camera);
  EXPECT_EQ(need(parse_pull(write_pull("http://m"))), "http://m");
  for (const auto* bad : {"", "[]", "{}", R"({"items":[{"vector":"*"}]})"}) {
    EXPECT_EQ(parse_put(bad).error().code, ErrorCode::corrupt) << bad;
  }
}

TEST(JobArguments, OfAnOlderVersionAreRead) {
  const auto older = need(
      parse_index(R"({"paths":["/a"],"metadata_csv":"/m.csv","model":"","prune":false,"batch":256,"watched":[]})"));
  EXPECT_EQ(older.request.metadata_file, "/m.csv");
  EXPECT_FALSE(older.request.sidecars);
  EXPECT_EQ(older.request.exif, ExifFields::none);
  EXPECT_EQ(older.request.on_duplicate, OnDuplicate::store);
  EXPECT_EQ(need(parse_put(R"({"items":[{"id":"a","uri":"/a"}]})")).on_duplicate, OnDuplicate::store);
}

// --- watched folders ---

class WatchTest : public JobsTest {
 protected:
  bool settles_to(const std::vector<std::string>& ids) {
    return eventually([&] { return stored() == ids; });
  }
};

TEST_F(WatchTest, TheCollectionFollowsTheFolder) {
  draw("a.ppm", 1);
  draw("sub/b.ppm", 2);
  open({.data_dir = {}, .run_jobs = true});
  need(engine_->watch("c", std::vector{pictures()}));
  EXPECT_THAT(need(engine_->watched("c")), ElementsAre(pictures()));
  ASSERT_TRUE(settles_to({"a.ppm", "sub/b.ppm"}));

  draw("c.ppm", 3);
  draw("new/deep/d.ppm", 4);
  ASSERT_TRUE(settles_to({"a.ppm", "c.ppm", "new/deep/d.ppm", "sub/b.ppm"}));
  const auto hash_of = [&](const std::string& id) {
    return need(engine_->get("c", std::span(&id, 1), false))[0]->content_hash;
  };
  const auto before = hash_of("a.ppm");
  draw("a.ppm", 5);
  ASSERT_TRUE(eventually([&] { return hash_of("a.ppm") != before; }));
  draw("new/deep/e.ppm", 6);
  ASSERT_TRUE(settles_to({"a.ppm", "c.ppm", "new/deep/d.ppm", "new/deep/e.ppm", "sub/b.ppm"}));
  fs::remove_all(pictures() / "new");
  fs::remove(pictures() / "c.ppm");
  ASSERT_TRUE(settles_to({"a.ppm", "sub/b.ppm"}));
  fs::rename(pictures() / "sub/b.ppm", pictures() / "f.ppm");
  ASSERT_TRUE(settles_to({"a.ppm", "f.ppm"}));
  fs::remove(pictures() / "a.ppm");
  fs::remove(pictures() / "f.ppm");
  ASSERT_TRUE(settles_to({}));
}

TEST_F(WatchTest, LookingAgainLeavesNoJobBehind) {
  draw("a.ppm", 1);
  open({.data_dir = {}, .run_jobs = true, .watch_rescan_s = 0.1});
  need(engine_->watch("c", std::vector{pictures()}));
  ASSERT_TRUE(settles_to({"a.ppm"}));
  // Numbers of jobs that are not there any more: those of looking again.
  int asked = 0;
  ASSERT_TRUE(eventually([&] {
    const auto info = need(engine_->start_pull(fmt::format("none-{}", ++asked), ""));
    return std::stoi(info.id) - asked > 5;
  }));
  int indexing = 0;
  for (const auto& info : need(engine_->jobs({.limit = 1000}))) indexing += info.kind == "index" ? 1 : 0;
  EXPECT_LE(indexing, 3);  // the first, and those that wait or run just now
}

TEST_F(WatchTest, WhatChangedMeanwhileIsSeenAtTheStart) {
  draw("a.ppm", 1);
  open();
  need(engine_->watch("c", std::vector{pictures()}));
  EXPECT_TRUE(stored().empty());
  open({.data_dir = {}, .run_jobs = true});
  ASSERT_TRUE(settles_to({"a.ppm"}));
  engine_.reset();
  draw("b.ppm", 2);
  fs::remove(pictures() / "a.ppm");
  open({.data_dir = {}, .run_jobs = true});
  EXPECT_TRUE(settles_to({"b.ppm"}));
}

TEST_F(WatchTest, AFolderThatVanishesTakesNothingWithIt) {
  draw("a.ppm", 1);
  fs::create_directories(folder_ / "mounted");
  open({.data_dir = {}, .run_jobs = true, .watch_rescan_s = 0.2});
  need(engine_->watch("c", std::vector{pictures()}));
  ASSERT_TRUE(settles_to({"a.ppm"}));
  const auto jobs_so_far = [&] { return need(engine_->jobs({.limit = 1000})).size(); };

  fs::rename(pictures(), folder_ / "elsewhere");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_THAT(stored(), ElementsAre("a.ppm"));
  // As after an unmount: a folder is there, another one, and empty.
  fs::create_directories(pictures());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_THAT(stored(), ElementsAre("a.ppm"));
  const auto quiet = jobs_so_far();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(jobs_so_far(), quiet);

  fs::remove(pictures());
  fs::rename(folder_ / "elsewhere", pictures());
  draw("b.ppm", 2);
  EXPECT_TRUE(settles_to({"a.ppm", "b.ppm"}));
}

TEST_F(WatchTest, StopsWhenToldTo) {
  draw("a.ppm", 1);
  open({.data_dir = {}, .run_jobs = true});
  need(engine_->watch("c", std::vector{pictures()}));
  ASSERT_TRUE(settles_to({"a.ppm"}));
  need(engine_->watch("c", {}));
  EXPECT_TRUE(need(engine_->watched("c")).empty());
  draw("b.ppm", 2);
  // Another collection that is told of the same change shows that there was time enough.
  need(engine_->create("d", {}));
  need(engine_->watch("d", std::vector{pictures()}));
  ASSERT_TRUE(eventually([&] { return need(engine_->describe("d")).items == 2; }));
  EXPECT_THAT(stored(), ElementsAre("a.ppm"));
  EXPECT_EQ(engine_->watch("c", std::vector{folder_ / "none"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->watch("none", {}).error().code, ErrorCode::not_found);
}

TEST_F(WatchTest, AnImportedCopyWatchesNothing) {
  draw("a.ppm", 1);
  open();
  need(engine_->watch("c", std::vector{pictures()}));
  need(engine_->export_collection("c", folder_ / "c.eidetic"));
  need(engine_->import_collection(folder_ / "c.eidetic", "copy"));
  EXPECT_TRUE(need(engine_->watched("copy")).empty());
  EXPECT_EQ(need(engine_->watched("c")).size(), 1U);
}

}  // namespace
}  // namespace eidetic
