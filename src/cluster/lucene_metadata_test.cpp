// What filters, sorted lists and counts of values mean on real engines: what they mean everywhere.
#include <algorithm>
#include <map>
#include <random>

#include "backend/metadata_columns.h"
#include "base/filter_node.h"
#include "cluster/lucene_store_test.h"

namespace eidetic {
namespace {

class LuceneMetadata : public LuceneStores {};
INSTANTIATE_TEST_SUITE_P(Real, LuceneMetadata, testing::ValuesIn(kTestEngines),
                         [](const auto& info) { return info.param.name; });

// Values of every kind, many of them near each other.
class RandomMetadata {
 public:
  // `twins`: numbers that are equal and yet written in two ways, too.
  explicit RandomMetadata(bool twins) : twins_(twins) {}

  std::string metadata() {
    Json made = Json::object();
    for (const char* name : {"a", "b", "c d", "o"}) {
      if (below(4) != 0) made[name] = value(true);
    }
    if (below(2) == 0) made["o"] = {{"p", value(true)}, {"q.r", value(false)}, {"s", {{"t", value(true)}}}};
    return dump_json(made);
  }
  std::string filter(int depth) {
    if (depth > 0 && below(3) != 0) {
      const std::string left = filter(depth - 1);
      if (below(4) == 0) return fmt::format("not ({})", left);
      return fmt::format("({}) {} ({})", left, below(2) == 0 ? "and" : "or", filter(depth - 1));
    }
    const std::string field = pick({"a", "b", "`c d`", "o", "o.p", "o.`q.r`", "o.s.t", "never", "@id", "@uri"});
    switch (below(5)) {
      case 0: return "exists " + field;
      case 1: return field;
      case 2: return fmt::format("{} {}in ({}, {})", field, below(2) == 0 ? "" : "not ", literal(), literal());
      default: return fmt::format("{} {} {}", field, pick({"=", "!=", "<", "<=", ">", ">="}), literal());
    }
  }
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

 private:
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  Json scalar() {
    std::vector<std::string> all = {"0",
                                    "1",
                                    "2",
                                    "2.5",
                                    "-3",
                                    "-3.5",
                                    "9007199254740992",
                                    "9007199254740993",
                                    "9007199254740994",
                                    "-9007199254740993",
                                    "1e300",
                                    "-1e300",
                                    R"("")",
                                    R"("1")",
                                    R"("a")",
                                    R"("é")",
                                    R"("ab")",
                                    R"("\u0001")",
                                    "true",
                                    "false"};
    if (twins_) all.insert(all.end(), {"-0.0", "1.0", "9007199254740992.0"});
    return Json::parse(pick(all));
  }
  Json value(bool lists) {
    switch (below(lists ? 8 : 6)) {
      case 0: return nullptr;
      case 1: return Json::object();
      case 6: return Json::array();
      case 7: {
        Json list = Json::array();
        for (std::size_t i = below(4) + 1; i > 0; --i) list.push_back(value(false));
        if (below(5) == 0) list.push_back(Json::array({1}));
        return list;
      }
      default: return scalar();
    }
  }
  std::string literal() {
    if (below(8) == 0) return "null";
    const Json made = scalar();
    if (made.is_string() && made.get_ref<const std::string&>() == "\x01") return "'i3'";
    return made.is_string() ? fmt::format("'{}'", made.get<std::string>()) : dump_json(made);
  }
  bool twins_;
  std::mt19937 random_{11};
};

TEST_P(LuceneMetadata, FilterAsItemsAreMatched) {
  RandomMetadata random(true);
  ASSERT_TRUE(store().create_table("t", field()));
  std::vector<Item> items;
  for (int i = 0; i < 300; ++i) {
    items.push_back(table_item(fmt::format("i{}", i), {1, 2, 3, static_cast<float>(i)}, random.metadata()));
    items.back().uri = i % 3 == 0 ? "" : fmt::format("u{}", i % 7);
  }
  put(items, field());
  for (int round = 0; round < 400; ++round) {
    const std::string text = random.filter(round % 4);
    const auto filter = parse_filter(text);
    ASSERT_TRUE(filter) << text;
    std::vector<std::string> expected;
    for (const Item& each : items) {
      if (filter->matches(each)) expected.push_back(each.id);
    }
    const auto counted = store().count("t", *filter, nullptr);
    ASSERT_TRUE(counted) << text << ": " << counted.error().message;
    if (*counted != expected.size()) {
      ADD_FAILURE() << text << ": " << *counted << " items, expected " << expected.size();
      continue;
    }
    VectorQuery query{.vector = {1, 0, 0, 1}, .k = 1000, .exclude_ids = {}, .filter = *filter};
    const auto hits = store().search("t", field(), std::span(&query, 1));
    ASSERT_TRUE(hits && hits->front()) << text;
    std::vector<std::string> found;
    for (const Hit& hit : *hits->front()) found.push_back(hit.id);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    EXPECT_EQ(found, expected) << text;
  }
}

TEST_P(LuceneMetadata, SortAndCountAsTheEmbeddedBackendDoes) {
  RandomMetadata random(false);
  ASSERT_TRUE(store().create_table("t", field()));
  std::vector<Item> items;
  MetadataColumns columns;
  const std::vector<std::string> names = {"a", "b", "`c d`", "o", "o.p", "o.`q.r`", "never", "@id", "@uri"};
  std::vector<FieldName> fields;
  for (const auto& name : names) fields.push_back(parse_field(name).value());
  ASSERT_TRUE(columns.learn(fields, [](const auto&) { return Result<void>(); }));
  for (std::size_t i = 0; i < 200; ++i) {
    items.push_back(table_item(fmt::format("i{}", (i * 37) % 200), {1, 2, 3, 4}, random.metadata()));
    items.back().uri = fmt::format("u{}", i % 7);
    columns.set(static_cast<Row>(i), items.back());
  }
  put(items, field());
  const auto filter = parse_filter("not exists b or b != 1").value();
  RowSet rows(200);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (filter.matches(items[i])) rows.insert(static_cast<Row>(i));
  }
  for (std::size_t f = 0; f < names.size(); ++f) {
    for (const bool descending : {false, true}) {
      SortedRequest request{.filter = filter, .field = names[f], .descending = descending, .limit = 17};
      std::vector<std::string> found;
      do {
        const auto page = store().sorted("t", request);
        ASSERT_TRUE(page) << page.error().message;
        for (const Item& each : page->items) found.push_back(each.id);
        request.cursor = page->next;
      } while (!request.cursor.empty());
      const auto places = columns.sorted(fields[f], descending, rows, std::nullopt, 1000);
      std::vector<std::string> expected;
      for (const auto& place : places) expected.push_back(items[place.row].id);
      EXPECT_EQ(found, expected) << names[f] << (descending ? " falling" : " rising");
    }
    for (const std::uint32_t limit : {3U, 1000U}) {
      const auto facets = store().facets("t", {.fields = {names[f]}, .filter = filter, .limit = limit});
      ASSERT_TRUE(facets) << facets.error().message;
      const Facet& found = facets->front();
      const Facet expected = columns.facet(fields[f], rows, limit);
      EXPECT_EQ(found.items, expected.items) << names[f];
      EXPECT_EQ(found.without, expected.without) << names[f];
      EXPECT_EQ(found.distinct, expected.distinct) << names[f];
      EXPECT_EQ(found.least, expected.least) << names[f];
      EXPECT_EQ(found.largest, expected.largest) << names[f];
      std::map<std::string, std::uint64_t> counts, all;
      for (const auto& value : found.values) counts[value.value] = value.items;
      for (const auto& value : columns.facet(fields[f], rows, 1000).values) all[value.value] = value.items;
      EXPECT_EQ(counts.size(), std::min<std::size_t>(limit, all.size())) << names[f];
      for (const auto& [value, count] : counts) EXPECT_EQ(count, all[value]) << value;
    }
  }
}

TEST_P(LuceneMetadata, TellNumbersApartByHowTheyWereWritten) {
  ASSERT_TRUE(store().create_table("t", field()));
  put({table_item("a", {1, 2, 3, 4}, R"({"x":1})"), table_item("b", {1, 2, 3, 4}, R"({"x":1.0})"),
       table_item("c", {1, 2, 3, 4}, R"({"x":[1,1.0,"1",null]})")},
      field());
  const auto facets = store().facets("t", {.fields = {"x"}, .limit = 10}).value();
  std::map<std::string, std::uint64_t> counts;
  for (const auto& value : facets[0].values) counts[value.value] = value.items;
  EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{{"1", 2}, {"1.0", 2}, {R"("1")", 1}}));
  EXPECT_EQ(facets[0].without, 1U);
  EXPECT_EQ(store().count("t", parse_filter("x = 1").value(), nullptr).value(), 3U);
}

}  // namespace
}  // namespace eidetic
