// What is derived can be lost, damaged or old: the answers stay those of the catalog.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "backend/embedded_harness.h"
#include "base/file.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kDimensions = 6;

std::vector<Hit> search(Backend& backend, const Vector& vector, std::uint32_t k) {
  VectorQuery query;
  query.vector = vector;
  query.k = k;
  return backend.search("c", query).value();
}

// Each index kind in turn: what is damaged is a different file format.
struct Recovery : testing::TestWithParam<const char*>, EmbeddedHarness {
  // 400 items, of which some were replaced and some erased.
  void fill() {
    open();
    ASSERT_TRUE(backend->create(make_spec("c", kDimensions, GetParam())));
    store(0, 400);
    store(100, 120);
    std::vector<std::string> gone;
    for (int i = 50; i < 80; ++i) gone.push_back(std::to_string(i));
    ASSERT_EQ(backend->erase("c", gone).value(), 30U);
  }
  void store(int first, int last) {
    std::vector<Item> items;
    for (int i = first; i < last; ++i)
      items.push_back(make_item(std::to_string(i), random_vector(random, kDimensions)));
    ASSERT_TRUE(backend->upsert("c", items));
  }
  std::vector<std::vector<std::pair<std::string, double>>> answers() {
    std::mt19937 fixed(7);
    std::vector<std::vector<std::pair<std::string, double>>> all;
    for (int i = 0; i < 20; ++i) {
      auto& answer = all.emplace_back();
      for (const Hit& hit : search(*backend, random_vector(fixed, kDimensions), 500))
        answer.emplace_back(hit.id, hit.similarity);
    }
    return all;
  }
  // The log lines of opening and using what is there.
  std::string log_of_reopening() {
    testing::internal::CaptureStderr();
    open();
    static_cast<void>(search(*backend, Vector(kDimensions, 1), 1));
    return testing::internal::GetCapturedStderr();
  }
  std::filesystem::path generation(const char* collection = "1") {
    return std::filesystem::directory_iterator(folder.path() / "collections" / collection)->path();
  }
  void damage(const std::filesystem::path& file, const std::function<void(std::string&)>& change) {
    auto content = read_text(file).value();
    change(content);
    ASSERT_TRUE(write_file_atomically(file, content));
  }

  std::mt19937 random{1};
};

TEST_P(Recovery, NothingIsRebuiltAfterACleanEnd) {
  fill();
  const auto before = answers();
  EXPECT_THAT(log_of_reopening(), IsEmpty());
  EXPECT_EQ(answers(), before);
}

TEST_P(Recovery, DamagedFilesAreBuiltAgainWithOneLogLineAndEqualAnswers) {
  fill();
  const auto before = answers();
  const std::map<std::string, std::function<void(std::string&)>> damages = {
      {"truncated", [](std::string& content) { content.resize(content.size() / 2); }},
      {"empty", [](std::string& content) { content.clear(); }},
      {"one bit", [](std::string& content) { content[content.size() / 2] ^= 0x10; }},
      {"first byte", [](std::string& content) { content[0] ^= 0x01; }},
      {"version", [](std::string& content) { content[8] ^= 0x7F; }},
      {"last byte", [](std::string& content) { content.back() ^= 0x01; }},
  };
  for (const std::string name : {"vectors.f32", "vectors.f32.rows", "index.snapshot"}) {
    for (const auto& [kind, change] : damages) {
      SCOPED_TRACE(name + ", " + kind);
      backend.reset();
      damage(generation() / name, change);
      const auto log = log_of_reopening();
      EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
      EXPECT_THAT(log, HasSubstr("collection 'c'"));
      EXPECT_EQ(answers(), before);
    }
    SCOPED_TRACE(name + ", missing");
    backend.reset();
    std::filesystem::remove(generation() / name);
    const auto log = log_of_reopening();
    EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
    EXPECT_EQ(answers(), before);
  }
}

TEST_P(Recovery, AStaleSnapshotIsBroughtUpToDate) {
  fill();
  ASSERT_TRUE(backend->flush());
  const auto stale = folder / "stale";
  std::filesystem::copy(folder.path() / "collections", stale, std::filesystem::copy_options::recursive);
  store(350, 450);
  ASSERT_TRUE(backend->erase("c", std::vector<std::string>{"0", "1", "449"}));
  store(0, 1);
  const auto before = answers();
  const auto items = backend->count("c", {}).value();
  backend.reset();

  std::filesystem::remove_all(folder.path() / "collections");
  std::filesystem::rename(stale, folder.path() / "collections");
  EXPECT_THAT(log_of_reopening(), IsEmpty());
  EXPECT_EQ(answers(), before);
  EXPECT_EQ(backend->describe("c")->items, items);

  backend.reset();
  std::filesystem::remove_all(folder.path() / "collections");
  EXPECT_THAT(log_of_reopening(), HasSubstr("missing"));
  EXPECT_EQ(answers(), before);
}

TEST_P(Recovery, WhatIsAheadOfTheCatalogIsBuiltAgain) {
  fill();
  backend.reset();
  std::filesystem::copy(folder / "catalog.db", folder / "backup.db");
  open();
  store(350, 750);
  ASSERT_TRUE(backend->flush());
  backend.reset();
  std::filesystem::rename(folder / "backup.db", folder / "catalog.db");
  EXPECT_THAT(log_of_reopening(), HasSubstr("ahead"));
  EXPECT_EQ(search(*backend, Vector(kDimensions, 1), 1000).size(), 370U);
  store(390, 410);
  EXPECT_EQ(search(*backend, Vector(kDimensions, 1), 1000).size(), 380U);
}

TEST_P(Recovery, AnIndexOfOtherVectorsIsRefused) {
  fill();
  const auto before = answers();
  ASSERT_TRUE(backend->create(make_spec("other", kDimensions, GetParam())));
  std::vector<Item> items;
  items.reserve(420);
  for (int i = 0; i < 420; ++i) items.push_back(make_item(std::to_string(i), random_vector(random, kDimensions)));
  ASSERT_TRUE(backend->upsert("other", items));
  ASSERT_TRUE(backend->flush());
  backend.reset();
  std::filesystem::copy(generation("2") / "index.snapshot", generation() / "index.snapshot",
                        std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(log_of_reopening(), HasSubstr("collection 'c'"));
  EXPECT_EQ(answers(), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Recovery,
                         testing::Values("Flat", "HNSW16", "SQ8", "IVF4,Flat", "IVF4,PQ3x4", "PCA3,HNSW16"),
                         index_test_name);

}  // namespace
}  // namespace eidetic
