// Needs a store: tests/s3 runs these with one.
#include "engine/s3_store.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "engine/put.h"

namespace eidetic {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

StoredPicture stored(std::string_view content) { return {sha256_hex(as_bytes(content)), as_bytes(content)}; }

class SharedPictures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (variable("EIDETIC_TEST_S3_BUCKET").empty()) GTEST_SKIP() << "needs a store: run by tests/s3";
  }

  // Of an engine for which everything is as old as can be.
  std::unique_ptr<PictureStore> pictures(const std::string& engine) {
    auto before = PictureStore::open(folder_ / (engine + ".db"));
    EXPECT_TRUE(before);
    return s3_pictures({.client = client_, .place = place_, .engine = engine, .young_s = -10}, *std::move(before),
                       pool_);
  }
  static bool has(PictureStore& pictures, std::string_view content) {
    const auto bytes = pictures.read(stored(content).hash, 100);
    EXPECT_TRUE(bytes || bytes.error().code == ErrorCode::not_found) << bytes.error().message;
    return bytes.has_value();
  }

  TemporaryDirectory folder_;
  ThreadPool pool_{2};
  S3Client client_{S3Options{.endpoint = variable("EIDETIC_TEST_S3_URL"),
                             .access_key = variable("EIDETIC_TEST_S3_KEY"),
                             .secret_key = variable("EIDETIC_TEST_S3_SECRET")}};
  const S3Place place_ = S3Place{variable("EIDETIC_TEST_S3_BUCKET"), sha256_hex(as_bytes(folder_.path().native()))};
};

TEST_F(SharedPictures, ASweepTakesWhatNoEngineNames) {
  const auto one = pictures("one");
  const auto two = pictures("two");
  ASSERT_TRUE(one->put(std::array{stored("mine"), stored("theirs"), stored("nobody's")}, now_ms()));
  EXPECT_EQ(two->sweep(std::array{short_hash(stored("theirs").hash), short_hash(stored("mine").hash)}, 0), 1U);
  EXPECT_TRUE(has(*one, "mine"));
  EXPECT_TRUE(has(*one, "theirs"));
  EXPECT_FALSE(has(*one, "nobody's"));
  // What this one names no more, the other does.
  EXPECT_EQ(one->sweep(std::array{short_hash(stored("mine").hash)}, 0), 0U);
  EXPECT_TRUE(has(*one, "theirs"));
  EXPECT_EQ(two->sweep({}, 0), 1U);
  EXPECT_FALSE(has(*two, "theirs"));
  EXPECT_TRUE(has(*two, "mine"));
}

TEST_F(SharedPictures, WhoStoresWaitsForWhoDeletes) {
  const auto one = pictures("one");
  const auto doomed = short_hash(stored("old").hash);
  const S3Place list = place_ / "doomed/two";
  ASSERT_TRUE(client_.put(list, std::as_bytes(std::span(&doomed, 1))));
  std::jthread sweeper([&] {
    // Until it was stored; then it is deleted, as by one who has looked at its age before.
    const S3Place picture = place_ / ("pictures/" + stored("old").hash.substr(0, 2) + "/" + stored("old").hash);
    while (!client_.head(picture)) std::this_thread::yield();
    EXPECT_TRUE(client_.remove(picture));
    EXPECT_TRUE(client_.remove(list));
  });
  ASSERT_TRUE(one->put(std::array{stored("old")}, now_ms()));
  sweeper.join();
  EXPECT_TRUE(has(*one, "old"));
}

TEST_F(SharedPictures, WhatTheDataFolderHasIsReadStill) {
  {
    const auto before = PictureStore::open(folder_ / "one.db");
    ASSERT_TRUE((*before)->put(std::array{stored("earlier")}, now_ms()));
  }
  EXPECT_TRUE(has(*pictures("one"), "earlier"));
  EXPECT_TRUE(pictures("one")->touch(std::array{stored("earlier").hash}, now_ms()));
}

}  // namespace
}  // namespace eidetic
