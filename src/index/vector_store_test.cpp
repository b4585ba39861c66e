#include "index/vector_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/test_files.h"
#include "index/test_vectors.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(VectorStore, KeepsUnitVectorsUnderCosineAndVectorsAsTheyAreOtherwise) {
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    const auto store = VectorStore::in_memory(2, metric).value();
    const Row row = store->append(7, std::vector{3.F, 4.F}).value();
    if (metric == Metric::cosine) {
      EXPECT_THAT(store->vector(row), ElementsAre(0.6F, 0.8F));
    } else {
      EXPECT_THAT(store->vector(row), ElementsAre(3.F, 4.F));
    }
  }
}

TEST(VectorStore, MapsKeysToRowsThroughReplacingAndErasing) {
  const auto store = VectorStore::in_memory(1, Metric::dot).value();
  EXPECT_EQ(store->append(10, std::vector{1.F}).value(), 0U);
  EXPECT_EQ(store->append(11, std::vector{2.F}).value(), 1U);
  EXPECT_EQ(store->append(10, std::vector{3.F}).value(), 2U);
  EXPECT_EQ(store->row_of(10), 2U);
  EXPECT_FALSE(store->alive(0));
  EXPECT_EQ(store->live(), 2U);
  EXPECT_EQ(store->erase(11), 1U);
  EXPECT_EQ(store->erase(11), std::nullopt);
  EXPECT_EQ(store->row_of(11), std::nullopt);
  EXPECT_EQ(store->rows(), 3U);
  EXPECT_EQ(store->live(), 1U);
  EXPECT_EQ(store->key_of(2), 10U);
  EXPECT_FALSE(store->alive(3));
}

TEST(VectorStore, RefusesWhatCannotBeCompared) {
  const auto store = VectorStore::in_memory(2, Metric::cosine).value();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(store->append(1, std::vector{0.F, 0.F}).error().message, HasSubstr("zero"));
  EXPECT_THAT(store->append(1, std::vector{nan, 0.F}).error().message, HasSubstr("not a finite"));
  EXPECT_THAT(store->append(1, std::vector{1.F, -infinity}).error().message, HasSubstr("not a finite"));
  EXPECT_THAT(store->append(1, std::vector{1e16F, 0.F}).error().message, HasSubstr("limit"));
  EXPECT_THAT(store->append(1, std::vector{1.F}).error().message, HasSubstr("have 2"));
  EXPECT_EQ(store->rows(), 0U);
  EXPECT_TRUE(VectorStore::in_memory(2, Metric::dot).value()->append(1, std::vector{0.F, 0.F}));
  EXPECT_EQ(VectorStore::in_memory(0, Metric::dot).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(VectorStore::in_memory(65'537, Metric::dot).error().code, ErrorCode::invalid_argument);
}

// Without waiting for the disk, as these tests write hundreds of files.
bool overwrite(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);  // a file written over would be synced
  return static_cast<bool>(std::ofstream(path, std::ios::binary) << content);
}

// 2,500 rows (more than two checksummed blocks) of which every fifth is dead, synced at sequence 42.
std::unique_ptr<VectorStore> filled(const std::filesystem::path& path, std::uint32_t dimensions = 5) {
  auto store = VectorStore::create(path, dimensions, Metric::euclidean).value();
  const auto data = random_vectors(2500, dimensions, 1);
  for (Row row = 0; row < 2500; ++row) EXPECT_EQ(store->append(1000 + row, data[row]).value(), row);
  for (Row row = 0; row < 2500; row += 5) EXPECT_EQ(store->erase(1000 + row), row);
  EXPECT_TRUE(store->sync(42));
  return store;
}

TEST(VectorStore, OpensAsOfItsLastSyncAndGoesOn) {
  const TemporaryDirectory folder;
  {
    const auto store = filled(folder / "v");
    EXPECT_TRUE(store->append(9, random_vectors(1, 5, 9)[0]));  // never synced
    EXPECT_TRUE(store->erase(1001));
  }
  const auto data = random_vectors(2500, 5, 1);
  const auto store = VectorStore::open(folder / "v", 5, Metric::euclidean).value();
  EXPECT_EQ(store->sequence(), 42U);
  EXPECT_EQ(store->rows(), 2500U);
  EXPECT_EQ(store->live(), 2000U);
  EXPECT_EQ(store->row_of(9), std::nullopt);
  for (Row row = 0; row < 2500; ++row) {
    ASSERT_EQ(store->alive(row), row % 5 != 0);
    ASSERT_EQ(store->key_of(row), 1000 + row);
    ASSERT_THAT(store->vector(row), testing::ElementsAreArray(data[row]));
  }
  EXPECT_EQ(store->append(9, data[3]).value(), 2500U);
  EXPECT_TRUE(store->sync(43));
  EXPECT_EQ(VectorStore::open(folder / "v", 5, Metric::euclidean).value()->row_of(9), 2500U);
}

TEST(VectorStore, FingerprintNamesTheVectorsUpToARow) {
  const TemporaryDirectory folder;
  const auto store = filled(folder / "v");
  const auto whole = store->fingerprint(2500);
  const auto part = store->fingerprint(1500);
  EXPECT_NE(whole, part);
  EXPECT_TRUE(store->append(1, random_vectors(1, 5, 9)[0]));
  EXPECT_EQ(store->fingerprint(2500), whole);
  const auto again = VectorStore::open(folder / "v", 5, Metric::euclidean).value();
  EXPECT_EQ(again->fingerprint(2500), whole);
  EXPECT_EQ(again->fingerprint(1500), part);
}

TEST(VectorStore, RefusesFilesOfAnotherSpaceOrVersionOrThatAreMissing) {
  const TemporaryDirectory folder;
  filled(folder / "v");
  EXPECT_EQ(VectorStore::open(folder / "v", 6, Metric::euclidean).error().code, ErrorCode::corrupt);
  EXPECT_EQ(VectorStore::open(folder / "v", 5, Metric::cosine).error().code, ErrorCode::corrupt);
  EXPECT_EQ(VectorStore::open(folder / "nowhere", 5, Metric::cosine).error().code, ErrorCode::not_found);
  std::string rows = read_text(folder / "v.rows").value();
  rows[8] = 2;
  ASSERT_TRUE(overwrite(folder / "v.rows", rows));
  const auto newer = VectorStore::open(folder / "v", 5, Metric::euclidean);
  EXPECT_EQ(newer.error().code, ErrorCode::corrupt);
  EXPECT_THAT(newer.error().message, HasSubstr("version 2"));
  std::filesystem::remove(folder / "v.rows");
  EXPECT_EQ(VectorStore::open(folder / "v", 5, Metric::euclidean).error().code, ErrorCode::not_found);
}

TEST(VectorStore, CallsEveryTruncationAndBitFlipCorrupt) {
  const TemporaryDirectory folder;
  filled(folder / "v", 1);
  for (const char* name : {"v", "v.rows"}) {
    const std::string whole = read_text(folder / name).value();
    const std::size_t step = whole.size() / 97;
    for (std::size_t at = 0; at < whole.size(); at += step) {
      ASSERT_TRUE(overwrite(folder / name, whole.substr(0, at)));
      ASSERT_EQ(VectorStore::open(folder / "v", 1, Metric::euclidean).error().code, ErrorCode::corrupt) << name << at;
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      ASSERT_TRUE(overwrite(folder / name, flipped));
      ASSERT_EQ(VectorStore::open(folder / "v", 1, Metric::euclidean).error().code, ErrorCode::corrupt) << name << at;
    }
    ASSERT_TRUE(overwrite(folder / name, whole));
  }
  EXPECT_TRUE(VectorStore::open(folder / "v", 1, Metric::euclidean));
}

}  // namespace
}  // namespace eidetic
