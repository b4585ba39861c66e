// Duplicates through the whole engine: groups of a collection, and copies on their way in.
#include "engine/duplicates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/hash.h"
#include "base/test_files.h"
#include "catalog/hash_cache.h"
#include "engine/test_engine.h"
#include "image/encode.h"
#include "refine/augment.h"
#include "refine/test_copies.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class DuplicatesTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    engine_.reset();
    EngineOptions options;
    options.data_dir = folder_ / "data";
    engine_ = need(Engine::open(options));
    if (!engine_->describe("c")) need(engine_->create("c", {}));
  }
  fs::path write(const std::string& name, const Image& picture, int quality = 90) {
    const fs::path file = folder_ / "photos" / name;
    fs::create_directories(file.parent_path());
    need(write_file_atomically(file, as_text(need(encode_jpeg(picture, quality)))));
    return file;
  }
  static std::string_view as_text(const std::vector<std::byte>& bytes) {
    text_ = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text_;
  }
  IndexReport index(OnDuplicate what = OnDuplicate::store) {
    IndexRequest request{.paths = {(folder_ / "photos").native()}};
    request.on_duplicate = what;
    return need(engine_->index("c", request));
  }
  // An original (0.jpg), a small copy, a crop, a mirrored one, the same bytes again, and three strangers.
  void write_family() {
    const Image original = textured_picture(1);
    const auto file = write("0.jpg", original);
    write("small.jpg", resize_image(original, 200, 150));
    write("crop.jpg", cropped(original, 40, 20, 250, 200));
    write("mirror.jpg", mirrored(original), 60);
    fs::copy_file(file, folder_ / "photos/same.jpg");
    for (unsigned i = 2; i < 5; ++i) write(fmt::format("other{}.jpg", i), textured_picture(i));
  }
  static std::vector<std::string> ids(const DuplicateGroup& group) {
    std::vector<std::string> found;
    for (const auto& member : group.members) found.push_back(member.id);
    return found;
  }
  static const DuplicateGroup::Member& member(const DuplicateGroup& group, const std::string& id) {
    return *std::ranges::find(group.members, id, &DuplicateGroup::Member::id);
  }
  std::uint64_t items() { return need(engine_->describe("c")).items; }

  inline static std::string text_;
  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(DuplicatesTest, GroupsEditsAndLeavesOthersAlone) {
  write_family();
  index();
  std::vector<std::string> stages;
  const auto report = need(engine_->duplicates("c", {}, [&](const DuplicatesProgress& now) {
    if (stages.empty() || stages.back() != now.stage) stages.push_back(now.stage);
  }));
  EXPECT_THAT(stages, ElementsAre("items", "neighbors", "hashes", "pictures"));
  EXPECT_EQ(report.collection, "c");
  EXPECT_EQ(report.items, 8U);
  EXPECT_EQ(report.groups, 1U);
  EXPECT_EQ(report.duplicates, 4U);
  EXPECT_EQ(report.exact, 1U);
  ASSERT_THAT(report.found, SizeIs(1));
  const auto& group = report.found[0];
  EXPECT_THAT(ids(group), UnorderedElementsAre("0.jpg", "same.jpg", "small.jpg", "crop.jpg", "mirror.jpg"));
  EXPECT_EQ(group.centre, "0.jpg");
  // The largest is to be kept; of equals the first.
  EXPECT_THAT(group.members[0].id, testing::AnyOf("0.jpg", "same.jpg"));
  EXPECT_EQ(group.members[0].width, 320);
  EXPECT_EQ(group.members.back().id, "small.jpg");
  EXPECT_EQ(member(group, "same.jpg").evidence, CopyEvidence::content);
  EXPECT_EQ(member(group, "crop.jpg").evidence, CopyEvidence::pixels);
  EXPECT_GT(member(group, "crop.jpg").copy_score, 0.9);
  EXPECT_LE(member(group, "mirror.jpg").hash_distance, 4);
}

TEST_F(DuplicatesTest, WithoutAVerificationCropsAreNotFound) {
  write_family();
  index();
  const auto report = need(engine_->duplicates("c", {.verify = Verify::never}));
  EXPECT_EQ(report.verified, 0U);
  ASSERT_THAT(report.found, SizeIs(1));
  EXPECT_THAT(ids(report.found[0]), UnorderedElementsAre("0.jpg", "same.jpg", "small.jpg", "mirror.jpg"));
  EXPECT_EQ(need(engine_->duplicates("c", {.verify = Verify::always})).verified, report.pairs);
}

TEST_F(DuplicatesTest, LooksOnlyAtWhatPassesTheFilterAndTellsAsManyGroupsAsAskedFor) {
  write_family();
  write("second.jpg", textured_picture(2), 50);
  index();
  need(engine_->patch("c", "small.jpg", R"({"keep":true})"));
  need(engine_->patch("c", "0.jpg", R"({"keep":true})"));
  const auto some = need(engine_->duplicates("c", {.filter = "keep"}));
  EXPECT_EQ(some.items, 2U);
  EXPECT_EQ(some.duplicates, 1U);
  const auto one = need(engine_->duplicates("c", {.limit = 1}));
  EXPECT_EQ(one.groups, 2U);
  EXPECT_EQ(one.duplicates, 5U);
  ASSERT_THAT(one.found, SizeIs(1));
  EXPECT_THAT(one.found[0].members, SizeIs(5));
  EXPECT_THAT(engine_->duplicates("c", {.filter = "kept"}).error().message, HasSubstr("kept"));
}

TEST_F(DuplicatesTest, BareVectorsAreJudgedByThemselvesAndMissingPicturesToo) {
  write_family();
  index();
  const auto vector = need(engine_->get("c", std::vector<std::string>{"other2.jpg"}, true))[0]->vector;
  Vector near = vector;
  near[0] += 0.001F;
  const std::vector<NewItem> bare = {{.id = "bare", .vector = near}};
  need(need(engine_->put("c", bare))[0]);
  fs::remove(folder_ / "photos/mirror.jpg");
  const auto report = need(engine_->duplicates("c", {}));
  EXPECT_EQ(report.unreadable, 1U);
  ASSERT_THAT(report.found, SizeIs(2));
  EXPECT_THAT(ids(report.found[1]), UnorderedElementsAre("bare", "other2.jpg"));
  const auto& judged = report.found[1].members[report.found[1].centre == "bare" ? 0 : 1];
  EXPECT_EQ(judged.evidence, CopyEvidence::vectors);
  EXPECT_FALSE(judged.hash_distance);
}

TEST_F(DuplicatesTest, HashesAreKeptForTheNextTime) {
  write_family();
  index();
  need(engine_->duplicates("c", {.verify = Verify::never}));
  fs::remove_all(folder_ / "photos");
  reopen();
  const auto report = need(engine_->duplicates("c", {.verify = Verify::never}));
  EXPECT_EQ(report.unreadable, 0U);
  EXPECT_EQ(report.duplicates, 3U);
}

TEST_F(DuplicatesTest, RefusesWhatIsOutOfBounds) {
  for (const DuplicatesRequest& wrong : {DuplicatesRequest{.min_copy_score = 1.5}, DuplicatesRequest{.neighbors = 0},
                                         DuplicatesRequest{.neighbors = 101}, DuplicatesRequest{.limit = 0}}) {
    EXPECT_EQ(engine_->duplicates("c", wrong).error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(engine_->duplicates("d", {}).error().code, ErrorCode::not_found);
  EXPECT_THAT(need(engine_->duplicates("c", {})).found, IsEmpty());
  write_family();
  index();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(engine_->duplicates("c", {}, {}, stop.get_token()).error().code, ErrorCode::unavailable);
}

// --- on the way in ---

TEST_F(DuplicatesTest, IndexingSkipsCopiesOfWhatIsThereAndOfWhatComesWithThem) {
  write("a.jpg", textured_picture(1));
  index();
  write("a-small.jpg", resize_image(textured_picture(1), 200, 150));
  write("b.jpg", textured_picture(2));
  write("b-crop.jpg", cropped(textured_picture(2), 40, 20, 250, 200));
  const auto report = index(OnDuplicate::skip);
  EXPECT_EQ(report.indexed, 1U);
  EXPECT_EQ(report.duplicates, 2U);
  EXPECT_EQ(report.skipped, 3U);
  EXPECT_EQ(items(), 2U);
  ASSERT_THAT(report.copies, SizeIs(2));
  for (const auto& [uri, of] : report.copies) {
    EXPECT_THAT(uri, HasSubstr(of.id.substr(0, 1)));
    EXPECT_GE(of.copy_score, 0.5);
  }
  // Changed pictures are looked for too, but never beside what they replace.
  write("a.jpg", resize_image(textured_picture(1), 300, 220));
  EXPECT_EQ(index(OnDuplicate::skip).indexed, 1U);
}

TEST_F(DuplicatesTest, IndexingReportsCopiesAndStoresThem) {
  write("a.jpg", textured_picture(1));
  write("b.jpg", textured_picture(1), 40);
  const auto report = index(OnDuplicate::report);
  EXPECT_EQ(report.indexed, 2U);
  EXPECT_EQ(report.duplicates, 1U);
  EXPECT_EQ(items(), 2U);
  EXPECT_EQ(index().duplicates, 0U);
}

TEST_F(DuplicatesTest, PuttingSaysWhatIsACopyOfWhat) {
  const auto bytes = [](const Image& picture) { return encode_jpeg(picture, 80).value(); };
  const std::vector<NewItem> items = {
      {.id = "a", .bytes = bytes(textured_picture(1))},
      {.id = "b", .bytes = bytes(resize_image(textured_picture(1), 200, 150))},
      {.id = "c", .bytes = bytes(textured_picture(2))},
      {.id = "d", .bytes = bytes(resize_image(textured_picture(1), 210, 150))},
  };
  const auto skipped = need(engine_->put("c", items, OnDuplicate::skip));
  EXPECT_EQ(skipped[0]->outcome, PutOutcome::created);
  EXPECT_FALSE(skipped[0]->copy_of);
  EXPECT_EQ(skipped[1]->outcome, PutOutcome::skipped);
  EXPECT_EQ(skipped[1]->copy_of->id, "a");
  EXPECT_EQ(skipped[2]->outcome, PutOutcome::created);
  // Not of b, which is not there.
  EXPECT_EQ(skipped[3]->copy_of->id, "a");
  EXPECT_EQ(this->items(), 2U);

  const auto reported = need(engine_->put("c", items, OnDuplicate::report));
  EXPECT_EQ(reported[0]->outcome, PutOutcome::unchanged);
  EXPECT_EQ(reported[1]->outcome, PutOutcome::created);
  EXPECT_EQ(reported[1]->copy_of->id, "a");
  EXPECT_EQ(this->items(), 4U);

  const std::vector<NewItem> same = {{.id = "again", .bytes = items[2].bytes}};
  EXPECT_EQ(need(engine_->put("c", same, OnDuplicate::skip))[0]->copy_of->evidence, CopyEvidence::content);
}

// What comes first is skipped as a copy of what is there; that must not keep the new version of the latter out.
TEST_F(DuplicatesTest, AnItemIsNeverHeldAgainstItself) {
  const auto bytes = [](std::int32_t width) {
    return encode_jpeg(resize_image(textured_picture(1), width, width * 3 / 4), 80).value();
  };
  const std::vector<NewItem> before = {{.id = "a", .bytes = bytes(320)}};
  need(need(engine_->put("c", before))[0]);
  const std::vector<NewItem> items = {{.id = "copy", .bytes = bytes(200)}, {.id = "a", .bytes = bytes(300)}};
  const auto results = need(engine_->put("c", items, OnDuplicate::skip));
  EXPECT_EQ(results[0]->outcome, PutOutcome::skipped);
  EXPECT_EQ(results[1]->outcome, PutOutcome::replaced);
}

TEST_F(DuplicatesTest, JobsSkipButDoNotReport) {
  write("a.jpg", textured_picture(1));
  IndexRequest request{.paths = {(folder_ / "photos").native()}};
  request.on_duplicate = OnDuplicate::report;
  EXPECT_EQ(engine_->start_index("c", request).error().code, ErrorCode::invalid_argument);
  engine_.reset();
  EngineOptions options;
  options.data_dir = folder_ / "data";
  options.run_jobs = true;
  engine_ = need(Engine::open(options));
  const std::vector<NewItem> twice = {
      {.id = "a", .bytes = encode_jpeg(textured_picture(1), 80).value()},
      {.id = "b", .bytes = encode_jpeg(textured_picture(1), 70).value()},
  };
  EXPECT_EQ(engine_->start_put("c", twice, OnDuplicate::report).error().code, ErrorCode::invalid_argument);
  const auto job = ended(*engine_, need(engine_->start_put("c", twice, OnDuplicate::skip)).id);
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(job.progress.indexed, 1U);
  EXPECT_EQ(job.progress.skipped, 1U);
}

// --- groups ---

TEST(MakeStars, DoesNotChain) {
  // 0 - 1 - 2 - 3 - 4: each is like the next.
  const std::vector<CopyEdge> chain = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};
  const auto stars = make_stars(std::vector<std::uint64_t>(5), chain);
  ASSERT_THAT(stars, SizeIs(2));
  EXPECT_EQ(stars[0].centre, 1U);
  EXPECT_THAT(stars[0].others, UnorderedElementsAre(0U, 1U));
  EXPECT_EQ(stars[1].centre, 3U);
  EXPECT_THAT(stars[1].others, ElementsAre(3U));
}

TEST(MakeStars, TakesEveryItemOnceAndLargeGroupsFirst) {
  const std::vector<CopyEdge> edges = {{0, 1}, {2, 5}, {3, 5}, {4, 5}, {2, 3}, {1, 4}};
  const auto stars = make_stars(std::vector<std::uint64_t>(7), edges);
  ASSERT_THAT(stars, SizeIs(2));
  EXPECT_EQ(stars[0].centre, 5U);
  EXPECT_THAT(stars[0].others, UnorderedElementsAre(1U, 2U, 3U));
  EXPECT_EQ(stars[1].centre, 0U);
  EXPECT_THAT(make_stars(std::vector<std::uint64_t>(3), {}), IsEmpty());
  // Of a pair the larger is the centre.
  const std::vector<CopyEdge> pair = {{0, 1}};
  EXPECT_EQ(make_stars(std::vector<std::uint64_t>{1, 2}, pair)[0].centre, 1U);
}

}  // namespace
}  // namespace eidetic
