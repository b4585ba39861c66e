#include "blobs/item_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"
#include "blobs/router.h"
#include "blobs/uri.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SidecarTest : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(write_file_atomically(folder_ / name, content));
  }
  std::string said(GivenMetadata& given, const std::string& name) {
    return given.of({.id = name, .uri = file_uri(folder_ / name)}, errors_).value_or("nothing");
  }
  GivenMetadata open(IndexRequest request) {
    if (!request.metadata_file.empty()) request.metadata_file = folder_ / request.metadata_file.native();
    return GivenMetadata::open(request, *blobs_, errors_).value();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Blobs> blobs_ = make_blobs();
  std::vector<ItemError> errors_;
};

TEST_F(SidecarTest, LiesBesideThePictureUnderEitherName) {
  write("a.jpg.json", R"({"title": "A", "place": {"city": "Bonn", "country": null}})");
  write("b.json", R"({"title": "B"})");
  write("c.jpg.json", R"({"title": "first"})");
  write("c.json", R"({"title": "second"})");
  auto given = open({.sidecars = true});
  EXPECT_EQ(said(given, "a.jpg"), R"({"place":{"city":"Bonn"},"title":"A"})");
  EXPECT_EQ(said(given, "b.jpg"), R"({"title":"B"})");
  EXPECT_EQ(said(given, "c.jpg"), R"({"title":"first"})");
  EXPECT_EQ(said(given, "d.jpg"), "nothing");
  auto without = open({});
  EXPECT_EQ(said(without, "a.jpg"), "nothing");
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(SidecarTest, ARowOfTheMetadataFileComesFirst) {
  write("a.jpg.json", R"({"title": "sidecar", "stars": 3})");
  write("m.jsonl", R"({"file": "a.jpg", "title": "row"})");
  auto given = open({.metadata_file = "m.jsonl", .sidecars = true});
  EXPECT_EQ(said(given, "a.jpg"), R"({"stars":3,"title":"row"})");
}

TEST_F(SidecarTest, OneThatCannotBeReadSaysNothing) {
  write("a.jpg.json", "[1]");
  write("b.jpg.json", "{");
  write("c.jpg.json", std::string(kMaxSidecarBytes + 1, ' '));
  write("m.csv", "file,x\na.jpg,1\n");
  auto given = open({.metadata_file = "m.csv", .sidecars = true});
  EXPECT_EQ(said(given, "a.jpg"), R"({"x":1})");
  EXPECT_EQ(said(given, "b.jpg"), "nothing");
  EXPECT_EQ(said(given, "c.jpg"), "nothing");
  ASSERT_EQ(errors_.size(), 3U);
  for (const auto& [uri, error] : errors_) EXPECT_THAT(error.message, HasSubstr(".jpg.json"));
}

TEST_F(SidecarTest, IsReadOnlyWhereFilesMayBeRead) {
  TemporaryDirectory elsewhere;
  ASSERT_TRUE(write_file_atomically(elsewhere / "secret.json", R"({"secret": 1})"));
  std::filesystem::create_symlink(elsewhere / "secret.json", folder_ / "a.jpg.json");
  const std::vector<std::filesystem::path> roots = {folder_.path()};
  blobs_ = make_blobs({.roots = FileRoots(roots)});
  auto given = open({.sidecars = true});
  EXPECT_EQ(said(given, "a.jpg"), "nothing");
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_THAT(errors_[0].error.message, testing::Not(HasSubstr(elsewhere.path().native())));
}

Item stored(std::string metadata) {
  Item item;
  item.metadata = std::move(metadata);
  return item;
}

TEST(PlanMetadata, ReadsExifOnceForAPicture) {
  const Item bare = stored(R"({"a":1})");
  const Item known = stored(R"({"a":1,"exif":{"iso":100}})");
  EXPECT_EQ(plan_metadata({}, nullptr, false, ExifFields::camera).exif, ExifFields::camera);
  EXPECT_EQ(plan_metadata({}, &bare, true, ExifFields::camera).exif, ExifFields::camera);
  EXPECT_EQ(plan_metadata({}, &known, true, ExifFields::camera).exif, ExifFields::none);
  EXPECT_EQ(plan_metadata({}, &known, true, ExifFields::camera).text, std::nullopt);
  EXPECT_EQ(plan_metadata({}, &known, false, ExifFields::camera).exif, ExifFields::camera);
  EXPECT_EQ(plan_metadata({}, &known, true, ExifFields::none).exif, ExifFields::none);
}

TEST(PlanMetadata, TheChoiceOfThePlaceIsFollowedBothWays) {
  const Item without = stored(R"({"exif":{"iso":100}})");
  const Item with = stored(R"({"exif":{"gps":null,"iso":100}})");
  EXPECT_EQ(plan_metadata({}, &without, true, ExifFields::gps).exif, ExifFields::gps);
  EXPECT_EQ(plan_metadata({}, &with, true, ExifFields::gps).exif, ExifFields::none);
  EXPECT_EQ(plan_metadata({}, &with, true, ExifFields::camera).exif, ExifFields::camera);
}

TEST(PlanMetadata, WhatIsGivenReplacesAllButExif) {
  const Item known = stored(R"({"a":1,"exif":{"iso":100}})");
  const auto plan = plan_metadata(R"({"b":2})", &known, true, ExifFields::camera);
  EXPECT_EQ(plan.text, R"({"b":2,"exif":{"iso":100}})");
  EXPECT_EQ(plan.exif, ExifFields::none);
  const auto own = plan_metadata(R"({"exif":"mine"})", &known, true, ExifFields::camera);
  EXPECT_EQ(own.text, R"({"exif":"mine"})");
  EXPECT_EQ(own.exif, ExifFields::none);
  EXPECT_EQ(plan_metadata(R"({"b":2})", &known, true, ExifFields::none).text, R"({"b":2})");
}

TEST(WithExif, TakesThePlaceOfWhatWasThere) {
  EXPECT_EQ(with_exif(R"({"a":1,"exif":{"old":1}})", {{"iso", 200}}), R"({"a":1,"exif":{"iso":200}})");
}

}  // namespace
}  // namespace eidetic
