// A change of a collection's model, through the whole engine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <stop_token>
#include <thread>

#include "base/json.h"
#include "base/test_files.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Step = MigrateRequest::Step;
using State = MigrationInfo::State;

constexpr unsigned kItems = 40;

class MigrationTest : public testing::Test {
 protected:
  void SetUp() override {
    add_model("other", "127.5, 127.5, 127.5], \"div", "100, 110, 120], \"div");
    open();
  }
  // The bundled model with another preprocessing: another space, of as many dimensions.
  void add_model(const std::string& name, const std::string& from, const std::string& to) const {
    const auto bundled = fs::path(EIDETIC_SOURCE_DIR) / "models/default";
    const auto bundle = folder_ / "data/models" / name;
    fs::create_directories(bundle);
    fs::copy_file(bundled / "model.onnx", bundle / "model.onnx");
    auto description = need(read_text(bundled / "model.json"));
    const auto place = description.find(from);
    ASSERT_NE(place, std::string::npos);
    description.replace(place, from.size(), to);
    description.replace(description.find("default"), 7, name);
    need(write_file_atomically(bundle / "model.json", description));
  }
  void open(bool run_jobs = false) {
    engine_.reset();
    engine_ = need(Engine::open({.data_dir = folder_ / "data", .run_jobs = run_jobs}));
  }
  static NewItem item(unsigned seed) {
    return {.id = fmt::format("{:02}", seed),
            .bytes = picture_bytes(seed),
            .metadata = fmt::format(R"({{"kind":"{}"}})", seed % 2 == 0 ? "even" : "odd")};
  }
  void put(std::span<const NewItem> items) {
    for (const auto& stored : need(engine_->put("c", items))) need(stored);
  }
  void fill(const CreateOptions& options = {}) {
    need(engine_->create("c", options));
    std::vector<NewItem> items;
    for (unsigned i = 0; i < kItems; ++i) items.push_back(item(i));
    put(items);
  }
  MigrationReport migrate(const MigrateRequest& request = {.model = "other"}) {
    return need(engine_->migrate("c", request));
  }
  SearchResult search(unsigned seed, std::uint32_t k = 5) {
    Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = picture_bytes(seed)}}, .k = k};
    query.exclude_terms = false;
    return need(engine_->search("c", query));
  }
  // Every item finds itself, by its picture and by its id, and the answer says whose vectors they were.
  void expect_all_find_themselves(const std::string& model, unsigned items = kItems) {
    for (unsigned i = 0; i < items; ++i) {
      const auto found = search(i);
      EXPECT_EQ(found.model, model);
      ASSERT_FALSE(found.hits.empty());
      EXPECT_EQ(found.hits.front().id, item(i).id);
      EXPECT_NEAR(found.hits.front().similarity, 1, 1e-5);
    }
  }
  std::vector<std::string> ids_of(const SearchResult& result) {
    std::vector<std::string> ids;
    for (const auto& hit : result.hits) ids.push_back(hit.id);
    return ids;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(MigrationTest, AllVectorsAreOfTheNewModelAndTheOldOnesAreKept) {
  fill();
  const auto before = search(3);
  EXPECT_EQ(before.model, "default");
  const auto report = migrate();
  EXPECT_TRUE(report.switched);
  EXPECT_EQ(report.embedded, kItems);
  EXPECT_EQ(report.failed, 0U);
  for (int times = 0; times < 2; ++times) {
    const auto info = need(engine_->describe("c"));
    EXPECT_EQ(info.spec.space.model, "other");
    EXPECT_EQ(info.items, kItems);
    ASSERT_TRUE(info.migration);
    EXPECT_EQ(info.migration->state, State::switched);
    EXPECT_EQ(info.migration->model, "default");
    EXPECT_EQ(info.migration->done, kItems);
    EXPECT_GT(info.migration->until_ms, info.created_ms);
    expect_all_find_themselves("other");
    open();  // it is so after a restart, too
  }
  EXPECT_THAT(need(engine_->collections()), SizeIs(1));

  // And back, with what has come and gone since.
  put(std::vector{item(50), item(1)});
  EXPECT_EQ(need(engine_->erase("c", std::vector<std::string>{"02"})), 1U);
  const auto back = migrate({.step = Step::rollback});
  EXPECT_TRUE(back.switched);
  EXPECT_EQ(back.embedded, 1U);  // the rest was kept
  const auto info = need(engine_->describe("c"));
  EXPECT_EQ(info.spec.space.model, "default");
  EXPECT_EQ(info.items, kItems);
  EXPECT_FALSE(info.migration);
  const auto after = search(3);
  EXPECT_EQ(after.model, "default");
  EXPECT_DOUBLE_EQ(after.hits.front().similarity, before.hits.front().similarity);
  EXPECT_EQ(search(50).hits.front().id, "50");
  EXPECT_NE(search(2).hits.front().id, "02");
}

TEST_F(MigrationTest, WhatIsPreparedIsFollowedComparedAndSwitched) {
  fill();
  const auto prepared = migrate({.step = Step::prepare, .model = "other"});
  EXPECT_FALSE(prepared.switched);
  auto info = need(engine_->describe("c"));
  EXPECT_EQ(info.spec.space.model, "default");
  EXPECT_EQ(info.migration->state, State::ready);
  expect_all_find_themselves("default", 3);

  // Items come, change and go meanwhile.
  NewItem replaced = item(1);
  replaced.bytes = picture_bytes(60);
  put(std::vector{item(51), replaced});
  EXPECT_EQ(need(engine_->erase("c", std::vector<std::string>{"02", "03"})), 2U);
  need(engine_->patch("c", "04", R"({"kind":"tagged"})"));
  EXPECT_EQ(need(engine_->describe("c")).migration->done, kItems - 3);  // of 39 items

  const auto compared = need(engine_->compare_models("c", {.sample = 12, .label = "kind"}));
  EXPECT_EQ(compared.model, "default");
  EXPECT_EQ(compared.other_model, "other");
  EXPECT_EQ(compared.items, kItems - 1);
  EXPECT_EQ(compared.compared, kItems - 3);
  ASSERT_FALSE(compared.searches.empty());
  EXPECT_GT(compared.overlap, .1);
  EXPECT_LE(compared.overlap, 1);
  for (const auto& one : compared.searches) {
    ASSERT_THAT(one.hits, SizeIs(kComparedHits));
    EXPECT_NE(one.hits.front().id, one.id);
  }
  ASSERT_TRUE(compared.report && compared.other_report);
  EXPECT_EQ(compared.report->classes, 3U);
  EXPECT_GT(compared.other_report->mean.p_at_1, 0);
  const auto again = need(engine_->compare_models("c", {.sample = 12}));
  EXPECT_EQ(again.searches.front().id, compared.searches.front().id);  // seeded

  open();  // what is prepared stays
  const auto switched = migrate({.step = Step::switch_over});
  EXPECT_TRUE(switched.switched);
  EXPECT_EQ(switched.embedded, 2U);
  info = need(engine_->describe("c"));
  EXPECT_EQ(info.items, kItems - 1);
  EXPECT_EQ(search(51).hits.front().id, "51");
  EXPECT_EQ(search(60).hits.front().id, "01");
  EXPECT_NE(search(2).hits.front().id, "02");
  Query tagged{.terms = {{.kind = Term::Kind::id, .value = "05"}}, .k = 3};
  tagged.filter = "kind = \"tagged\"";
  EXPECT_EQ(need(engine_->search("c", tagged)).hits.front().id, "04");
}

TEST_F(MigrationTest, WhatCannotBeEmbeddedIsNamedAndNothingIsSwitched) {
  fill();
  const auto file = folder_ / "gone.ppm";
  need(write_file_atomically(file, draw_ppm(70)));
  const auto vector = need(engine_->get("c", std::vector<std::string>{"00"}, true)).front()->vector;
  put(std::vector{NewItem{.id = "bare", .vector = vector}, NewItem{.id = "gone", .uri = file.native()}});
  fs::remove(file);
  const auto refused = migrate();
  EXPECT_FALSE(refused.switched);
  EXPECT_EQ(refused.failed, 2U);
  ASSERT_THAT(refused.errors, SizeIs(2));
  EXPECT_EQ(refused.errors[0].uri, "bare");
  EXPECT_THAT(refused.errors[0].error.message, HasSubstr("bare vector"));
  EXPECT_EQ(refused.errors[1].uri, "gone");
  auto info = need(engine_->describe("c"));
  EXPECT_EQ(info.spec.space.model, "default");
  EXPECT_EQ(info.migration->state, State::ready);
  EXPECT_EQ(info.migration->failed, 2U);

  // What can be read again is not lost.
  need(write_file_atomically(file, draw_ppm(70)));
  const auto dropped = migrate({.step = Step::switch_over, .drop_failed = true});
  EXPECT_TRUE(dropped.switched);
  EXPECT_EQ(dropped.embedded, 1U);
  EXPECT_EQ(dropped.dropped, 1U);
  info = need(engine_->describe("c"));
  EXPECT_EQ(info.items, kItems + 1);
  expect_all_find_themselves("other", 5);
  EXPECT_EQ(search(70).hits.front().id, "gone");
  EXPECT_FALSE(need(engine_->get("c", std::vector<std::string>{"bare"}, false)).front());
}

TEST_F(MigrationTest, WhatIsMadeIsNeverMadeAgain) {
  std::vector<NewItem> more;
  for (unsigned i = 0; i < 200; ++i) more.push_back(item(100 + i));
  fill();
  put(more);
  std::uint64_t embedded = 0;
  for (int runs = 0; runs < 2; ++runs) {
    std::stop_source stop;
    const auto report = need(engine_->migrate(
        "c", {.model = "other"},
        [&](const IndexProgress& now) {
          if (now.indexed > 0) stop.request_stop();
        },
        stop.get_token()));
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(report.kept, embedded);
    embedded += report.embedded;
    EXPECT_EQ(need(engine_->describe("c")).migration->done, embedded);
    open();
  }
  const auto rest = migrate();
  EXPECT_TRUE(rest.switched);
  EXPECT_EQ(rest.kept, embedded);
  EXPECT_EQ(rest.embedded + rest.kept, kItems + 200);
  expect_all_find_themselves("other", 3);
}

TEST_F(MigrationTest, WhatIsLearntOfASpaceIsLearntAnew) {
  fill();
  std::vector<NewItem> more;  // as many as a calibration needs
  for (unsigned i = 0; i < 80; ++i) more.push_back(item(100 + i));
  put(more);
  need(engine_->train_classifier("c", {.name = "parity", .kind = ClassifierRequest::Kind::labels, .label = "kind"}));
  need(engine_->train_classifier("c", {.name = "group", .kind = ClassifierRequest::Kind::clusters, .clusters = 3}));
  need(engine_->calibrate("c", {}));
  const auto group_of = [&](const std::string& id) {
    return Json::parse(need(engine_->get("c", std::span(&id, 1), false)).front()->metadata).value("group", "");
  };
  const std::string before = group_of("07");
  const auto report = migrate();
  EXPECT_TRUE(report.switched);
  EXPECT_THAT(report.notes, IsEmpty());
  const auto classifiers = need(engine_->classifiers("c"));
  ASSERT_THAT(classifiers, SizeIs(2));
  EXPECT_EQ(classifiers[1].kind, ClassifierRequest::Kind::clusters);
  EXPECT_EQ(group_of("07"), before);  // clusters stay what they were
  EXPECT_GE(need(engine_->calibration("c")).items, 100U);
  Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = picture_bytes(7)}}, .k = 3};
  query.classify = "group";
  query.min_confidence = 0;
  const auto found = need(engine_->search("c", query));
  EXPECT_TRUE(found.explanation.classification);
  EXPECT_TRUE(found.hits.front().confidence);
  migrate({.step = Step::rollback});
  EXPECT_THAT(need(engine_->classifiers("c")), SizeIs(2));
  EXPECT_TRUE(need(engine_->search("c", query)).hits.front().confidence);
}

TEST_F(MigrationTest, RegionsComeAlong) {
  fill({.regions = "2x2"});
  EXPECT_EQ(need(engine_->describe("c")).parts, 4 * kItems);
  const auto wanted = [&](unsigned seed) {
    Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = picture_bytes(seed)}}, .k = 2};
    query.exclude_terms = false;
    query.terms.front().crop = Crop{.x = 0, .y = .5, .width = .5, .height = .5};
    query.regions = true;
    return need(engine_->search("c", query));
  };
  const auto before = wanted(5);
  migrate({.step = Step::prepare, .model = "other"});
  put(std::vector{item(52)});
  const auto refused = engine_->set_regions("c", "1x2");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--cancel"));
  EXPECT_TRUE(migrate({.step = Step::switch_over}).switched);
  EXPECT_EQ(need(engine_->describe("c")).parts, 4 * (kItems + 1));
  for (const unsigned seed : {5U, 52U}) {
    const auto after = wanted(seed);
    EXPECT_EQ(after.model, "other");
    EXPECT_EQ(after.hits.front().id, item(seed).id);
    EXPECT_NEAR(after.hits.front().similarity, 1, 1e-4);
    EXPECT_TRUE(after.hits.front().region);
  }
  migrate({.step = Step::rollback});
  EXPECT_EQ(wanted(52).hits.front().id, "52");
  EXPECT_EQ(wanted(5).hits.front().similarity, before.hits.front().similarity);
}

TEST_F(MigrationTest, TheIndexStaysOfItsKind) {
  fill({.index = "HNSW8"});
  migrate();
  EXPECT_TRUE(eventually([&] { return need(engine_->describe("c")).index_kind == "HNSW8"; }));
  expect_all_find_themselves("other", 5);
}

TEST_F(MigrationTest, EndsEarlyOrAfterItsTimeOfGrace) {
  fill();
  migrate({.step = Step::prepare, .model = "other"});
  EXPECT_FALSE(engine_->finish_migration("c"));
  EXPECT_FALSE(need(engine_->cancel_migration("c")).migration);
  expect_all_find_themselves("default", 3);
  EXPECT_EQ(engine_->cancel_migration("c").error().code, ErrorCode::invalid_argument);

  migrate();
  EXPECT_FALSE(engine_->cancel_migration("c"));
  EXPECT_FALSE(need(engine_->finish_migration("c")).migration);
  EXPECT_THAT(engine_->migrate("c", {.step = Step::rollback}).error().message, HasSubstr("roll back"));
  expect_all_find_themselves("other", 3);

  migrate({.model = "default", .grace_s = 0});
  EXPECT_FALSE(need(engine_->describe("c")).migration);
  expect_all_find_themselves("default", 3);

  open(true);
  const auto job = ended(*engine_, need(engine_->start_migrate("c", {.model = "other", .grace_s = 1})).id);
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(job.kind, "migrate");
  EXPECT_EQ(job.progress.indexed, kItems);
  EXPECT_TRUE(eventually([&] { return !need(engine_->describe("c")).migration; }));
  expect_all_find_themselves("other", 3);
}

TEST_F(MigrationTest, SaysWhatIsWrong) {
  fill();
  need(engine_->create("bare", {.dimensions = 3}));
  EXPECT_EQ(engine_->migrate("bare", {.model = "other"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(engine_->migrate("none", {.model = "other"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->migrate("c", {.model = "nothing"}).error().code, ErrorCode::not_found);
  EXPECT_THAT(engine_->migrate("c", {.model = "default"}).error().message, HasSubstr("already"));
  EXPECT_EQ(engine_->migrate("c", {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->migrate("c", {.step = Step::switch_over}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->compare_models("c", {}).error().code, ErrorCode::not_found);
  add_model("third", "127.5, 127.5, 127.5], \"div", "90, 90, 90], \"div");
  migrate({.step = Step::prepare, .model = "other"});
  EXPECT_EQ(engine_->migrate("c", {.model = "third"}).error().code, ErrorCode::already_exists);
  EXPECT_EQ(engine_->start_migrate("c", {.model = "third"}).error().code, ErrorCode::already_exists);
}

// Searches of pictures and ids, writes and deletions, all the time: each answer belongs to one space.
TEST_F(MigrationTest, NoSearchMeetsTwoSpaces) {
  fill();
  std::atomic<bool> done = false;
  std::atomic<unsigned> searches = 0;
  std::atomic<unsigned> of_other = 0;
  std::vector<std::jthread> threads;
  for (unsigned thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (unsigned i = thread; !done; i = (i + 1) % kItems) {
        const auto found = search(i, 1);
        EXPECT_EQ(found.hits.front().id, item(i).id);
        EXPECT_NEAR(found.hits.front().similarity, 1, 1e-5);
        Query both{.terms = {{.kind = Term::Kind::id, .value = item(i).id},
                             {.kind = Term::Kind::bytes, .bytes = picture_bytes(i)}},
                   .k = 1};
        both.exclude_terms = false;
        const auto sum = need(engine_->search("c", both));
        EXPECT_EQ(sum.hits.front().id, item(i).id);
        EXPECT_NEAR(sum.hits.front().similarity, 1, 1e-5);
        of_other += found.model == "other" ? 1 : 0;
        ++searches;
      }
    });
  }
  threads.emplace_back([&] {
    for (unsigned turn = 0; !done; ++turn) {
      const unsigned i = 100 + (turn % 50);
      put(std::vector{item(i)});
      if (turn % 3 == 0) EXPECT_EQ(need(engine_->erase("c", std::vector{item(i).id})), 1U);
    }
  });
  for (int times = 0; times < 2; ++times) {
    EXPECT_TRUE(migrate().switched);
    EXPECT_TRUE(eventually([&, before = of_other.load()] { return of_other > before; }));
    EXPECT_TRUE(migrate({.step = Step::rollback}).switched);
  }
  done = true;
  threads.clear();
  EXPECT_GT(searches, 10U);
  const auto info = need(engine_->describe("c"));
  EXPECT_EQ(info.spec.space.model, "default");
  expect_all_find_themselves("default", 5);
}

}  // namespace
}  // namespace eidetic
