// Stores on real engines, in what the contract of backends does not ask.
#include "cluster/lucene_store_test.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include "base/filter_node.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Real, LuceneStores, testing::ValuesIn(kTestEngines),
                         [](const auto& info) { return info.param.name; });

// --- notes ---

TEST_P(LuceneStores, ChangeNotesOnlyAsTheyWereRead) {
  EXPECT_EQ(store().note("a/b").value(), std::nullopt);
  EXPECT_TRUE(store().notes("")->empty());
  ASSERT_TRUE(store().erase_note("a/b"));
  const auto first = store().write_note("a/b", "one", std::nullopt).value();
  ASSERT_TRUE(first);
  EXPECT_EQ(store().write_note("a/b", "two", std::nullopt).value(), std::nullopt);
  EXPECT_EQ(store().write_note("a/b", "two", "7:1").value(), std::nullopt);
  EXPECT_EQ(store().write_note("a/c", "two", "0:1").value(), std::nullopt) << "there is none to be changed";
  const auto second = store().write_note("a/b", "two", first).value();
  ASSERT_TRUE(second);
  EXPECT_NE(second, first);
  EXPECT_EQ(store().note("a/b").value()->text, "two");
  EXPECT_EQ(store().note("a/b").value()->revision, second);
  const std::string large(8 << 20, 'x');
  ASSERT_TRUE(store().write_note("a/large", large, std::nullopt).value());
  EXPECT_EQ(store().note("a/large").value()->text, large);
  ASSERT_TRUE(store().write_note("b", "", std::nullopt).value());
  EXPECT_THAT(store().notes("a/").value(), ElementsAre("a/b", "a/large"));
  ASSERT_TRUE(store().erase_note("a/large"));
  EXPECT_THAT(store().notes("").value(), ElementsAre("a/b", "b"));
  EXPECT_EQ(store().note("a/large").value(), std::nullopt);
}

TEST_P(LuceneStores, LetWritersOfANoteLoseNoChange) {
  constexpr int kWriters = 4, kChanges = 10;
  ASSERT_TRUE(store().write_note("n", "0", std::nullopt).value());
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&] {
      const auto own = prefix().store();
      for (int change = 0; change < kChanges;) {
        const auto note = own->note("n").value().value();
        if (own->write_note("n", std::to_string(std::stoi(note.text) + 1), note.revision).value()) ++change;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(store().note("n").value()->text, std::to_string(kWriters * kChanges));
}

// --- what is not ours ---

TEST_P(LuceneStores, RefuseIndexesOfOthers) {
  const std::string notes = prefix().prefix() + "-notes";
  ASSERT_TRUE(prefix().ask("PUT", "/" + notes).ok());
  for (const auto& error : {store().note("a").error(), store().write_note("a", "b", std::nullopt).error()}) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, HasSubstr(notes));
  }
  ASSERT_TRUE(prefix().ask("PUT", "/" + index_name()).ok());
  EXPECT_EQ(store().create_table("t", field()).error().code, ErrorCode::not_found) << "it has no alias";
  const std::string alias = lucene_alias(prefix().prefix(), "u");
  ASSERT_TRUE(prefix().ask("PUT", "/" + alias).ok());
  EXPECT_EQ(store().create_table("u", field()).error().code, ErrorCode::conflict);
  EXPECT_EQ(store().drop_table("u").error().code, ErrorCode::conflict) << "nothing of others goes";
  EXPECT_EQ(prefix().ask("GET", "/" + alias).status, 200);
  SortedRequest request{.field = "a"};
  EXPECT_EQ(store().sorted("u", request).error().code, ErrorCode::conflict);
}

TEST_P(LuceneStores, RefuseATableOfAnotherShape) {
  ASSERT_TRUE(store().create_table("t", field(4)));
  EXPECT_TRUE(store().create_table("t", field(4))) << "a request that was made twice";
  EXPECT_EQ(store().create_table("t", field(5)).error().code, ErrorCode::conflict);
  ASSERT_TRUE(store().add_field("t", field(3, Metric::dot, "auto", "v1")));
  EXPECT_TRUE(store().add_field("t", field(3, Metric::dot, "auto", "v1")));
  EXPECT_EQ(store().add_field("t", field(4, Metric::dot, "auto", "v1")).error().code, ErrorCode::conflict);
  EXPECT_EQ(store().add_field("none", field(3)).error().code, ErrorCode::not_found);
  const auto most = GetParam().name == "OpenSearch" ? 16'000U : 4096U;
  EXPECT_TRUE(store().create_table("most", field(most)));
  EXPECT_EQ(store().create_table("more", field(most + 1)).error().code, ErrorCode::invalid_argument);
}

TEST_P(LuceneStores, DoNotMakeADroppedTableAgain) {
  ASSERT_TRUE(store().create_table("t", field()));
  ASSERT_TRUE(store().create_table("T", field()));
  put({table_item("a", {1, 2, 3, 4})}, field());
  ASSERT_TRUE(store().drop_table("t"));
  ASSERT_TRUE(store().drop_table("t"));
  const std::vector<Item> late = {table_item("b", {1, 2, 3, 4})};
  EXPECT_EQ(store().put("t", field(), late, 2).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().put_facts("t", late).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().erase("t", std::vector<std::string>{"a"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().get("t", std::vector<std::string>{"a"}, nullptr).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().scroll("t", "", 10, nullptr).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().info("t", field()).error().code, ErrorCode::not_found);
  EXPECT_EQ(store().refresh("t").error().code, ErrorCode::not_found);
  EXPECT_EQ(prefix().ask("GET", "/" + index_name()).status, 404);
  EXPECT_EQ(store().info("T", field())->items, 0U) << "another table";
}

TEST_P(LuceneStores, NameTheItemThatDoesNotFit) {
  ASSERT_TRUE(store().create_table("t", field()));
  Json wide = Json::object();
  for (int i = 0; i < 10'001; ++i) wide[fmt::format("f{}", i)] = "x";
  const std::vector<Item> items = {table_item("a", {1, 2, 3, 4}, R"({"x":1})"),
                                   table_item("wide", {1, 2, 3, 4}, dump_json(wide)),
                                   table_item("b", {1, 2, 3, 4}, R"({"y":1})")};
  const auto stored = store().put("t", field(), items, 1);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE((*stored)[0] && (*stored)[2]);
  ASSERT_FALSE((*stored)[1]);
  EXPECT_EQ((*stored)[1].error().code, ErrorCode::invalid_argument);
  EXPECT_THAT((*stored)[1].error().message, HasSubstr("too many different fields"));
}

TEST_P(LuceneStores, NameWhatAFilterIsTooMuchFor) {
  ASSERT_TRUE(store().create_table("t", field()));
  std::string wide = "a";
  for (int i = 0; i < 1500; ++i) wide += " or a";
  std::string deep = "a";
  for (std::size_t i = 1; i < kMaxFilterDepth; ++i) deep = fmt::format("a {} ({})", i % 2 == 0 ? "or" : "and", deep);
  for (const auto& text : {wide, deep}) {
    const auto filter = parse_filter(text);
    ASSERT_TRUE(filter) << filter.error().message;
    VectorQuery query{.vector = {1, 2, 3, 4}, .exclude_ids = {}, .filter = *filter};
    const std::vector<VectorQuery> queries = {query, {.vector = {1, 2, 3, 4}, .exclude_ids = {}}};
    const auto hits = store().search("t", field(), queries);
    ASSERT_TRUE(hits) << hits.error().message;
    EXPECT_TRUE((*hits)[1]) << "another query of the same batch";
    const auto counted = store().count("t", *filter, nullptr);
    EXPECT_EQ(counted.has_value(), (*hits)[0].has_value());
    if (counted) continue;  // this engine takes it
    EXPECT_EQ(counted.error().code, ErrorCode::unsupported) << counted.error().message;
    EXPECT_THAT(counted.error().message, HasSubstr("indices.query.bool."));
    EXPECT_EQ((*hits)[0].error().code, ErrorCode::unsupported);
  }
}

// --- vectors ---

TEST_P(LuceneStores, GiveSimilaritiesOfEveryMetricByEveryIndex) {
  constexpr std::uint32_t kDimensions = 8;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<Item> items;
  for (int i = 0; i < 500; ++i) {
    items.push_back(table_item(fmt::format("i{}", i), Vector(kDimensions)));
    for (float& value : items.back().vector) value = 3 * normal(random);
  }
  Vector query(kDimensions);
  for (float& value : query) value = normal(random);
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    std::vector<std::pair<double, std::string>> expected;
    for (const Item& each : items) {
      double dot = 0, qq = 0, xx = 0, apart = 0;
      for (std::size_t d = 0; d < kDimensions; ++d) {
        const double q = query[d], x = each.vector[d];
        dot += q * x;
        qq += q * q;
        xx += x * x;
        apart += (q - x) * (q - x);
      }
      const double similarity = metric == Metric::cosine ? dot / std::sqrt(qq * xx)
                                : metric == Metric::dot  ? dot
                                                         : 1 / (1 + std::sqrt(apart));
      expected.emplace_back(-similarity, each.id);
    }
    std::ranges::sort(expected);
    for (const std::string index : {"auto", "Flat", "HNSW8:64"}) {
      const auto into = field(kDimensions, metric, index);
      ASSERT_TRUE(store().create_table("t", into));
      put(items, into);
      const VectorQuery asked{.vector = query, .k = 500, .exclude_ids = {}};
      const auto hits = store().search("t", into, std::span(&asked, 1)).value().front().value();
      ASSERT_EQ(hits.size(), 500U) << to_string(metric) << index;
      for (std::size_t i = 0; i < hits.size(); ++i) {
        const double tolerance = 1e-5 * std::max(1.0, std::abs(expected[i].first));
        EXPECT_EQ(hits[i].id, expected[i].second) << to_string(metric) << ' ' << index << ' ' << i;
        EXPECT_NEAR(hits[i].similarity, -expected[i].first, tolerance);
        const double distance = metric == Metric::euclidean ? -1 / expected[i].first - 1 : 1 + expected[i].first;
        EXPECT_NEAR(hits[i].distance, distance, 10 * tolerance);
      }
      ASSERT_TRUE(store().drop_table("t"));
    }
  }
}

// Many; the last are at one place.
constexpr std::uint32_t kItems = 6000;
constexpr std::uint32_t kTwins = 200;
std::vector<Item> scattered() {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  std::vector<Item> items(kItems);
  for (std::uint32_t i = 0; i < kItems; ++i) {
    items[i].id = fmt::format("i{:05}", i);
    items[i].metadata = fmt::format(R"({{"n":{}}})", i);
    for (int d = 0; d < 4; ++d) items[i].vector.push_back(i < kItems - kTwins ? normal(random) : 5);
  }
  std::ranges::shuffle(items, random);
  return items;
}

// The graph answers, and where it gives too few, all are looked at.
TEST_P(LuceneStores, FindExactlyKByGraphs) {
  const auto graph = field(4, Metric::cosine, "HNSW16");
  ASSERT_TRUE(store().create_table("t", graph));
  put(scattered(), graph);
  EXPECT_EQ(store().info("t", graph)->kind, "lucene HNSW16");
  const auto ask = [&](float last, std::uint32_t k, std::string_view filter = "", std::uint32_t ef = 0) {
    VectorQuery query{.vector = {5, 5, 5, last}, .k = k, .exclude_ids = {}, .filter = parse_filter(filter).value()};
    query.depth.ef = ef;
    return store().search("t", graph, std::span(&query, 1)).value().front().value();
  };
  for (const std::uint32_t k : {1U, 10U, 500U, 5990U}) EXPECT_EQ(ask(1, k).size(), k);
  EXPECT_EQ(ask(1, kMaxK).size(), kItems);
  EXPECT_EQ(ask(1, 100, "n < 30").size(), 30U);
  EXPECT_EQ(ask(1, 100, "n < 5000", 2000).size(), 100U);
}

TEST_P(LuceneStores, BreakTiesByIdHoweverManyAreEqual) {
  const auto flat = field(4, Metric::cosine, "Flat");
  ASSERT_TRUE(store().create_table("t", flat));
  put(scattered(), flat);
  EXPECT_EQ(store().info("t", flat)->kind, "exact");
  for (const std::uint32_t k : {1U, 50U, 199U, 200U}) {
    const VectorQuery query{.vector = {5, 5, 5, 5}, .k = k, .exclude_ids = {}};
    const auto hits = store().search("t", flat, std::span(&query, 1)).value().front().value();
    ASSERT_EQ(hits.size(), k);
    for (std::uint32_t i = 0; i < k; ++i) EXPECT_EQ(hits[i].id, fmt::format("i{:05}", kItems - kTwins + i));
  }
}

TEST_P(LuceneStores, StoreVectorsOfAnotherFieldByVersion) {
  const auto other = field(2, Metric::dot, "auto", "v1");
  ASSERT_TRUE(store().create_table("t", field()));
  std::vector<Item> items;
  for (int i = 0; i < 10; ++i) items.push_back(table_item(fmt::format("i{}", i), {1, 2, 3, 4}));
  put(items, field(), 100);
  ASSERT_TRUE(store().add_field("t", other));
  auto rows = store().without("t", other, 103, 3).value();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].id, "i4");
  EXPECT_EQ(rows[0].version, 104U);
  for (auto& row : rows) row.vector = {-0.5F, 0.1F};
  // One is replaced meanwhile, one has other facts, one is gone.
  put({table_item("i4", {4, 3, 2, 1})}, field(), 200);
  auto later = table_item("i5", {}, R"({"x":1})");
  later.version = 105;
  ASSERT_TRUE(store().put_facts("t", std::vector<Item>{later})->front().value());
  later.id = "i4";
  EXPECT_FALSE(store().put_facts("t", std::vector<Item>{later})->front().value()) << "it is of another version";
  EXPECT_EQ(store().get("t", std::vector<std::string>{"i4"}, nullptr).value().front()->metadata, "{}");
  later.id = "none";
  EXPECT_EQ(store().put_facts("t", std::vector<Item>{later})->front().error().code, ErrorCode::not_found);
  ASSERT_EQ(store().erase("t", std::vector<std::string>{"i6", "none"}).value(), 1U);
  EXPECT_EQ(store().put_vectors("t", other, rows).value(), 1U);
  ASSERT_TRUE(store().refresh("t"));
  EXPECT_EQ(store().count("t", {}, &other).value(), 1U);
  EXPECT_EQ(store().count("t", {}, nullptr).value(), 9U);
  const auto both = store().get("t", std::vector<std::string>{"i5"}, &other).value().front();
  ASSERT_TRUE(both);
  EXPECT_EQ(both->vector, (Vector{-0.5F, 0.1F}));
  EXPECT_EQ(both->metadata, R"({"x":1})");
  EXPECT_EQ(both->version, 105U);
  const VectorQuery query{.vector = {1, 1}, .k = 5, .exclude_ids = {}};
  EXPECT_EQ(store().search("t", other, std::span(&query, 1)).value().front()->size(), 1U);
  ASSERT_TRUE(store().drop_field("t", other));
  ASSERT_TRUE(store().refresh("t"));
  EXPECT_EQ(store().count("t", {}, &other).value(), 0U);
  EXPECT_TRUE(store().get("t", std::vector<std::string>{"i5"}, &other).value().front()->vector.empty());
  const auto kept = field();
  EXPECT_EQ(store().count("t", {}, &kept).value(), 9U);
  rows.resize(2);
  rows[0].version = 200;
  EXPECT_EQ(store().put_vectors("t", other, rows).value(), 2U);
  ASSERT_TRUE(store().refresh("t"));
  EXPECT_EQ(store().erase_without("t", other).value(), 7U);
  ASSERT_TRUE(store().refresh("t"));
  EXPECT_EQ(store().info("t", field())->items, 2U);
}

}  // namespace
}  // namespace eidetic
