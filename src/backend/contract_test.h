// What every Backend has to do, as tests. An implementation brings a way to make an empty one and instantiates the
// suite, after including what it shall pass of contract_items_test.h, contract_search_test.h, contract_parts_test.h and
// contract_metadata_test.h:
//
//   INSTANTIATE_TEST_SUITE_P(Mine, BackendContract, testing::Values(BackendUnderTest{"mine", "auto", make_mine}),
//                            backend_test_name);
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "eidetic/backend.h"

namespace eidetic {

// A backend and whatever has to live as long as it.
struct BackendHarness {
  BackendHarness() = default;
  BackendHarness(const BackendHarness&) = delete;
  BackendHarness& operator=(const BackendHarness&) = delete;
  virtual ~BackendHarness() = default;
  [[nodiscard]] virtual Backend& backend() = 0;
};

struct BackendUnderTest {
  std::string name;
  std::string index;  // of the collections made
  std::function<std::unique_ptr<BackendHarness>()> make;
  bool scrolls_by_id = true;    // else in another order, which stays
  bool several_threads = true;  // may call it
};

inline std::string backend_test_name(const testing::TestParamInfo<BackendUnderTest>& info) { return info.param.name; }

class BackendContract : public testing::TestWithParam<BackendUnderTest> {
 protected:
  static constexpr std::uint32_t kDimensions = 16;

  [[nodiscard]] CollectionSpec spec(std::string name, Metric metric = Metric::cosine,
                                    std::uint32_t dimensions = kDimensions) const {
    CollectionSpec made;
    made.name = std::move(name);
    made.space.model = "test";
    made.space.hash = "0123";
    made.space.dimensions = dimensions;
    made.space.metric = metric;
    made.index = GetParam().index;
    return made;
  }
  static Item item(std::string id, Vector vector) {
    Item made;
    made.id = std::move(id);
    made.vector = std::move(vector);
    return made;
  }
  // Scattered points, so that approximate indexes, too, have to find each by itself; the same at every call.
  static Vector point(int i) {
    std::mt19937 random(static_cast<unsigned>(i));
    std::normal_distribution<float> normal;
    Vector made(kDimensions);
    for (float& value : made) value = normal(random);
    return made;
  }
  // The first `values`, then zeros.
  static Vector padded(Vector values) {
    values.resize(kDimensions);
    return values;
  }
  static std::string numbered(int i) { return "item-" + std::to_string(i); }
  void store(std::string_view collection, const std::vector<Item>& items) {
    const auto results = backend().upsert(collection, items);
    ASSERT_TRUE(results) << results.error().message;
    ASSERT_EQ(results->size(), items.size());
    for (const auto& result : *results) EXPECT_TRUE(result) << result.error().message;
  }
  void store_numbered(std::string_view collection, int first, int last) {
    std::vector<Item> items;
    for (int i = first; i < last; ++i) items.push_back(item(numbered(i), point(i)));
    store(collection, items);
  }
  std::vector<Hit> search(std::string_view collection, Vector vector, std::uint32_t k,
                          std::vector<std::string> exclude = {}) {
    VectorQuery query;
    query.vector = std::move(vector);
    query.k = k;
    query.exclude_ids = std::move(exclude);
    auto hits = backend().search(collection, query);
    EXPECT_TRUE(hits) << hits.error().message;
    return std::move(hits).value_or(std::vector<Hit>());
  }
  std::vector<std::string> ids(std::string_view collection, const Vector& vector, std::uint32_t k,
                               const std::vector<std::string>& exclude = {}) {
    std::vector<std::string> found;
    for (const Hit& hit : search(collection, vector, k, exclude)) found.push_back(hit.id);
    return found;
  }
  std::uint64_t count(std::string_view collection) { return backend().count(collection, {}).value(); }
  Backend& backend() { return harness_->backend(); }

 private:
  std::unique_ptr<BackendHarness> harness_ = GetParam().make();
};

}  // namespace eidetic
