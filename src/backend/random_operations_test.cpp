// Every kind of index through its whole life, in a random order that the seed fixes, against a plain model: a map.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "backend/embedded_harness.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kDimensions = 16;
constexpr unsigned kOperations = 10'000;
constexpr std::size_t kMostItems = 900;

class RandomOperations : public testing::TestWithParam<const char*>, protected EmbeddedHarness {
 protected:
  Vector vector() { return random_vector(random_, kDimensions); }
  std::string any_id() { return std::to_string(random_() % kMostItems); }

  void put() {
    std::vector<Item> items(1 + random_() % 3);
    for (Item& item : items) {
      item.id = any_id();
      item.vector = vector();
      model_[item.id] = item.vector;
    }
    for (const auto& result : backend->upsert("a", items).value()) ASSERT_TRUE(result) << result.error().message;
  }
  void erase() {
    const std::vector<std::string> ids = {any_id()};
    ASSERT_EQ(backend->erase("a", ids).value(), model_.erase(ids[0]));
  }
  using Ranking = std::vector<std::pair<double, std::string>>;  // -similarity, id
  [[nodiscard]] Ranking ranking(const Vector& wanted, std::span<const std::string> without) const {
    Ranking all;
    for (const auto& [id, stored] : model_) {
      if (std::ranges::find(without, id) != without.end()) continue;
      const double lengths = std::sqrt(dot_product(wanted, wanted) * dot_product(stored, stored));
      all.emplace_back(-dot_product(wanted, stored) / lengths, id);
    }
    std::ranges::sort(all);
    return all;
  }
  // Looked at as deeply as there are items, every kind has to give what the model does.
  void search() {
    VectorQuery query = {.vector = vector(), .k = 1 + static_cast<std::uint32_t>(random_() % 12), .exclude_ids = {}};
    query.depth = {.ef = kMostItems * 8, .nprobe = 64, .rescore = kMostItems * 8};
    if (random_() % 4 == 0) query.exclude_ids = {any_id(), any_id()};
    Ranking expected = ranking(query.vector, query.exclude_ids);
    expected.resize(std::min<std::size_t>(query.k, expected.size()));
    const auto hits = backend->search("a", query).value();
    ASSERT_EQ(hits.size(), expected.size());
    for (std::size_t i = 0; i < hits.size(); ++i) {
      ASSERT_EQ(hits[i].id, expected[i].second);
      ASSERT_NEAR(hits[i].similarity, -expected[i].first, 1e-6);
    }
  }
  void get() {
    const std::vector<std::string> ids = {any_id()};
    const auto got = backend->get("a", ids, true).value()[0];
    ASSERT_EQ(got.has_value(), model_.contains(ids[0]));
    if (got) ASSERT_EQ(got->vector, model_[ids[0]]);
  }
  // As a person searches; what is found depends on the kind, but what it says of it does not.
  void search_by_default() {
    const Vector wanted = vector();
    const auto hits = backend->search("a", {.vector = wanted, .k = 10, .exclude_ids = {}}).value();
    ASSERT_EQ(hits.size(), std::min<std::size_t>(10, model_.size()));
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const auto stored = model_.find(hits[i].id);
      ASSERT_NE(stored, model_.end());
      const double product = dot_product(wanted, stored->second);
      ASSERT_NEAR(hits[i].similarity,
                  product / std::sqrt(dot_product(wanted, wanted) * dot_product(stored->second, stored->second)), 1e-6);
      if (i > 0) ASSERT_LE(hits[i].similarity, hits[i - 1].similarity);
    }
    const Ranking best = ranking(wanted, {});
    asked_ += hits.size();
    for (const auto& [score, id] : std::span(best).first(hits.size())) {
      if (std::ranges::find(hits, id, &Hit::id) != hits.end()) ++found_;
    }
  }
  void step() {
    const auto dice = random_() % 1000;
    if (dice < 350) return put();
    if (dice < 500) return erase();
    if (dice < 800) return search();
    if (dice < 950) return search_by_default();
    if (dice < 990) return get();
    if (dice < 994) ASSERT_TRUE(backend->flush());
    if (dice >= 994 && dice < 997) ASSERT_TRUE(backend->reindex("a", ""));
    if (dice >= 997) open();
  }

  std::mt19937_64 random_{7};
  std::map<std::string, Vector> model_;
  std::size_t asked_ = 0, found_ = 0;  // of the best, by default
};

INSTANTIATE_TEST_SUITE_P(All, RandomOperations,
                         testing::Values("auto", "Flat", "HNSW16", "SQ8", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ4x6",
                                         "PQ4x6", "PCA8,Flat", "PCA8,HNSW16", "OPQ4,IVF8,PQ4x6"),
                         index_test_name);

TEST_P(RandomOperations, ChangeTheIndexAsTheyChangeAMap) {
  open();
  ASSERT_TRUE(backend->create(make_spec("a", kDimensions, GetParam())));
  for (unsigned i = 0; i < kOperations; ++i) {
    ASSERT_NO_FATAL_FAILURE(step()) << "operation " << i;
  }
  // Those that neither leave out cells nor compress to a quarter have to find nearly all.
  const std::string_view kind = GetParam();
  if (kind == "HNSW16" || kind == "Flat" || kind == "SQ8" || kind == "auto") EXPECT_GE(found_, asked_ * 98 / 100);
  ASSERT_TRUE(backend->flush());
  EXPECT_EQ(backend->count("a", {}).value(), model_.size());
  if (std::string_view(GetParam()) != "auto") EXPECT_EQ(backend->describe("a")->index_kind, GetParam());
}

}  // namespace
}  // namespace eidetic
