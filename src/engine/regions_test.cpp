// Parts of pictures that find the whole, and copies among hits, through the whole engine.
#include "engine/regions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stop_token>

#include "base/test_files.h"
#include "engine/pictures.h"
#include "engine/test_engine.h"
#include "image/crop.h"
#include "image/encode.h"
#include "refine/augment.h"
#include "refine/test_copies.h"
#include "refine/test_textures.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(RegionPlans, DivideThePictureAsTheyAreNamed) {
  EXPECT_THAT(need(parse_regions("none")), IsEmpty());
  const auto tiles = need(parse_regions("2x4"));
  ASSERT_THAT(tiles, SizeIs(8));
  EXPECT_DOUBLE_EQ(tiles[5].x, .25);
  EXPECT_DOUBLE_EQ(tiles[5].y, .5);
  const auto multi = need(parse_regions("multi"));
  ASSERT_THAT(multi, SizeIs(18));
  EXPECT_DOUBLE_EQ(multi[4].x, .25);
  EXPECT_DOUBLE_EQ(multi[4].width, .5);
  EXPECT_DOUBLE_EQ(multi[17].y + multi[17].height, 1);
  for (const auto* wrong : {"1x1", "2x", "x2", "0x3", "17x16", "two", "2x3x4", "-1x2", "multi "}) {
    const auto refused = parse_regions(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("'{}'", wrong)));
  }
}

class RegionsTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen(bool run_jobs = false) {
    engine_.reset();
    engine_ = need(Engine::open({.data_dir = folder_ / "data", .run_jobs = run_jobs}));
  }
  static std::vector<std::byte> jpeg(const Image& image) { return need(encode_jpeg(image)); }
  // Four textures, each of a quarter of the picture.
  static Image scene(unsigned seed) {
    Image made = texture(400, 300, seed);
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      const Image part = texture(200, 150, (seed * 10) + quarter);
      const std::size_t x = quarter % 2 * 200;
      const std::size_t y = quarter / 2 * 150;
      for (std::size_t row = 0; row < 150; ++row) {
        std::copy_n(part.pixels.begin() + static_cast<std::ptrdiff_t>(row * 600), 600,
                    made.pixels.begin() + static_cast<std::ptrdiff_t>(((y + row) * 400 + x) * 3));
      }
    }
    return made;
  }
  void put_scenes(const std::string& collection, unsigned count) {
    std::vector<NewItem> items;
    for (unsigned i = 0; i < count; ++i) items.push_back({.id = fmt::format("scene {}", i), .bytes = jpeg(scene(i))});
    for (const auto& stored : need(engine_->put(collection, items))) need(stored);
  }
  static Query query_of(const Image& image, bool regions = true) {
    Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = jpeg(image)}}, .k = 3};
    query.regions = regions;
    return query;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

constexpr Crop kLowerLeft{.x = 0, .y = .5, .width = .5, .height = .5};

TEST_F(RegionsTest, APartFindsItsWholeAndTheHitSaysWhere) {
  need(engine_->create("c", {.regions = "2x2"}));
  put_scenes("c", 6);
  const auto info = need(engine_->describe("c"));
  EXPECT_EQ(info.regions, "2x2");
  EXPECT_EQ(info.parts, 24U);
  const Image part = need(crop_image(scene(3), kLowerLeft));
  const auto result = need(engine_->search("c", query_of(part)));
  ASSERT_THAT(result.hits, SizeIs(3));
  EXPECT_EQ(result.hits[0].id, "scene 3");
  EXPECT_GT(result.hits[0].similarity, .95);
  ASSERT_TRUE(result.hits[0].region);
  EXPECT_EQ(result.hits[0].region->x, 0);
  EXPECT_EQ(result.hits[0].region->y, .5);
  EXPECT_LT(need(engine_->search("c", query_of(part, false))).hits[0].similarity, result.hits[0].similarity);
  // The whole finds itself as a whole.
  const auto whole = need(engine_->search("c", query_of(scene(3))));
  EXPECT_EQ(whole.hits[0].id, "scene 3");
  EXPECT_FALSE(whole.hits[0].region);
  // A region that was found searches on, as a crop of the stored item.
  Query next{.terms = {{.kind = Term::Kind::id, .value = "scene 3", .crop = *result.hits[0].region}}, .k = 1};
  next.regions = true;
  const auto again = need(engine_->search("c", next));
  EXPECT_EQ(again.hits[0].id, "scene 3");
  EXPECT_EQ(again.hits[0].region->y, .5);
}

TEST_F(RegionsTest, AWholeFindsItsParts) {
  need(engine_->create("c", {}));
  std::vector<NewItem> items;
  for (unsigned i = 0; i < 8; ++i) items.push_back({.id = std::to_string(i), .bytes = jpeg(texture(200, 150, 30 + i))});
  for (const auto& stored : need(engine_->put("c", items))) need(stored);
  Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = jpeg(scene(3))}}, .k = 4};
  query.augment = Augmentation::parts;
  const auto result = need(engine_->search("c", query));
  std::vector<std::string> found;
  for (const auto& hit : result.hits) {
    found.push_back(hit.id);
    ASSERT_TRUE(hit.query_region) << hit.id;
    const int quarter = std::stoi(hit.id);
    EXPECT_DOUBLE_EQ(hit.query_region->x, quarter % 2 * .5) << hit.id;
    EXPECT_DOUBLE_EQ(hit.query_region->y, quarter / 2 * .5) << hit.id;  // NOLINT(bugprone-integer-division)
  }
  EXPECT_THAT(found, testing::UnorderedElementsAre("0", "1", "2", "3"));
}

TEST_F(RegionsTest, AreGivenToWhatIsThereAndGoOnWhereTheyStopped) {
  const auto photo = [&](unsigned i) { return folder_ / "photos" / fmt::format("{:03}.ppm", i); };
  constexpr unsigned kPhotos = 300;  // more than are stored together
  for (unsigned i = 0; i < kPhotos; ++i) write_picture(photo(i), i, 40, 30);
  need(engine_->create("c", {}));
  need(engine_->index("c", {.paths = {(folder_ / "photos").native()}}));
  for (const auto& stored : need(engine_->put(
           "c", std::vector{NewItem{.id = "zz bare",
                                    .vector = Vector(need(engine_->describe("c")).spec.space.dimensions, 1)}}))) {
    need(stored);
  }
  // One picture has changed and one is gone: the others get theirs.
  write_picture(photo(7), 9999, 40, 30);
  fs::remove(photo(8));

  std::stop_source stop;
  const auto stopped =
      need(engine_->set_regions("c", "1x2", [&](const IndexProgress&) { stop.request_stop(); }, stop.get_token()));
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.indexed, 254U);
  reopen();
  const auto report = need(engine_->set_regions("c", "1x2"));
  EXPECT_FALSE(report.interrupted);
  EXPECT_EQ(report.indexed, kPhotos - 256U);
  EXPECT_EQ(report.skipped, 255U);
  ASSERT_THAT(report.errors, SizeIs(2));
  EXPECT_THAT(report.errors[0].error.message, HasSubstr("has changed since it was indexed"));
  EXPECT_THAT(report.errors[1].error.message, HasSubstr("008.ppm"));
  EXPECT_EQ(need(engine_->describe("c")).parts, 2 * 298U);

  // What comes later gets regions as it comes, also in place of another picture.
  need(engine_->index("c", {.paths = {(folder_ / "photos").native()}}));
  EXPECT_EQ(need(engine_->describe("c")).parts, 2 * 299U);
  EXPECT_EQ(need(engine_->set_regions("c", "3x2")).indexed, 299U);
  EXPECT_EQ(need(engine_->describe("c")).parts, 6 * 299U);
  need(engine_->set_regions("c", "none"));
  EXPECT_EQ(need(engine_->describe("c")).parts, 0U);
  EXPECT_EQ(need(engine_->describe("c")).regions, "");
}

TEST_F(RegionsTest, AreGivenByAJobToo) {
  need(engine_->create("c", {}));
  put_scenes("c", 3);
  reopen(true);
  const auto job = ended(*engine_, need(engine_->start_regions("c", "2x2")).id);
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(job.kind, "regions");
  EXPECT_EQ(job.progress.indexed, 3U);
  EXPECT_EQ(need(engine_->describe("c")).parts, 12U);
}

TEST_F(RegionsTest, GoAlongIntoOtherCollectionsAndFiles) {
  need(engine_->create("c", {.regions = "2x2"}));
  put_scenes("c", 4);
  const auto finds = [&](const std::string& collection) {
    const auto result = need(engine_->search(collection, query_of(need(crop_image(scene(2), kLowerLeft)))));
    return result.hits[0].id == "scene 2" && result.hits[0].region && result.hits[0].region->y == .5;
  };
  need(engine_->export_collection("c", folder_ / "c.eidetic"));
  need(engine_->import_collection(folder_ / "c.eidetic", "imported"));
  EXPECT_EQ(need(engine_->describe("imported")).regions, "2x2");
  EXPECT_TRUE(finds("imported"));
  need(engine_->create("merged", {.regions = "2x2"}));
  need(engine_->merge("merged", "c", true));
  EXPECT_TRUE(finds("merged"));
  need(engine_->create("other", {.regions = "1x2"}));
  need(engine_->merge("other", "c", true));
  EXPECT_EQ(need(engine_->describe("other")).parts, 0U) << "the regions of another plan";
}

TEST_F(RegionsTest, WhatCannotBeSearchedByThemSaysSo) {
  need(engine_->create("c", {}));
  put_scenes("c", 1);
  const auto refused = engine_->search("c", query_of(scene(0)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("eidetic regions -c c multi"));
  need(engine_->create("bare", {.dimensions = 4}));
  EXPECT_FALSE(engine_->set_regions("bare", "2x2"));
  EXPECT_FALSE(engine_->create("both", {.dimensions = 4, .regions = "2x2"}));
  EXPECT_FALSE(engine_->set_regions("c", "many"));
  EXPECT_EQ(engine_->set_regions("nobody", "2x2").error().code, ErrorCode::not_found);
  Query cropped{.terms = {{.kind = Term::Kind::id, .value = "vector", .crop = kLowerLeft}}};
  for (const auto& stored : need(engine_->put(
           "c", std::vector{NewItem{.id = "vector",
                                    .vector = Vector(need(engine_->describe("c")).spec.space.dimensions, 1)}}))) {
    need(stored);
  }
  const auto no_picture = engine_->search("c", cropped);
  ASSERT_FALSE(no_picture);
  EXPECT_THAT(no_picture.error().message, HasSubstr("'vector' has no picture"));
}

TEST_F(RegionsTest, CopiesAreToldWithTheBestOfThem) {
  need(engine_->create("c", {}));
  std::vector<NewItem> items;
  const Image original = textured_picture(1);
  items.push_back({.id = "original", .bytes = jpeg(original)});
  items.push_back({.id = "small", .bytes = jpeg(resize_image(original, 200, 150))});
  items.push_back({.id = "mirror", .bytes = jpeg(mirrored(original))});
  items.push_back({.id = "same", .bytes = jpeg(original)});
  for (unsigned i = 2; i < 6; ++i) {
    items.push_back({.id = fmt::format("other {}", i), .bytes = jpeg(textured_picture(i))});
  }
  for (const auto& stored : need(engine_->put("c", items))) need(stored);
  Query query{.terms = {{.kind = Term::Kind::id, .value = "original"}}, .k = 3};
  EXPECT_THAT(need(engine_->search("c", query)).hits, Each(Field(&SearchHit::copies, IsEmpty())));
  query.collapse = true;
  const auto result = need(engine_->search("c", query));
  ASSERT_THAT(result.hits, SizeIs(3)) << "others come in the place of copies";
  EXPECT_EQ(result.hits[0].id, "original");
  std::vector<std::string> copies;
  for (const CopyOf& copy : result.hits[0].copies) {
    copies.push_back(copy.id);
    EXPECT_GE(copy.copy_score, kDefaultCopyScore);
  }
  EXPECT_THAT(copies, testing::UnorderedElementsAre("same", "small", "mirror"));
  EXPECT_THAT(result.hits[1].id, HasSubstr("other"));
  EXPECT_EQ(result.explanation.copies, 3U);
  // All of a small collection: there are no more.
  query.k = 100;
  EXPECT_THAT(need(engine_->search("c", query)).hits, SizeIs(5));
}

}  // namespace
}  // namespace eidetic
