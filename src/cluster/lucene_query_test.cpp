#include "cluster/lucene_query.h"

#include <gtest/gtest.h>

#include "cluster/lucene_document.h"
#include "cluster/lucene_score.h"

namespace eidetic {
namespace {

Json query(std::string_view filter) { return all_of(filter_clauses(parse_filter(filter).value())); }

// Whether every item passes as Filter::matches says is asked of the engines themselves, in lucene_store_test.cpp.
TEST(LuceneQueries, AskForTokens) {
  EXPECT_EQ(query(""), Json::parse(R"({"match_all":{}})"));
  EXPECT_EQ(query("kind = 'hat'"), Json::parse(R"({"terms":{"f.kind":["2hat"]}})"));
  EXPECT_EQ(query("sold"), Json::parse(R"({"terms":{"f.sold":["3t"]}})"));
  EXPECT_EQ(query("@id in ('a', 'b', 3)"), Json::parse(R"({"terms":{"id":["a","b"]}})"));
  EXPECT_EQ(query("a.b < 2.5"), Json::parse(R"({"range":{"n.a/b":{"lt":2.5}}})"));
  EXPECT_EQ(query("name >= 'x'"), Json::parse(R"({"range":{"f.name":{"gte":"2x","lt":"3"}}})"));
  EXPECT_EQ(query("flag < true"), Json::parse(R"({"match_none":{}})"));
}

TEST(LuceneQueries, NestNoDeeperThanTheyHaveTo) {
  const Json a = query("a");
  EXPECT_EQ(query("not not a"), a);
  EXPECT_EQ(query("not a"), Json({{"bool", {{"must_not", Json::array({a})}}}}));
  EXPECT_EQ(query("not a and not b"), Json({{"bool", {{"must_not", Json::array({query("a or b")})}}}}));
  EXPECT_EQ(query("not (not a or not b)"), query("a and b"));
  std::string deep = "a";
  for (std::size_t i = 1; i < kMaxFilterDepth; ++i) deep = "not " + deep;
  EXPECT_LE(json_depth(dump_json(query(deep))), 6U);
}

TEST(LuceneQueries, LeaveOutMoreIdsThanOneQueryTakes) {
  const std::vector<std::string> ids(25'000, "x");
  const Json clauses = filter_clauses({}, ids);
  ASSERT_EQ(clauses.size(), 1U);
  EXPECT_EQ(clauses[0]["bool"]["must_not"].size(), 3U);
}

TEST(LuceneScores, AreSimilaritiesOfSpaces) {
  const auto expect = [](Metric metric, Scoring scoring, double score, double similarity, double distance) {
    const auto [got, apart] = nearness_of(score, metric, scoring);
    EXPECT_NEAR(got, similarity, 1e-12);
    EXPECT_NEAR(apart, distance, 1e-12);
  };
  expect(Metric::cosine, Scoring::lucene, 1, 1, 0);
  expect(Metric::cosine, Scoring::lucene, 0.25, -0.5, 1.5);
  expect(Metric::cosine, Scoring::lucene, 1.0000001, 1, 0);  // rounding is no similarity above 1
  expect(Metric::cosine, Scoring::script, 1.25, 0.25, 0.75);
  expect(Metric::dot, Scoring::lucene, 5, 4, -3);
  expect(Metric::dot, Scoring::lucene, 1, 0, 1);
  expect(Metric::dot, Scoring::lucene, 0.2, -4, 5);
  expect(Metric::euclidean, Scoring::lucene, 0.2, 1.0 / 3, 2);
  expect(Metric::euclidean, Scoring::lucene, 1, 1, 0);
  expect(Metric::euclidean, Scoring::script, 0.2, 0.2, 4);
}

}  // namespace
}  // namespace eidetic
