#include "remote/upload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/test_files.h"
#include "blobs/router.h"

namespace eidetic::remote {
namespace {

using testing::ElementsAre;

Item item(std::string id, std::string uri) {
  Item made;
  made.id = std::move(id);
  made.uri = std::move(uri);
  return made;
}

Json parsed(std::string_view text) { return parse_json(text, "test").value(); }

TEST(UploadPlan, PairsPicturesWithItemsAndMetadata) {
  TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "m.csv", "file,kind\nb,cat\n"));
  std::vector<ItemError> errors;
  const auto blobs = make_blobs();
  const IndexRequest request{.metadata_file = folder / "m.csv"};
  GivenMetadata metadata = GivenMetadata::open(request, *blobs, errors).value();
  PictureList pictures;
  for (const auto* id : {"a", "b", "c"}) pictures.pictures.push_back({.id = id, .uri = id});
  UploadPlanner planner(std::move(pictures), metadata, request);
  planner.meet(item("0", "stored:0"));
  Item known = item("b", "stored:1");
  known.content_hash = "hash";
  known.size_bytes = 5;
  known.metadata = R"({"x":1})";
  planner.meet(known);
  planner.meet(item("z", "stored:2"));
  const UploadPlan plan = planner.finish();
  ASSERT_EQ(plan.tasks.size(), 3U);
  EXPECT_EQ(plan.tasks[0].stored_hash, "");
  EXPECT_EQ(plan.tasks[0].metadata, std::nullopt);
  EXPECT_EQ(plan.tasks[1].stored_hash, "hash");
  EXPECT_EQ(plan.tasks[1].stored_bytes, 5U);
  EXPECT_EQ(plan.tasks[1].stored_metadata, R"({"x":1})");
  EXPECT_EQ(plan.tasks[1].metadata, R"({"kind":"cat"})");
  EXPECT_TRUE(plan.gone.empty());
}

TEST(UploadPlan, PrunesOnlyWhatWasSentAndIsInNoFolder) {
  TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "there", "x"));
  GivenMetadata metadata;
  PictureList pictures;
  pictures.folders = {folder.path()};
  UploadPlanner planner(pictures, metadata, {.prune = true});
  planner.meet(item("another", "file:///another"));
  planner.meet(item("gone/1.jpg", "stored:1"));
  planner.meet(item("there", "stored:2"));
  EXPECT_THAT(planner.finish().gone, ElementsAre("gone/1.jpg"));

  pictures.folders = {};
  UploadPlanner without_folders(pictures, metadata, {.prune = true});
  without_folders.meet(item("gone/1.jpg", "stored:1"));
  EXPECT_TRUE(without_folders.finish().gone.empty());
}

TEST(MergePatch, MakesOneObjectOfTheOther) {
  EXPECT_EQ(merge_patch(R"({"a":1,"b":"x"})", R"({"b":"x","a":1})"), "");
  const Json patch = parsed(merge_patch(R"({"a":1,"b":{"c":2},"d":4})", R"({"a":2,"b":{"c":2},"e":[1]})"));
  EXPECT_EQ(patch, parsed(R"({"a":2,"d":null,"e":[1]})"));
  Json object = parsed(R"({"a":1,"b":{"c":2},"d":4})");
  object.merge_patch(patch);
  EXPECT_EQ(object, parsed(R"({"a":2,"b":{"c":2},"e":[1]})"));
  object.merge_patch(parsed(merge_patch(object.dump(), R"({"a":2,"b":{"d":3}})")));
  EXPECT_EQ(object, parsed(R"({"a":2,"b":{"d":3}})"));
}

}  // namespace
}  // namespace eidetic::remote
