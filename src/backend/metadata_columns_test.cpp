#include "backend/metadata_columns.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/generation.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FieldName field(const std::string& text) { return parse_field(text).value(); }

Item item_with(std::string metadata, std::string id = "x") {
  return {.id = std::move(id), .uri = "file:///x", .content_hash = {}, .metadata = std::move(metadata), .vector = {}};
}

// Columns of the fields that a test looks at, over items by row.
class Columns {
 public:
  explicit Columns(std::vector<Item> items) : items_(std::move(items)) {}

  const MetadataColumns& of(const std::vector<FieldName>& fields) {
    EXPECT_TRUE(columns_.learn(fields, [this](const auto& visit) -> Result<void> {
      for (Row row = 0; row < items_.size(); ++row) visit(row, items_[row]);
      return {};
    }));
    return columns_;
  }
  std::vector<Row> rows(std::string_view filter) {
    const auto parsed = parse_filter(filter).value();
    std::vector<Row> rows;
    of(fields_of(parsed)).matching(parsed, end()).for_each([&](Row row) { rows.push_back(row); });
    return rows;
  }
  RowSet all() const {
    RowSet rows(end());
    rows.complement();
    return rows;
  }
  void set(Row row, Item item) {
    columns_.set(row, item);
    items_.resize(std::max<std::size_t>(items_.size(), row + 1));
    items_[row] = std::move(item);
  }
  Row end() const { return static_cast<Row>(items_.size()); }
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
  MetadataColumns columns_;
};

// What is odd about metadata: lists, nulls, objects, numbers of each type, nested fields, none at all.
std::vector<Item> odd_items() {
  std::vector<Item> items;
  for (const auto* metadata :
       {R"({"a":1})", R"({"a":1.0})", R"({"a":"1"})", R"({"a":true})", R"({"a":null})", R"({})",
        R"({"a":[1,"x",null]})", R"({"a":[]})", R"({"a":{"b":2}})", R"({"a":[[1]]})", R"({"a":[{"b":2}]})",
        R"({"a":-3})", R"({"a":9007199254740993})", R"({"a":9007199254740992})", R"({"a":[2,2,5]})", "no JSON"}) {
    items.push_back(item_with(metadata, fmt::format("item {}", items.size())));
  }
  return items;
}

TEST(MetadataColumns, AgreeWithTheFilterOnEveryKindOfValue) {
  Columns columns(odd_items());
  for (const auto* text : {"a = 1",
                           "a != 1",
                           "a = 1.0",
                           "a < 2",
                           "a >= 5",
                           "a = '1'",
                           "a > ''",
                           "a",
                           "not a",
                           "a = null",
                           "exists a",
                           "a in (1, 'x', true)",
                           "a not in (1, null)",
                           "a.b = 2",
                           "a.b = null",
                           "not exists a.b",
                           "a = 9007199254740993",
                           "a > 9007199254740992",
                           "@id = 'item 3'",
                           "@id > 'item 7'",
                           "@uri = 'file:///x'",
                           "a = 1 or a.b = 2 and @id < 'j'",
                           "not (a = 1 and not a = 2)",
                           "gone = null",
                           "gone = 1",
                           ""}) {
    const auto filter = parse_filter(text).value();
    std::vector<Row> expected;
    for (Row row = 0; row < columns.end(); ++row) {
      if (filter.matches(columns.items()[row])) expected.push_back(row);
    }
    EXPECT_EQ(columns.rows(text), expected) << text;
  }
}

TEST(MetadataColumns, FollowWhatIsSet) {
  Columns columns({item_with(R"({"n":[1,2]})"), item_with(R"({"n":3})")});
  EXPECT_THAT(columns.rows("n = 2"), ElementsAre(0));
  columns.set(0, item_with(R"({"n":3})"));
  columns.set(1, item_with(R"({"n":[4,5]})"));
  columns.set(5, item_with(R"({"n":[2,3]})"));
  EXPECT_THAT(columns.rows("n = 2"), ElementsAre(5));
  EXPECT_THAT(columns.rows("n = 3"), ElementsAre(0, 5));
  EXPECT_THAT(columns.rows("n = 5"), ElementsAre(1));
  EXPECT_THAT(columns.rows("n = null"), ElementsAre(2, 3, 4));
}

TEST(MetadataColumns, AreTakenOverByOtherRows) {
  Columns columns(odd_items());
  const MetadataColumns& from = columns.of({field("a")});
  MetadataColumns to;
  const Row end = columns.end();
  to.take_over(from, end - 1, [&](Row row) { return row == 3 ? std::nullopt : std::optional(end - 1 - row); });
  const std::vector<FieldName> fields = {field("a")};
  ASSERT_TRUE(to.has(fields));
  for (const auto* text : {"a = 1", "a = null", "a > 4", "a = 'x'"}) {
    const auto filter = parse_filter(text).value();
    const RowSet there = from.matching(filter, end);
    const RowSet here = to.matching(filter, end - 1);
    for (Row row = 0; row + 1 < end; ++row) {
      const bool expected = row == 3 ? std::string_view(text) == "a = null" : there.contains(end - 1 - row);
      EXPECT_EQ(here.contains(row), expected) << text << ", row " << row;
    }
  }
}

TEST(MetadataColumns, CountValues) {
  Columns columns({item_with(R"({"k":"b","n":2})"), item_with(R"({"k":"a"})"),
                   item_with(R"({"k":["a","b","a"],"n":-1.5})"), item_with(R"({"k":"c","n":2.0})"), item_with("{}"),
                   item_with(R"({"k":{"x":1},"n":"9"})")});
  const auto& all = columns.of({field("k"), field("n")});
  const Facet kinds = all.facet(field("k"), columns.all(), 2);
  EXPECT_EQ(kinds.items, 6U);
  EXPECT_EQ(kinds.without, 1U);
  EXPECT_EQ(kinds.distinct, 3U);
  ASSERT_EQ(kinds.values.size(), 2U);
  EXPECT_EQ(kinds.values[0].value, "\"a\"");
  EXPECT_EQ(kinds.values[0].items, 2U);
  EXPECT_EQ(kinds.values[1].value, "\"b\"");
  EXPECT_FALSE(kinds.least);
  RowSet some(6);
  some.insert(2);
  some.insert(3);
  const Facet numbers = all.facet(field("n"), some, 10);
  EXPECT_EQ(numbers.items, 2U);
  EXPECT_EQ(numbers.least, -1.5);
  EXPECT_EQ(numbers.largest, 2.0);
}

TEST(MetadataColumns, SortPageByPage) {
  Columns columns({item_with(R"({"n":2})"), item_with("{}"), item_with(R"({"n":"b"})"), item_with(R"({"n":[5,1]})"),
                   item_with(R"({"n":2})"), item_with(R"({"n":true})"), item_with(R"({"n":"a"})")});
  const auto& all = columns.of({field("n")});
  const auto rows = [&](bool descending, std::size_t limit) {
    std::vector<Row> rows;
    std::optional<MetadataColumns::Place> from;
    while (true) {
      const auto places = all.sorted(field("n"), descending, columns.all(), from, limit + 1);
      for (std::size_t i = 0; i < std::min(limit, places.size()); ++i) rows.push_back(places[i].row);
      if (places.size() <= limit) return rows;
      from = places.back();
    }
  };
  for (const std::size_t limit : {1U, 2U, 3U, 10U}) {
    EXPECT_THAT(rows(false, limit), ElementsAre(3, 0, 4, 6, 2, 5, 1)) << limit;
    EXPECT_THAT(rows(true, limit), ElementsAre(5, 2, 6, 3, 0, 4, 1)) << limit;
  }
}

// --- random filters against a plain evaluation ---

struct Thing {
  std::optional<int> price;
  std::string kind;
  std::vector<std::string> tags;
  bool sold = false;
};

// A filter as text, and as a function.
struct Twin {
  std::string text;
  std::function<bool(const Thing&)> passes;
};

class Twins {
 public:
  explicit Twins(unsigned seed) : random_(seed) {}

  int number(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  std::string kind() { return fmt::format("kind {}", number(50)); }
  std::string tag() { return fmt::format("t{}", number(12)); }

  Thing thing() {
    Thing made{.price = std::nullopt, .kind = kind(), .tags = {}, .sold = number(4) == 0};
    if (number(10) > 0) made.price = number(1000);
    for (int i = number(4); i > 0; --i) made.tags.push_back(tag());
    return made;
  }

  Twin filter(int depth) {
    if (depth == 0 || number(3) == 0) return comparison();
    if (number(4) == 0) {
      Twin inner = filter(depth - 1);
      return {fmt::format("not ({})", inner.text), [inner](const Thing& thing) { return !inner.passes(thing); }};
    }
    const bool both = number(2) == 0;
    Twin left = filter(depth - 1);
    Twin right = filter(depth - 1);
    return {fmt::format("({} {} {})", left.text, both ? "and" : "or", right.text),
            [both, left, right](const Thing& thing) {
              return both ? left.passes(thing) && right.passes(thing) : left.passes(thing) || right.passes(thing);
            }};
  }

 private:
  Twin comparison() {
    const int price = number(1000);
    switch (number(7)) {
      case 0: return {fmt::format("price < {}", price), [=](const Thing& t) { return t.price && *t.price < price; }};
      case 1: return {fmt::format("price >= {}.5", price), [=](const Thing& t) { return t.price && *t.price > price; }};
      case 2: return {"exists price", [](const Thing& t) { return t.price.has_value(); }};
      case 3: return {"sold", [](const Thing& t) { return t.sold; }};
      case 4: {
        const auto a = kind();
        const auto b = kind();
        return {fmt::format("kind in ('{}', \"{}\")", a, b),
                [=](const Thing& t) { return t.kind == a || t.kind == b; }};
      }
      case 5: {
        const auto than = kind();
        return {fmt::format("kind > '{}'", than), [=](const Thing& t) { return t.kind > than; }};
      }
      default: {
        const auto wanted = tag();
        return {fmt::format("tags != '{}'", wanted),
                [=](const Thing& t) { return std::ranges::find(t.tags, wanted) == t.tags.end(); }};
      }
    }
  }

  std::mt19937 random_;
};

std::string metadata_of(const Thing& thing) {
  Json json = {{"kind", thing.kind}, {"tags", thing.tags}, {"sold", thing.sold}};
  if (thing.price) json["price"] = *thing.price;
  return json.dump();
}

// EIDETIC_RANDOM_FILTERS: how many.
TEST(MetadataColumns, AgreeWithAPlainEvaluationOnRandomFilters) {
  const char* const asked = std::getenv("EIDETIC_RANDOM_FILTERS");
  const int filters = asked == nullptr ? 200 : std::atoi(asked);
  constexpr std::size_t kThings = 100'000;
  Twins twins(7);
  std::vector<Thing> things;
  std::vector<Item> items;
  for (std::size_t i = 0; i < kThings; ++i) {
    things.push_back(twins.thing());
    items.push_back(item_with(metadata_of(things.back())));
  }
  Columns columns(std::move(items));
  for (int i = 0; i < filters; ++i) {
    const Twin twin = twins.filter(3);
    const auto filter = parse_filter(twin.text).value();
    const RowSet rows = columns.of(fields_of(filter)).matching(filter, columns.end());
    for (Row row = 0; row < kThings; ++row) {
      ASSERT_EQ(rows.contains(row), twin.passes(things[row])) << twin.text << ", row " << row;
    }
  }
}

}  // namespace
}  // namespace eidetic
