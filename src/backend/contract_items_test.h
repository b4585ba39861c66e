// What every Backend has to do: collections and their items.
#pragma once

#include "backend/contract_test.h"

namespace eidetic {

// --- collections ---

TEST_P(BackendContract, ListsCollectionsByNameWithTheirSpecs) {
  auto shoes = spec("shoes", Metric::euclidean);
  shoes.settings = R"({"model":"x"})";
  shoes.space.precision = Precision::bf16;
  ASSERT_TRUE(backend().create(shoes));
  ASSERT_TRUE(backend().create(spec("hats")));
  const auto all = backend().list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].spec.name, "hats");
  EXPECT_EQ(all[1].spec.name, "shoes");
  EXPECT_TRUE(all[1].spec.space.matches(shoes.space));
  EXPECT_EQ(all[1].spec.space.model, "test");
  EXPECT_EQ(all[1].spec.settings, R"({"model":"x"})");
  EXPECT_EQ(all[1].spec.index, GetParam().index);
  EXPECT_GT(all[1].created_ms, 0);
}

TEST_P(BackendContract, KeepsAttachments) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  const std::vector<std::byte> first(70'000, std::byte{1});
  const std::vector<std::byte> second(3, std::byte{2});
  ASSERT_TRUE(backend().attach("shoes", "head", first));
  ASSERT_TRUE(backend().attach("shoes", "chances", first));
  ASSERT_TRUE(backend().attach("shoes", "head", second));
  ASSERT_TRUE(backend().attach("shoes", "gone", second));
  ASSERT_TRUE(backend().attach("shoes", "gone", {}));
  EXPECT_THAT(backend().attachments("shoes").value(), testing::ElementsAre("chances", "head"));
  EXPECT_EQ(backend().attachment("shoes", "head").value(), second);
  EXPECT_EQ(backend().attachment("shoes", "chances").value(), first);
  EXPECT_EQ(backend().attachment("shoes", "gone").value(), std::nullopt);
  EXPECT_EQ(backend().attach("none", "head", first).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().attachment("none", "head").error().code, ErrorCode::not_found);
}

TEST_P(BackendContract, RefusesBadSpecsAndTakenNames) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  EXPECT_EQ(backend().create(spec("shoes")).error().code, ErrorCode::already_exists);
  for (const std::string name : {"", ".x", "a/b", "a b", "é"}) {
    EXPECT_EQ(backend().create(spec(name)).error().code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_EQ(backend().create(spec(std::string(65, 'x'))).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().create(spec("none", Metric::cosine, 0)).error().code, ErrorCode::invalid_argument);
  auto bad_index = spec("x");
  bad_index.index = "Flatt";
  EXPECT_EQ(backend().create(bad_index).error().code, ErrorCode::invalid_argument);
  auto bad_settings = spec("x");
  bad_settings.settings = "[]";
  EXPECT_EQ(backend().create(bad_settings).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().list()->size(), 1U);
}

TEST_P(BackendContract, EveryCallRefusesAnUnknownCollection) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  const std::vector<Item> items = {item("a", point(0))};
  const std::vector<std::string> some = {"a"};
  VectorQuery query;
  query.vector = point(0);
  EXPECT_EQ(backend().drop("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().describe("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().spec("shoe").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().configure("shoe", settings_are("{}")).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().upsert("shoe", items).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().update("shoe", items).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().erase("shoe", some).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().get("shoe", some, false).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().scroll("shoe", "", 1, false).error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().count("shoe", {}).error().code, ErrorCode::not_found);
  const auto searched = backend().search("shoe", query);
  EXPECT_EQ(searched.error().code, ErrorCode::not_found);
  EXPECT_THAT(searched.error().message, testing::HasSubstr("'shoe'"));
}

TEST_P(BackendContract, ADroppedCollectionIsGoneAndItsNameFree) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  ASSERT_TRUE(backend().create(spec("hats")));
  store_numbered("shoes", 0, 20);
  store_numbered("hats", 0, 10);
  ASSERT_TRUE(backend().drop("shoes"));
  EXPECT_EQ(backend().count("shoes", {}).error().code, ErrorCode::not_found);
  ASSERT_TRUE(backend().create(spec("shoes", Metric::cosine, 2)));
  EXPECT_EQ(count("shoes"), 0U);
  EXPECT_THAT(search("shoes", {1, 0}, 5), testing::IsEmpty());
  EXPECT_EQ(count("hats"), 10U);
  EXPECT_EQ(search("hats", point(0), 50).size(), 10U);
}

TEST_P(BackendContract, ConfigureReplacesSettings) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  ASSERT_TRUE(backend().configure("shoes", settings_are(R"({"a":1})")));
  EXPECT_EQ(backend().describe("shoes")->spec.settings, R"({"a":1})");
  EXPECT_EQ(backend().spec("shoes")->settings, R"({"a":1})");
  EXPECT_TRUE(backend().spec("shoes")->space.matches(backend().describe("shoes")->spec.space));
  EXPECT_EQ(backend().configure("shoes", settings_are("3")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().describe("shoes")->spec.settings, R"({"a":1})");
}

TEST_P(BackendContract, SettingsAreMadeOfWhatTheyAre) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  ASSERT_TRUE(backend().configure("shoes", settings_are(R"({"a":1})")));
  ASSERT_TRUE(backend().configure("shoes", [](const CollectionSpec& now) -> Result<std::string> {
    EXPECT_EQ(now.name, "shoes");
    EXPECT_EQ(now.space.dimensions, kDimensions);
    return R"({"was":)" + now.settings + "}";
  }));
  EXPECT_EQ(backend().spec("shoes")->settings, R"({"was":{"a":1}})");
  const auto refused = backend().configure(
      "shoes", [](const CollectionSpec&) -> Result<std::string> { return fail(ErrorCode::unsupported, "not these"); });
  EXPECT_EQ(refused.error().message, "not these");
  EXPECT_EQ(backend().spec("shoes")->settings, R"({"was":{"a":1}})");
}

TEST_P(BackendContract, DescribeCountsItemsAndBatches) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  const auto before = backend().describe("shoes").value();
  EXPECT_EQ(before.items, 0U);
  store_numbered("shoes", 0, 7);
  const auto after = backend().describe("shoes").value();
  EXPECT_EQ(after.items, 7U);
  EXPECT_GT(after.sequence, before.sequence);
  EXPECT_FALSE(after.index_kind.empty());
}

// --- items ---

TEST_P(BackendContract, GivesEveryFieldBack) {
  ASSERT_TRUE(backend().create(spec("shoes", Metric::dot)));
  Item stored = item("ordner/bild é 日本.jpg", padded({0.1F, -2, 3e-7F, 4e5F}));
  stored.uri = "file:///tmp/a%20b.jpg";
  stored.content_hash = "abcdef";
  stored.size_bytes = 5'000'000'000;
  stored.modified_ns = 1'700'000'000'123'456'789;
  stored.metadata = R"({"label":"Ä\u0000","n":[1,2.5,null,true],"o":{"p":"q"}})";
  const std::string longest(1024, 'x');
  store("shoes", {stored, item(longest, padded({1}))});
  const auto got = backend().get("shoes", std::vector<std::string>{longest, "nowhere", stored.id}, true).value();
  ASSERT_EQ(got.size(), 3U);
  ASSERT_TRUE(got[0] && !got[1] && got[2]);
  EXPECT_EQ(got[0]->id, longest);
  EXPECT_EQ(got[0]->metadata, "{}");
  EXPECT_EQ(got[2]->id, stored.id);
  EXPECT_EQ(got[2]->uri, stored.uri);
  EXPECT_EQ(got[2]->content_hash, stored.content_hash);
  EXPECT_EQ(got[2]->size_bytes, stored.size_bytes);
  EXPECT_EQ(got[2]->modified_ns, stored.modified_ns);
  EXPECT_EQ(got[2]->metadata, stored.metadata);
  EXPECT_EQ(got[2]->vector, stored.vector);
  EXPECT_TRUE(backend().get("shoes", std::vector<std::string>{stored.id}, false).value()[0]->vector.empty());
  const auto hits = search("shoes", stored.vector, 1);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].id, stored.id);
  EXPECT_EQ(hits[0].uri, stored.uri);
  EXPECT_EQ(hits[0].metadata, stored.metadata);
}

TEST_P(BackendContract, ABadItemFailsAloneAndSaysWhy) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<Item> items = {item("good", point(0)),
                             item("short", Vector(kDimensions - 1, 1)),
                             item("long", Vector(kDimensions + 1, 1)),
                             item("none", {}),
                             item("nan", padded({1, kNan})),
                             item("infinite", padded({1, -kInfinity})),
                             item("zero", padded({})),
                             item("", point(1)),
                             item(std::string(1025, 'x'), point(1)),
                             item("\xC3\x28", point(1)),
                             item("list", point(1)),
                             item("broken", point(1)),
                             item("also good", point(1))};
  items[10].metadata = "[1]";
  items[11].metadata = R"({"a":)";
  const auto results = backend().upsert("shoes", items).value();
  ASSERT_EQ(results.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool is_good = i == 0 || i + 1 == items.size();
    EXPECT_EQ(results[i].has_value(), is_good) << items[i].id;
    if (!results[i]) EXPECT_EQ(results[i].error().code, ErrorCode::invalid_argument) << items[i].id;
  }
  EXPECT_EQ(count("shoes"), 2U);
  EXPECT_THAT(ids("shoes", point(0), 50), testing::UnorderedElementsAre("good", "also good"));
}

TEST_P(BackendContract, ZeroVectorsAreFineWhereTheyCanBeCompared) {
  ASSERT_TRUE(backend().create(spec("shoes", Metric::euclidean)));
  store("shoes", {item("zero", padded({})), item("one", padded({1}))});
  EXPECT_THAT(ids("shoes", padded({}), 2), testing::ElementsAre("zero", "one"));
}

TEST_P(BackendContract, StoringAnIdAgainReplacesTheItem) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 20);
  auto moved = item(numbered(3), point(1000));
  moved.metadata = R"({"new":true})";
  store("shoes", {moved});
  EXPECT_EQ(count("shoes"), 20U);
  EXPECT_NE(ids("shoes", point(3), 1)[0], numbered(3));
  const auto hits = search("shoes", point(1000), 50);
  ASSERT_EQ(hits.size(), 20U);
  EXPECT_EQ(hits[0].id, numbered(3));
  EXPECT_EQ(hits[0].metadata, R"({"new":true})");
}

TEST_P(BackendContract, OfAnIdTwiceInABatchTheLastStays) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store("shoes", {item("a", padded({1})), item("b", padded({1, 1})), item("a", padded({0, 1}))});
  EXPECT_EQ(count("shoes"), 2U);
  EXPECT_THAT(ids("shoes", padded({1}), 5), testing::ElementsAre("b", "a"));
}

TEST_P(BackendContract, UpdateChangesFactsAndLeavesVectors) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 5);
  Item changed = item(numbered(2), {});
  changed.uri = "file:///new";
  changed.metadata = R"({"x":1})";
  Item bad = item(numbered(1), {});
  bad.metadata = "no";
  const auto results = backend().update("shoes", std::vector<Item>{changed, item("nowhere", {}), bad}).value();
  ASSERT_EQ(results.size(), 3U);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::not_found);
  EXPECT_EQ(results[2].error().code, ErrorCode::invalid_argument);
  const auto hits = search("shoes", point(2), 1);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].id, numbered(2));
  EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
  EXPECT_EQ(hits[0].uri, "file:///new");
  EXPECT_EQ(hits[0].metadata, R"({"x":1})");
  EXPECT_EQ(count("shoes"), 5U);
}

TEST_P(BackendContract, ErasedItemsNeverComeBackUnlessStoredAgain) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  store_numbered("shoes", 0, 1000);
  for (int i = 0; i < 500; ++i) {
    const auto erased = backend().erase("shoes", std::vector<std::string>{numbered(i), "nowhere", numbered(i)});
    ASSERT_EQ(erased.value(), 1U) << i;
  }
  EXPECT_EQ(count("shoes"), 500U);
  for (int i = 0; i < 500; i += 25) {
    const auto left = ids("shoes", point(i), 100);
    EXPECT_EQ(std::set(left.begin(), left.end()).size(), 100U);
    for (const auto& id : left) EXPECT_GE(std::stoi(id.substr(5)), 500) << id;
    EXPECT_EQ(ids("shoes", point(500 + i), 1)[0], numbered(500 + i));
  }
  EXPECT_EQ(ids("shoes", point(0), 1000).size(), 500U);
  store_numbered("shoes", 0, 1);
  EXPECT_EQ(ids("shoes", point(0), 1)[0], numbered(0));
  EXPECT_EQ(count("shoes"), 501U);
}

TEST_P(BackendContract, EmptyBatchesAreFine) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  EXPECT_TRUE(backend().upsert("shoes", {})->empty());
  EXPECT_TRUE(backend().update("shoes", {})->empty());
  EXPECT_EQ(backend().erase("shoes", {}).value(), 0U);
  EXPECT_TRUE(backend().get("shoes", {}, true)->empty());
}

TEST_P(BackendContract, ScrollsThroughAllItemsById) {
  ASSERT_TRUE(backend().create(spec("shoes")));
  std::vector<std::string> expected;
  std::vector<Item> items;
  for (int i = 0; i < 26; ++i) {
    expected.push_back(std::string(1, static_cast<char>('Z' - i)) + "é");
    items.push_back(item(expected.back(), point(i)));
  }
  store("shoes", items);
  std::ranges::sort(expected);
  std::vector<std::string> order;
  for (const std::uint32_t limit : {1U, 5U, 13U, 26U, 100U}) {
    std::vector<std::string> found;
    std::string cursor;
    do {
      const auto page = backend().scroll("shoes", cursor, limit, limit == 5).value();
      EXPECT_LE(page.items.size(), limit);
      for (const Item& each : page.items) {
        found.push_back(each.id);
        EXPECT_EQ(each.vector.size(), limit == 5 ? kDimensions : 0);
      }
      cursor = page.next;
    } while (!cursor.empty());
    if (!GetParam().scrolls_by_id) {
      if (limit == 1) order = found;
      EXPECT_EQ(found, order) << limit;
      std::ranges::sort(found);
    }
    EXPECT_EQ(found, expected) << limit;
  }
  EXPECT_EQ(backend().scroll("shoes", "", 0, false).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend().scroll("shoes", "", 10'001, false).error().code, ErrorCode::invalid_argument);
}

}  // namespace eidetic
