// What every Backend has to do with parts of items. See contract_test.h.
#pragma once

#include "backend/contract_test.h"

namespace eidetic {

class PartsContract : public BackendContract {
 protected:
  void SetUp() override { ASSERT_TRUE(backend().create(spec("photos"))); }

  static Item with_parts(std::string id, Vector vector, std::vector<Vector> parts, std::string metadata = "{}") {
    Item made = item(std::move(id), std::move(vector));
    made.parts = std::move(parts);
    made.metadata = std::move(metadata);
    return made;
  }
  std::vector<Hit> by_parts(const Vector& vector, std::uint32_t k, std::string_view filter = "",
                            std::vector<std::string> exclude = {}) {
    VectorQuery query{.vector = vector, .k = k, .exclude_ids = std::move(exclude)};
    query.filter = parse_filter(filter).value();
    query.parts = true;
    auto hits = backend().search("photos", query);
    EXPECT_TRUE(hits) << hits.error().message;
    return std::move(hits).value_or(std::vector<Hit>());
  }
  static std::vector<std::string> ids_of(const std::vector<Hit>& hits) {
    std::vector<std::string> ids;
    for (const Hit& hit : hits) ids.push_back(hit.id);
    return ids;
  }
};

TEST_P(PartsContract, FindItemsAtTheirNearestVector) {
  store("photos", {with_parts("scene", point(1), {point(2), point(3)}, R"({"in": "scene"})"), item("other", point(4))});
  const auto hits = by_parts(point(3), 2);
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].id, "scene");
  EXPECT_EQ(hits[0].part, 1U);
  EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
  EXPECT_EQ(hits[0].metadata, R"({"in": "scene"})");
  EXPECT_EQ(by_parts(point(1), 1)[0].part, std::nullopt) << "the whole picture is nearest";
  EXPECT_FALSE(search("photos", point(3), 2)[0].part) << "parts count only where they are asked for";
  EXPECT_EQ(backend().describe("photos")->parts, 2U);
  EXPECT_EQ(backend().describe("photos")->items, 2U);
}

TEST_P(PartsContract, GiveKItemsHoweverManyPartsAreNear) {
  std::vector<Item> items;
  for (int i = 0; i < 20; ++i) {
    std::vector<Vector> parts;
    for (int part = 0; part < 30; ++part) {
      parts.push_back(point(i == 0 ? 0 : 1000 + 100 * i + part));
      parts.back()[0] += static_cast<float>(part) / 1000;
    }
    items.push_back(with_parts(numbered(i), point(i), parts));
  }
  store("photos", items);
  const auto hits = by_parts(point(0), 10);
  ASSERT_EQ(hits.size(), 10U);
  EXPECT_EQ(hits[0].id, numbered(0));
  // Every item at the best of its vectors, in the order of these.
  std::vector<std::pair<double, std::string>> expected;
  for (const Item& one : items) {
    double best = -1;
    auto vectors = one.parts;
    vectors.push_back(one.vector);
    for (const Vector& vector : vectors) {
      double dot = 0, a = 0, b = 0;
      for (std::size_t d = 0; d < vector.size(); ++d) {
        const double x = vector[d], y = point(0)[d];
        dot += x * y;
        a += x * x;
        b += y * y;
      }
      best = std::max(best, dot / std::sqrt(a * b));
    }
    expected.emplace_back(-best, one.id);
  }
  std::ranges::sort(expected);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_EQ(hits[i].id, expected[i].second) << i;
    EXPECT_NEAR(hits[i].similarity, -expected[i].first, 1e-5) << i;
  }
}

TEST_P(PartsContract, PassFiltersAsTheirItemsDo) {
  store("photos",
        {with_parts("a", point(1), {point(9)}, R"({"price": 5})"),
         with_parts("b", point(2), {point(9)}, R"({"price": 50})"), with_parts("c", point(3), {point(9)}, "{}")});
  EXPECT_THAT(ids_of(by_parts(point(9), 10, "price < 10")), testing::ElementsAre("a"));
  EXPECT_THAT(ids_of(by_parts(point(9), 10, R"(@id in ("b", "c"))")), testing::UnorderedElementsAre("b", "c"));
  EXPECT_THAT(ids_of(by_parts(point(9), 10, "", {"a", "b"})), testing::ElementsAre("c"));
  // The facts of parts follow those of their item.
  Item changed = item("b", {});
  changed.metadata = R"({"price": 6})";
  ASSERT_TRUE(backend().update("photos", std::span(&changed, 1)));
  const auto hits = by_parts(point(9), 10, "price < 10");
  EXPECT_THAT(ids_of(hits), testing::UnorderedElementsAre("a", "b"));
  EXPECT_THAT(hits, testing::Each(testing::Field(&Hit::part, testing::Optional(0U))));
}

TEST_P(PartsContract, GoWithTheirItems) {
  store("photos", {with_parts("a", point(1), {point(8), point(9)}), with_parts("b", point(2), {point(7)})});
  store("photos", {with_parts("a", point(1), {point(5)})});
  EXPECT_LT(by_parts(point(9), 1)[0].similarity, 0.99) << "a part that the new item does not have";
  EXPECT_EQ(by_parts(point(5), 1)[0].part, 0U);
  store("photos", {item("a", point(1))});
  EXPECT_LT(by_parts(point(5), 1)[0].similarity, 0.99);
  const std::string b = "b";
  ASSERT_EQ(backend().erase("photos", std::span(&b, 1)).value(), 1U);
  EXPECT_THAT(ids_of(by_parts(point(7), 10)), testing::ElementsAre("a"));
  EXPECT_EQ(backend().describe("photos")->parts, 0U);

  store("photos", {with_parts("c", point(3), {point(6)})});
  ASSERT_TRUE(backend().drop("photos"));
  ASSERT_TRUE(backend().create(spec("photos")));
  store("photos", {item("c", point(3))});
  EXPECT_LT(by_parts(point(6), 1)[0].similarity, 0.99) << "parts of a dropped collection";
}

TEST_P(PartsContract, AreStoredAndReadByThemselves) {
  store("photos", {item("a", point(1)), item("b", point(2))});
  const std::vector<Item> parts = {with_parts("a", {}, {point(8), point(9)}), with_parts("nobody", {}, {point(7)}),
                                   with_parts("b", {}, {{1, 2, 3}})};
  const auto stored = backend().store_parts("photos", parts);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE((*stored)[0]);
  EXPECT_EQ((*stored)[1].error().code, ErrorCode::not_found);
  EXPECT_EQ((*stored)[2].error().code, ErrorCode::invalid_argument);
  const std::vector<std::string> ids = {"b", "a", "nobody"};
  const auto read = backend().parts("photos", ids);
  ASSERT_TRUE(read);
  EXPECT_THAT(*read,
              testing::ElementsAre(testing::IsEmpty(), testing::ElementsAre(point(8), point(9)), testing::IsEmpty()));
  ASSERT_TRUE(backend().drop_parts("photos"));
  EXPECT_THAT(backend().parts("photos", ids)->at(1), testing::IsEmpty());
  EXPECT_EQ(count("photos"), 2U);
}

TEST_P(PartsContract, FailWithTheirItemAlone) {
  const std::vector<Item> items = {with_parts("a", point(1), {point(8)}), with_parts("b", {1, 2}, {point(8)}),
                                   with_parts("c", point(3), {Vector(kDimensions, NAN)}),
                                   with_parts("d", point(4), std::vector<Vector>(kMaxParts + 1, point(8)))};
  const auto stored = backend().upsert("photos", items);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE((*stored)[0]);
  for (std::size_t i = 1; i < items.size(); ++i) {
    ASSERT_FALSE((*stored)[i]) << i;
    EXPECT_EQ((*stored)[i].error().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(count("photos"), 1U);
  EXPECT_THAT(ids_of(by_parts(point(8), 10)), testing::ElementsAre("a"));
}

TEST_P(PartsContract, AreNoCollectionOfTheirOwn) {
  store("photos", {with_parts("a", point(1), {point(8)})});
  const auto all = backend().list();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(backend().describe(".parts.photos").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend().create(spec(".parts.photos")).error().code, ErrorCode::invalid_argument);
}

}  // namespace eidetic
