#include "engine/ingest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_files.h"
#include "blobs/router.h"
#include "engine/test_parts.h"
#include "engine/test_pictures.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class IngestTest : public testing::Test {
 protected:
  Result<IndexReport> run(IndexRequest request = {}, const std::function<void(const IndexProgress&)>& progress = {},
                          const std::stop_token& stop = {}) {
    if (request.paths.empty()) request.paths = {(folder_ / "pictures").native()};
    return ingest({backend_, *blobs_, s3_, embedder_, {}}, "c", request, progress, stop);
  }
  void draw(const std::string& name, unsigned seed) { write_picture(folder_ / "pictures" / name, seed, 20, 10); }
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(write_file_atomically(folder_ / name, content));
  }
  std::vector<std::string> stored() const {
    std::vector<std::string> ids;
    for (const auto& [id, item] : backend_.items) ids.push_back(id);
    return ids;
  }

  TemporaryDirectory folder_;
  MemoryBackend backend_{mean_colour_spec()};
  MeanColour embedder_;
  S3Client s3_{S3Options{}};
  std::unique_ptr<Blobs> blobs_ = make_blobs();
};

TEST_F(IngestTest, StoresNewPicturesInBatches) {
  for (unsigned i = 0; i < 10; ++i) draw(fmt::format("{}.ppm", i), i);
  const auto report = run({.batch = 4});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->indexed, 10U);
  EXPECT_EQ(report->failed, 0U);
  EXPECT_FALSE(report->interrupted);
  EXPECT_THAT(backend_.upserted, testing::Each(testing::Le(4U)));
  const auto& item = backend_.items.at("3.ppm");
  EXPECT_THAT(item.uri, HasSubstr("pictures/3.ppm"));
  EXPECT_EQ(item.size_bytes, fs::file_size(folder_ / "pictures/3.ppm"));
  EXPECT_EQ(item.content_hash.size(), 64U);
  for (const auto& stage : report->stages) EXPECT_EQ(stage.items, 10U) << stage.stage;
}

TEST_F(IngestTest, EmbedsNothingTwice) {
  for (unsigned i = 0; i < 8; ++i) draw(fmt::format("{}.ppm", i), i);
  ASSERT_TRUE(run());
  const auto again = run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->skipped, 8U);
  EXPECT_EQ(again->indexed, 0U);
  EXPECT_EQ(embedder_.embedded, 8);

  // Touched, yet the same bytes: the hash tells.
  fs::last_write_time(folder_ / "pictures/5.ppm", fs::file_time_type::clock::now() + std::chrono::hours(1));
  const auto touched = run();
  ASSERT_TRUE(touched);
  EXPECT_EQ(touched->skipped, 8U);
  EXPECT_EQ(touched->updated, 1U);
  EXPECT_EQ(embedder_.embedded, 8);
  EXPECT_EQ(run()->updated, 0U);

  draw("5.ppm", 77);
  const auto changed = run();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->indexed, 1U);
  EXPECT_EQ(changed->skipped, 7U);
  EXPECT_EQ(embedder_.embedded, 9);
}

TEST_F(IngestTest, OneBadPictureFailsAlone) {
  draw("a.ppm", 1);
  draw("c.ppm", 2);
  write("pictures/b.jpg", "this is no picture");
  write("pictures/empty.png", "");
  const auto report = run();
  ASSERT_TRUE(report);
  EXPECT_THAT(stored(), ElementsAre("a.ppm", "c.ppm"));
  EXPECT_EQ(report->failed, 2U);
  ASSERT_EQ(report->errors.size(), 2U);
  EXPECT_THAT(report->errors[0].uri, HasSubstr("b.jpg"));
  EXPECT_THAT(report->errors[0].error.message, HasSubstr("b.jpg"));
  EXPECT_THAT(report->errors[1].error.message, HasSubstr("empty.png"));
}

TEST_F(IngestTest, MetadataAloneIsUpdatedWithoutEmbedding) {
  draw("a.ppm", 1);
  draw("b.ppm", 2);
  write("facts.csv", "file,label,price\na.ppm,red,3\ngone.ppm,x,1\n");
  const IndexRequest request{.paths = {}, .metadata_file = folder_ / "facts.csv"};
  ASSERT_TRUE(run());
  const auto report = run(request);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->indexed, 0U);
  EXPECT_EQ(report->skipped, 2U);
  EXPECT_EQ(report->updated, 1U);
  EXPECT_EQ(report->failed, 0U);
  ASSERT_EQ(report->errors.size(), 1U);
  EXPECT_EQ(report->errors[0].error.code, ErrorCode::not_found);
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"label":"red","price":3})");
  EXPECT_EQ(embedder_.embedded, 2);
  EXPECT_EQ(run(request)->updated, 0U);

  // What is known of a picture outlives a change of the picture.
  draw("a.ppm", 3);
  ASSERT_TRUE(run());
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"label":"red","price":3})");
}

TEST_F(IngestTest, ExifIsReadOnceAndEmbedsNothing) {
  draw("a.ppm", 1);
  draw("b.ppm", 2);
  write("facts.jsonl", R"({"file": ".\\a.ppm", "label": "red"})");
  ASSERT_TRUE(run());
  const auto counted = [&](ExifFields exif, const fs::path& facts = {}) {
    const auto report = run({.paths = {}, .metadata_file = facts, .exif = exif});
    EXPECT_TRUE(report) << report.error().message;
    return std::pair(report->updated, report->stages[2].items);  // those that were read
  };
  EXPECT_EQ(counted(ExifFields::camera), std::pair(2UL, 2UL));
  EXPECT_EQ(backend_.items.at("b.ppm").metadata, R"({"exif":{"height":10,"width":20}})");
  EXPECT_EQ(counted(ExifFields::camera), std::pair(0UL, 0UL));
  EXPECT_EQ(counted(ExifFields::camera, folder_ / "facts.jsonl"), std::pair(1UL, 0UL));
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"exif":{"height":10,"width":20},"label":"red"})");
  EXPECT_EQ(counted(ExifFields::gps), std::pair(2UL, 2UL));
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"exif":{"gps":null,"height":10,"width":20},"label":"red"})");
  EXPECT_EQ(counted(ExifFields::gps), std::pair(0UL, 0UL));
  EXPECT_EQ(counted(ExifFields::camera), std::pair(2UL, 2UL));
  EXPECT_EQ(backend_.items.at("b.ppm").metadata, R"({"exif":{"height":10,"width":20}})");
  EXPECT_EQ(embedder_.embedded, 2);

  // A new picture has it from the start, one that changed has it anew.
  draw("c.ppm", 3);
  write_picture(folder_ / "pictures/b.ppm", 4, 30, 10);
  ASSERT_TRUE(run({.exif = ExifFields::camera}));
  EXPECT_EQ(backend_.items.at("c.ppm").metadata, R"({"exif":{"height":10,"width":20}})");
  EXPECT_EQ(backend_.items.at("b.ppm").metadata, R"({"exif":{"height":10,"width":30}})");
}

TEST_F(IngestTest, WhatAnotherCallSaysMeanwhileStays) {
  draw("changed.ppm", 1);
  draw("new.ppm", 2);
  draw("said.ppm", 3);
  draw("swapped.ppm", 4);
  ASSERT_TRUE(run());
  backend_.items.erase("new.ppm");
  draw("changed.ppm", 5);
  write("facts.csv", "file,label\nsaid.ppm,red\nswapped.ppm,blue\n");

  Item fresh;
  fresh.id = "new.ppm";
  fresh.content_hash = "another picture";
  fresh.metadata = R"({"by":"another"})";
  fresh.vector = Vector(3, 0.5F);
  backend_.listed = [&] {
    backend_.items["new.ppm"] = fresh;
    backend_.items["changed.ppm"].metadata = R"({"by":"another"})";
    backend_.items["said.ppm"].metadata = R"({"by":"another"})";
    backend_.items["swapped.ppm"].content_hash = "another picture";
  };
  const auto report = run({.metadata_file = folder_ / "facts.csv"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(backend_.items.at("new.ppm").metadata, R"({"by":"another"})");
  EXPECT_EQ(backend_.items.at("changed.ppm").metadata, R"({"by":"another"})");
  EXPECT_EQ(backend_.items.at("said.ppm").metadata, R"({"label":"red"})");
  // Facts of the picture that it was are not given to the one that it is now.
  EXPECT_EQ(backend_.items.at("swapped.ppm").content_hash, "another picture");
  ASSERT_EQ(report->errors.size(), 1U);
  EXPECT_THAT(report->errors[0].error.message, HasSubstr("'swapped.ppm' was changed by another call"));
}

TEST_F(IngestTest, ASidecarThatChangesUpdatesItsItem) {
  draw("a.ppm", 1);
  draw("b.ppm", 2);
  write("pictures/a.ppm.json", R"({"title": "first"})");
  const IndexRequest request{.sidecars = true};
  ASSERT_TRUE(run(request));
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"title":"first"})");
  EXPECT_EQ(backend_.items.at("b.ppm").metadata, "{}");
  EXPECT_EQ(run(request)->updated, 0U);

  write("pictures/a.ppm.json", R"({"title": "second"})");
  write("pictures/b.json", "no object");
  const auto report = run(request);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->updated, 1U);
  EXPECT_EQ(report->failed, 0U);
  ASSERT_EQ(report->errors.size(), 1U);
  EXPECT_THAT(report->errors[0].error.message, HasSubstr("b.json"));
  EXPECT_EQ(backend_.items.at("a.ppm").metadata, R"({"title":"second"})");
  EXPECT_EQ(embedder_.embedded, 2);
}

TEST_F(IngestTest, PrunesOnlyWhatIsGoneFromTheFoldersGiven) {
  draw("a.ppm", 1);
  draw("sub/b.ppm", 2);
  draw("sub/c.ppm", 3);
  write_picture(folder_ / "elsewhere/d.ppm", 4);
  ASSERT_TRUE(run({.paths = {(folder_ / "pictures").native(), (folder_ / "elsewhere").native()}}));
  fs::remove(folder_ / "pictures/sub/b.ppm");
  fs::remove(folder_ / "elsewhere/d.ppm");
  EXPECT_EQ(run()->removed, 0U);
  // Given alone, `sub` knows c.ppm under another id: nothing of it is gone.
  EXPECT_EQ(run({.prune = true})->removed, 1U);
  EXPECT_THAT(stored(), ElementsAre("a.ppm", "d.ppm", "sub/c.ppm"));
}

TEST_F(IngestTest, AnotherPictureOfTheSameIdIsNotReplaced) {
  draw("a.ppm", 1);
  write_picture(folder_ / "elsewhere/a.ppm", 2);
  ASSERT_TRUE(run());
  const IndexRequest elsewhere{.paths = {(folder_ / "elsewhere").native()}};
  const auto report = run(elsewhere);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->indexed, 0U);
  ASSERT_EQ(report->errors.size(), 1U);
  EXPECT_EQ(report->errors[0].error.code, ErrorCode::already_exists);
  EXPECT_THAT(report->errors[0].error.message, HasSubstr((folder_ / "pictures/a.ppm").native()));

  // Once the first is gone, the id is free for the second.
  fs::remove(folder_ / "pictures/a.ppm");
  EXPECT_EQ(run(elsewhere)->indexed, 1U);
  EXPECT_THAT(backend_.items.at("a.ppm").uri, HasSubstr("elsewhere"));
}

TEST_F(IngestTest, AMovedFolderIsNotEmbeddedAgain) {
  draw("a.ppm", 1);
  ASSERT_TRUE(run());
  fs::rename(folder_ / "pictures", folder_ / "moved");
  const auto report = run({.paths = {(folder_ / "moved").native()}});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->updated, 1U);
  EXPECT_EQ(embedder_.embedded, 1);
  EXPECT_THAT(backend_.items.at("a.ppm").uri, HasSubstr("moved"));
}

TEST_F(IngestTest, AFullDiskEndsTheRunAndKeepsWhatIsStored) {
  for (unsigned i = 0; i < 40; ++i) draw(fmt::format("{}.ppm", i), i);
  backend_.upserts_left = 3;
  const auto report = run({.batch = 4});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::unavailable);
  EXPECT_THAT(report.error().message, HasSubstr("No space left"));
  EXPECT_THAT(report.error().message, HasSubstr("12 pictures"));
  EXPECT_EQ(backend_.items.size(), 12U);

  backend_.upserts_left = SIZE_MAX;
  const auto rest = run();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->skipped, 12U);
  EXPECT_EQ(rest->indexed, 28U);
}

TEST_F(IngestTest, StopsCleanlyAndGoesOnFromThere) {
  for (unsigned i = 0; i < 60; ++i) draw(fmt::format("{}.ppm", i), i);
  std::stop_source stop;
  stop.request_stop();
  const auto none = run({.prune = true}, {}, stop.get_token());
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->interrupted);
  EXPECT_EQ(none->indexed, backend_.items.size());
  const auto rest = run();
  ASSERT_TRUE(rest);
  EXPECT_FALSE(rest->interrupted);
  EXPECT_EQ(rest->skipped + rest->indexed, 60U);
  EXPECT_EQ(backend_.items.size(), 60U);
  EXPECT_EQ(embedder_.embedded, 60);
}

TEST_F(IngestTest, TheLastProgressIsTheReport) {
  for (unsigned i = 0; i < 5; ++i) draw(fmt::format("{}.ppm", i), i);
  write("pictures/bad.png", "no");
  std::vector<IndexProgress> seen;
  ASSERT_TRUE(run({}, [&](const IndexProgress& progress) { seen.push_back(progress); }));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().total, 6U);
  EXPECT_EQ(seen.back().done, 6U);
  EXPECT_EQ(seen.back().indexed, 5U);
  EXPECT_EQ(seen.back().failed, 1U);
}

TEST_F(IngestTest, RefusesABadRequest) {
  draw("a.ppm", 1);
  EXPECT_EQ(run({.batch = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run({.paths = {"/no/such/place"}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(run({.paths = {}, .metadata_file = folder_ / "none.csv"}).error().code, ErrorCode::not_found);
  EXPECT_THAT(stored(), IsEmpty());
}

}  // namespace
}  // namespace eidetic
