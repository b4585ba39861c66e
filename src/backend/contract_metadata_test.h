// What every Backend has to do: filters, counts of values, sorted lists.
#pragma once

#include <fmt/format.h>

#include "backend/contract_test.h"

namespace eidetic {

class BackendMetadata : public BackendContract {
 protected:
  // Item i: n is i, kind is one of three, some are sold.
  static Item thing(int i) {
    constexpr const char* kKinds[] = {"boot", "hat", "shoe"};
    Item made = item(numbered(i), point(i));
    made.metadata = fmt::format(R"({{"n":{},"kind":"{}"{}}})", i, kKinds[i % 3], i % 10 == 0 ? R"(,"sold":true)" : "");
    return made;
  }
  void store_things(int first, int last) {
    std::vector<Item> items;
    for (int i = first; i < last; ++i) items.push_back(thing(i));
    store("shop", items);
  }
  // Best first, by what is known of them.
  static std::vector<std::string> nearest(int to, std::uint32_t k, int last, const std::function<bool(int)>& passes) {
    std::vector<std::pair<double, std::string>> all;
    const Vector query = point(to);
    for (int i = 0; i < last; ++i) {
      if (!passes(i)) continue;
      const Vector other = point(i);
      double product = 0, length = 0;
      for (std::size_t d = 0; d < other.size(); ++d) {
        product += static_cast<double>(query[d]) * static_cast<double>(other[d]);
        length += static_cast<double>(other[d]) * static_cast<double>(other[d]);
      }
      all.emplace_back(-product / std::sqrt(length), numbered(i));
    }
    std::ranges::sort(all);
    all.resize(std::min<std::size_t>(k, all.size()));
    std::vector<std::string> ids;
    for (auto& [score, id] : all) ids.push_back(std::move(id));
    return ids;
  }
  std::vector<std::string> found(int to, std::uint32_t k, std::string_view filter,
                                 std::vector<std::string> exclude = {}) {
    VectorQuery query{
        .vector = point(to), .k = k, .exclude_ids = std::move(exclude), .filter = parse_filter(filter).value()};
    query.depth = {.ef = 400, .nprobe = 4, .rescore = 400};  // so that every kind of index is exact
    std::vector<std::string> ids;
    for (const Hit& hit : backend().search("shop", query).value()) ids.push_back(hit.id);
    return ids;
  }
  std::vector<std::string> listed(SortedRequest request) {
    std::vector<std::string> ids;
    do {
      auto page = backend().sorted("shop", request).value();
      EXPECT_LE(page.items.size(), request.limit);
      for (const Item& item : page.items) ids.push_back(item.id);
      request.cursor = page.next;
    } while (!request.cursor.empty());
    return ids;
  }
};

TEST_P(BackendMetadata, FiltersBeforeItRanks) {
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 300);
  struct Case {
    const char* filter;
    std::function<bool(int)> passes;
  };
  for (const auto& [filter, passes] :
       {Case{"n < 150", [](int i) { return i < 150; }}, Case{"n = 17", [](int i) { return i == 17; }},
        Case{"kind = 'hat' and not sold", [](int i) { return i % 3 == 1 && i % 10 != 0; }},
        Case{"@id in ('item-3', 'item-250')", [](int i) { return i == 3 || i == 250; }},
        Case{"n >= 290 or kind = 'boot'", [](int i) { return i >= 290 || i % 3 == 0; }},
        Case{"gone = 1", [](int) { return false; }}, Case{"", [](int) { return true; }}}) {
    for (const std::uint32_t k : {1U, 7U, 80U}) {
      EXPECT_EQ(found(5, k, filter), nearest(5, k, 300, passes)) << filter << ", k " << k;
    }
    EXPECT_EQ(backend().count("shop", parse_filter(filter).value()).value(), nearest(0, 300, 300, passes).size());
  }
  const auto not_hats = [](int i) { return i % 3 != 1 && i != 5 && i != 6; };
  EXPECT_EQ(found(5, 20, "kind != 'hat'", {numbered(5), numbered(6)}), nearest(5, 20, 300, not_hats));
  EXPECT_EQ(backend().count("boots", {}).error().code, ErrorCode::not_found);
}

TEST_P(BackendMetadata, FollowsEveryChange) {
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 100);
  EXPECT_EQ(found(1, 5, "n in (1, 2)"), nearest(1, 5, 100, [](int i) { return i == 1 || i == 2; }));
  Item changed = thing(1);
  changed.metadata = R"({"n":700})";
  ASSERT_TRUE(backend().update("shop", std::span(&changed, 1))->front());
  EXPECT_EQ(found(1, 5, "n in (1, 2)"), std::vector{numbered(2)});
  EXPECT_EQ(found(1, 5, "n = 700"), std::vector{numbered(1)});
  changed = thing(2);
  changed.metadata = R"({"n":800})";
  changed.vector = point(999);
  store("shop", {changed});
  EXPECT_TRUE(found(1, 5, "n = 2").empty());
  EXPECT_EQ(found(999, 5, "n = 800"), std::vector{numbered(2)});
  store_things(100, 130);
  EXPECT_EQ(found(120, 1, "n > 110 and n < 130"), std::vector{numbered(120)});
  ASSERT_EQ(backend().erase("shop", std::vector{numbered(120)}).value(), 1U);
  EXPECT_TRUE(found(120, 1, "n = 120").empty());
  EXPECT_EQ(backend().count("shop", parse_filter("n > 110 and n < 130").value()).value(), 18U);
  ASSERT_TRUE(backend().reindex("shop", ""));
  ASSERT_TRUE(backend().flush());
  EXPECT_EQ(found(1, 5, "n = 700"), std::vector{numbered(1)});
  EXPECT_TRUE(found(120, 1, "n = 120").empty());
  changed = thing(3);
  changed.metadata = R"({"n":900})";
  ASSERT_TRUE(backend().update("shop", std::span(&changed, 1))->front());
  EXPECT_EQ(found(1, 5, "n = 900"), std::vector{numbered(3)});
}

TEST_P(BackendMetadata, FiltersWhileItemsChange) {
  if (!GetParam().several_threads) GTEST_SKIP() << "what several threads ask for has no order to be recorded";
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 60);
  std::atomic<bool> done = false;
  std::thread searcher([&] {
    while (!done) {
      const auto hats = found(7, 50, "kind = 'hat'");
      EXPECT_EQ(hats.size(), 20U);
      EXPECT_EQ(hats.front(), numbered(7));
      EXPECT_LE(found(7, 50, "moving").size(), 1U);
    }
  });
  for (int round = 0; round < 100; ++round) {
    Item moving = item("moving", point(1000 + round));
    moving.metadata = round % 2 == 0 ? R"({"moving":true})" : R"({"moving":false})";
    store("shop", {moving});
    moving.metadata = R"({"moving":true})";
    EXPECT_TRUE(backend().update("shop", std::span(&moving, 1))->front());
  }
  done = true;
  searcher.join();
}

TEST_P(BackendMetadata, CountsValues) {
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 60);
  const std::vector<std::string> fields = {"kind", "n", "sold"};
  const auto facets =
      backend().facets("shop", {.fields = fields, .filter = parse_filter("n >= 30").value(), .limit = 2}).value();
  ASSERT_EQ(facets.size(), 3U);
  EXPECT_EQ(facets[0].field, "kind");
  EXPECT_EQ(facets[0].items, 30U);
  EXPECT_EQ(facets[0].distinct, 3U);
  ASSERT_EQ(facets[0].values.size(), 2U);
  EXPECT_EQ(facets[0].values[0].value, "\"boot\"");
  EXPECT_EQ(facets[0].values[0].items, 10U);
  EXPECT_EQ(facets[1].least, 30);
  EXPECT_EQ(facets[1].largest, 59);
  EXPECT_EQ(facets[2].without, 27U);
  EXPECT_EQ(backend().facets("shop", {.fields = {"a b"}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().facets("shop", {.fields = {}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().facets("shop", {.fields = {"n"}, .limit = 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().facets("boots", {.fields = {"n"}}).error().code, ErrorCode::not_found);
}

TEST_P(BackendMetadata, ListsInTheOrderOfAField) {
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 25);
  store("shop", {item("bare", point(50))});
  std::vector<std::string> falling = {"bare"};
  for (int i = 0; i < 25; ++i) falling.insert(falling.begin(), numbered(i));
  EXPECT_EQ(listed({.field = "n", .descending = true, .limit = 4}), falling);
  EXPECT_THAT(listed({.filter = parse_filter("n < 9").value(), .field = "kind", .limit = 5}),
              testing::ElementsAre(numbered(0), numbered(3), numbered(6), numbered(1), numbered(4), numbered(7),
                                   numbered(2), numbered(5), numbered(8)));
  // What goes, comes and is replaced between two pages moves nothing else.
  auto page = backend().sorted("shop", {.field = "n", .limit = 10}).value();
  ASSERT_EQ(page.items.size(), 10U);
  EXPECT_EQ(page.items[3].metadata, thing(3).metadata);
  ASSERT_EQ(backend().erase("shop", std::vector{numbered(10), numbered(2)}).value(), 2U);
  store_things(5, 6);
  page = backend().sorted("shop", {.field = "n", .cursor = page.next, .limit = 2}).value();
  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.items[0].id, numbered(11));
  for (const SortedRequest& bad :
       {SortedRequest{.field = ""}, SortedRequest{.field = "n", .cursor = "x"},
        SortedRequest{.field = "n", .cursor = "[1]"}, SortedRequest{.field = "n", .limit = 0},
        SortedRequest{.field = "@random:x"}, SortedRequest{.field = "@random7"}, SortedRequest{.field = "@random:"}}) {
    EXPECT_EQ(backend().sorted("shop", bad).error().code, ErrorCode::invalid_argument);
  }
}

TEST_P(BackendMetadata, ListsInAnOrderThatChanceChooses) {
  ASSERT_TRUE(backend().create(spec("shop")));
  store_things(0, 60);
  const auto drawn = listed({.field = "@random:7", .limit = 7});
  EXPECT_EQ(std::set(drawn.begin(), drawn.end()).size(), 60U);
  EXPECT_EQ(drawn.size(), 60U);
  EXPECT_FALSE(std::ranges::is_sorted(drawn));
  EXPECT_EQ(listed({.field = "@random:7", .limit = 100}), drawn);
  EXPECT_EQ(listed({.field = "@random:7", .descending = true, .limit = 7}), std::vector(drawn.rbegin(), drawn.rend()));
  EXPECT_NE(listed({.field = "@random:8", .limit = 7}), drawn);
  EXPECT_EQ(listed({.field = "@random", .limit = 7}), listed({.field = "@random:1", .limit = 60}));
  auto some = listed({.filter = parse_filter("n < 20").value(), .field = "@random:7", .limit = 3});
  EXPECT_EQ(some.size(), 20U);
  // The order of the others stays, whatever goes.
  ASSERT_EQ(backend().erase("shop", std::vector{some[4]}).value(), 1U);
  some.erase(some.begin() + 4);
  EXPECT_EQ(listed({.filter = parse_filter("n < 20").value(), .field = "@random:7", .limit = 3}), some);
}

}  // namespace eidetic
