#include "cluster/qdrant_facts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cluster/test_tables.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

// What Qdrant says of filters (qdrant.tech/documentation/search/filtering), as far as ours are made of it: a condition
// on a key passes if it does for any entry of a list that is there.
class Oracle {
 public:
  explicit Oracle(const Item& item) : id_(qdrant_point_id(item.id)) {
    auto facts = qdrant_facts(Json::parse(item.metadata));
    payload_ = {{"id", item.id}, {"uri", item.uri}, {"k", facts.values}, {"n", facts.numbers}};
  }
  bool passes(const Json& condition) const {
    if (condition.contains("has_id")) return holds(condition["has_id"], id_);
    if (condition.contains("is_empty")) {
      const Json found = at(condition["is_empty"]["key"]);
      return found.is_null() || (found.is_array() && found.empty());
    }
    if (condition.contains("match")) {
      return any(at(condition["key"]), [&](const Json& each) { return holds(condition["match"]["any"], each); });
    }
    if (condition.contains("range")) {
      return any(at(condition["key"]), [&](const Json& each) { return within(each, condition["range"]); });
    }
    const auto part = [&](const Json& each) { return passes(each); };
    bool passing = true;
    if (condition.contains("must")) passing = passing && std::ranges::all_of(condition["must"], part);
    if (condition.contains("should")) passing = passing && std::ranges::any_of(condition["should"], part);
    if (condition.contains("must_not")) passing = passing && std::ranges::none_of(condition["must_not"], part);
    return passing;
  }

 private:
  Json at(const std::string& key) const {
    const auto dot = key.find('.');
    const Json& outer = payload_[key.substr(0, dot)];
    if (dot == std::string::npos) return outer;
    EXPECT_EQ(key.find('.', dot + 1), std::string::npos) << key;
    return outer.contains(key.substr(dot + 1)) ? outer[key.substr(dot + 1)] : Json();
  }
  static bool holds(const Json& list, const Json& value) { return std::ranges::find(list, value) != list.end(); }
  template <typename Test>
  static bool any(const Json& found, const Test& test) {
    return found.is_array() ? std::ranges::any_of(found, test) : test(found);
  }
  static bool within(const Json& value, const Json& range) {
    if (!value.is_number()) return false;
    const auto number = value.get<double>();
    bool inside = true;
    for (const auto& [word, bound] : range.items()) {
      const auto limit = bound.get<double>();
      inside = inside && (word == "lt"    ? number < limit
                          : word == "lte" ? number <= limit
                          : word == "gt"  ? number > limit
                                          : number >= limit);
    }
    return inside;
  }

  std::string id_;
  Json payload_;
};

bool passes(const QdrantFilter& filter, const Item& item) {
  if (filter.passes == QdrantFilter::Passes::some) return Oracle(item).passes(filter.condition);
  return filter.passes == QdrantFilter::Passes::all;
}

TEST(QdrantFacts, FiltersPassWhatTheyPassItemByItem) {
  std::mt19937 random(7);
  std::vector<Item> items;
  for (int i = 0; i < 100; ++i) {
    items.push_back(table_item("item-" + std::to_string(i), {}, any_metadata(random)));
    if (i % 3 == 0) items.back().uri = "u";
  }
  std::size_t telling = 0;
  for (int i = 0; i < 600; ++i) {
    const auto filter = parse_filter(any_filter(random)).value();
    const auto translated = qdrant_filter(filter);
    ASSERT_TRUE(translated) << filter.text() << ": " << translated.error().message;
    std::size_t passing = 0;
    for (const Item& item : items) {
      ASSERT_EQ(passes(*translated, item), filter.matches(item)) << filter.text() << "\n" << item.metadata;
      passing += filter.matches(item) ? 1 : 0;
    }
    telling += passing > 0 && passing < items.size() ? 1 : 0;
  }
  EXPECT_GT(telling, 300U);
}

TEST(QdrantFacts, SayWhatQdrantCannotDo) {
  const auto refused = [](std::string_view text) {
    const auto made = qdrant_filter(parse_filter(text).value());
    EXPECT_FALSE(made) << text;
    if (made) return std::string();
    EXPECT_EQ(made.error().code, ErrorCode::unsupported);
    EXPECT_THAT(made.error().message, HasSubstr("Qdrant"));
    return made.error().message;
  };
  EXPECT_THAT(refused("n = 1 and name < 'm'"), HasSubstr("'name' with the string \"m\""));
  EXPECT_THAT(refused("@id >= 'm'"), HasSubstr("'@id'"));
  EXPECT_THAT(refused("ns > 9007199254740993"), HasSubstr("9007199254740993"));
  std::string deep = "a = 1";
  for (int i = 0; i < 60; ++i) deep = fmt::format("({} {} b = {})", deep, i % 2 == 0 ? "or" : "and", i);
  EXPECT_THAT(refused(deep), HasSubstr("parentheses"));
}

TEST(QdrantFacts, NameFieldsByWhatPathsOfQdrantHold) {
  EXPECT_EQ(qdrant_values_key({"kind"}), "k.kind");
  EXPECT_EQ(qdrant_numbers_key({"sale", "until"}), "n.sale_-until");
  EXPECT_EQ(qdrant_values_key({"@id"}), "id");
  std::set<std::string> keys;
  const std::vector<FieldName> fields = {{"a", "b"},  {"a.b"},  {"a_-b"}, {"a-b"},    {"a_b"}, {"a_", "b"},
                                         {"a", "_b"}, {"a__b"}, {"ü"},    {"_c3_bc"}, {"A"},   {"a"}};
  for (const FieldName& field : fields) {
    const std::string key = qdrant_field(field);
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_TRUE(std::ranges::all_of(key, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; }));
  }
}

TEST(QdrantFacts, PointsHaveUuids) {
  const auto id = qdrant_point_id("a");
  EXPECT_EQ(id, "ca978112-ca1b-8dca-bac2-31b39a23dc4d");  // of sha256("a"), with version and variant
  EXPECT_NE(id, qdrant_point_id("b"));
}

}  // namespace
}  // namespace eidetic
