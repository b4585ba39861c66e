// Indexes on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "index/index_test.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

class IndexSnapshot : public IndexTest {};
INSTANTIATE_TEST_SUITE_P(All, IndexSnapshot, testing::ValuesIn(every_kind()), kind_name);

TEST_P(IndexSnapshot, ComesBackFromItsSnapshotAndGoesOn) {
  const TemporaryDirectory folder;
  const TestVectors& data = crowd().data;
  const auto store = crowd().store_of_rows(2500, metric());
  {
    const auto index = crowd().empty(store);
    ASSERT_TRUE(index->add(rows_from(0, 1001)));
    ASSERT_TRUE(index->add(rows_from(1100, 2001)));
    index->remove(rows_from(5, 15));
    ASSERT_TRUE(index->save(folder / "s"));
  }
  store->erase(20);  // died after the snapshot
  const auto index = load_index(folder / "s", store).value();
  EXPECT_EQ(index->stats().kind, factory());
  EXPECT_EQ(index->stats().end, 2001U);
  EXPECT_EQ(index->stats().rows, 1001U + 901U - 11U);
  ASSERT_TRUE(index->add(rows_from(2001, 2500)));
  const auto accept = [](Row row) { return (row < 1001 || row >= 1100) && (row < 5 || row >= 15) && row != 20; };
  double total = 0;
  for (Row row = 0; row < 2500; row += 50) {
    const auto found = rows_of(index->search(data[row], {.k = 10}).value());
    ASSERT_TRUE(std::ranges::all_of(found, accept));
    total += recall(brute_force(*store, data[row], 10, accept), found);
  }
  EXPECT_GE(total / 50, expected_recall());
}

TEST_P(IndexSnapshot, SavesAndLoadsNothing) {
  const auto store = crowd().store_of_rows(4, metric());
  const auto index = crowd().empty(store);
  EXPECT_TRUE(index->search(store->vector(0), {}).value().empty());
  EXPECT_TRUE(index->add(rows_from(0, 4)));
  EXPECT_EQ(index->search(store->vector(0), {}).value().size(), 4U);
}

TEST_P(IndexSnapshot, CallsEveryTruncationBitFlipAndOtherStoreCorrupt) {
  const TemporaryDirectory folder;
  const auto store = crowd().store;
  {
    const auto index = crowd().empty(store);
    ASSERT_TRUE(index->add(rows_from(0, 200)));
    ASSERT_TRUE(index->save(folder / "s"));
  }
  const std::string whole = read_text(folder / "s").value();
  const std::size_t step = whole.size() / 101;
  for (std::size_t at = 0; at < whole.size(); at += at < 64 ? 1 : step) {
    ASSERT_TRUE(overwrite(folder / "t", whole.substr(0, at)));
    ASSERT_EQ(load_index(folder / "t", store).error().code, ErrorCode::corrupt) << at;
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    ASSERT_TRUE(overwrite(folder / "t", flipped));
    ASSERT_EQ(load_index(folder / "t", store).error().code, ErrorCode::corrupt) << at;
  }
  EXPECT_TRUE(load_index(folder / "s", store));
  const auto other =
      load_index(folder / "s", store_of(random_vectors(200, Crowd::kDimensions, 12), Crowd::kDimensions, metric()));
  EXPECT_THAT(other.error().message, HasSubstr("other vectors"));
  EXPECT_EQ(load_index(folder / "s", crowd().store_of_rows(100, metric())).error().code, ErrorCode::corrupt);
  EXPECT_EQ(load_index(folder / "nowhere", store).error().code, ErrorCode::not_found);
  std::string older = whole;
  older[8] = 0;
  ASSERT_TRUE(overwrite(folder / "t", older));
  EXPECT_THAT(load_index(folder / "t", store).error().message, HasSubstr("version 0"));
}

}  // namespace
}  // namespace eidetic
