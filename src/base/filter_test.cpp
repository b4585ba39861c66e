#include "eidetic/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Item kShoe{.id = "shoes/1.jpg",
                 .uri = "file:///shoes/1.jpg",
                 .content_hash = {},
                 .metadata = R"({"label":"shoe","price":19.5,"stock":3,"tags":["red","new"],"sale":{"until":"2030"},
                                 "sold out":false,"note":null,"größe":42})",
                 .vector = {}};

std::string verdict(std::string_view text) {
  const auto filter = parse_filter(text);
  if (!filter) return filter.error().message;
  return filter->matches(kShoe) ? "yes" : "no";
}

TEST(Filter, ComparesValuesOfOneKind) {
  for (const auto* text : {
           "label = 'shoe'",
           R"(label="shoe")",
           "label != \"boot\"",
           "price < 20",
           "price <= 19.5",
           "price > 1.9e1",
           "stock >= 3",
           "stock = 3.0",
           "stock = 3",
           "label > 'shoa'",
           "`sold out` = false",
           "größe = 42",
           "sale.until = '2030'",
           "`sale`.`until` < '2031'",
           "@id = 'shoes/1.jpg'",
           "@uri >= 'file:'",
           "stock > -1",
       }) {
    EXPECT_EQ(verdict(text), "yes") << text;
  }
  for (const auto* text : {"label = 'Shoe'", "price < 19.5", "stock = '3'", "label < 5", "label > 5", "price > '1'",
                           "sold = false", "sale = '2030'", "label.deep = 'shoe'", "@id = '1.jpg'"}) {
    EXPECT_EQ(verdict(text), "no") << text;
  }
}

TEST(Filter, TakesAMissingFieldForNull) {
  for (const auto* text : {"gone = null", "note = null", "gone != 1", "not exists gone", "not exists note",
                           "exists label", "exists sale.until", "stock != null"}) {
    EXPECT_EQ(verdict(text), "yes") << text;
  }
  EXPECT_EQ(verdict("gone < 1"), "no");
  EXPECT_EQ(verdict("exists sale.until.day"), "no");
}

TEST(Filter, LooksIntoLists) {
  EXPECT_EQ(verdict("tags = 'red'"), "yes");
  EXPECT_EQ(verdict("tags = 'blue'"), "no");
  EXPECT_EQ(verdict("tags != 'red'"), "no");
  EXPECT_EQ(verdict("tags in ('blue', 'new')"), "yes");
}

TEST(Filter, JoinsAndNegates) {
  EXPECT_EQ(verdict("label = 'x' or stock = 3 and price < 20"), "yes");
  EXPECT_EQ(verdict("(label = 'x' or stock = 3) and price > 20"), "no");
  EXPECT_EQ(verdict("NOT (label = 'x' OR stock = 4) AND EXISTS label"), "yes");
  EXPECT_EQ(verdict("not not stock = 3"), "yes");
  EXPECT_EQ(verdict("stock in (1, 2, 3)"), "yes");
  EXPECT_EQ(verdict("stock not in (1, 2, 3)"), "no");
  EXPECT_EQ(verdict("label in ('a', null, true, 1)"), "no");
  EXPECT_EQ(verdict("price < 20 and label in ('shoe', 'boot') and not `sold out`"), "yes");
  EXPECT_EQ(verdict("(`sold out`) or stock"), "no");  // 3 is not true
}

TEST(Filter, OfNoWordsPassesEverything) {
  for (const auto* text : {"", " \n\t"}) EXPECT_TRUE(parse_filter(text)->empty()) << text;
  EXPECT_EQ(verdict(""), "yes");
  EXPECT_FALSE(parse_filter("stock = 4")->empty());
}

TEST(Filter, UnescapesStrings) {
  const Item item{.id = "a\"b'c\\d\ne", .uri = {}, .content_hash = {}, .metadata = "no JSON at all", .vector = {}};
  EXPECT_TRUE(parse_filter(R"(@id = "a\"b'c\\d\ne")")->matches(item));
  EXPECT_TRUE(parse_filter(R"(@id = 'a"b\'c\\d\ne' and x = null)")->matches(item));
}

TEST(Filter, SaysWhereItIsWrongAndWhatWouldBeRight) {
  EXPECT_EQ(verdict("label 'shoe'"), "the filter, position 7: expected =, !=, <, <=, >, >= or 'in', not ''shoe''");
  EXPECT_THAT(verdict("label ="), AllOf(HasSubstr("position 8"), HasSubstr("a value"), HasSubstr("ends here")));
  EXPECT_THAT(verdict("label = shoe"), HasSubstr("a string in quotes"));
  EXPECT_THAT(verdict("(a = 1"), HasSubstr("expected 'and', 'or' or ')'"));
  EXPECT_THAT(verdict("a = 1)"), HasSubstr("expected 'and', 'or' or the end, not ')'"));
  EXPECT_THAT(verdict("a = 'x"), AllOf(HasSubstr("position 5"), HasSubstr("ends with '")));
  EXPECT_THAT(verdict("a = 1 and"), HasSubstr("expected a field"));
  EXPECT_THAT(verdict("a in 1"), HasSubstr("expected '('"));
  EXPECT_THAT(verdict("a in (1 2)"), HasSubstr("expected ',' or ')'"));
  EXPECT_THAT(verdict("a in ()"), HasSubstr("a value"));
  EXPECT_THAT(verdict(R"(a = "\x")"), HasSubstr("position 6"));
  EXPECT_THAT(verdict("a = 1e999"), HasSubstr("a value"));
  EXPECT_THAT(verdict("a = 1.2.3"), HasSubstr("a value"));
  EXPECT_THAT(verdict("`` = 1"), HasSubstr("backticks"));
  EXPECT_THAT(verdict("a = '\xff'"), HasSubstr("no UTF-8"));
}

TEST(Filter, IsBoundedInLengthAndDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "stock = 3" + std::string(depth, ')'); };
  EXPECT_EQ(verdict(nested(kMaxFilterDepth - 1)), "yes");
  EXPECT_THAT(verdict(nested(kMaxFilterDepth)), HasSubstr("deeper than 64"));
  std::string negated;
  for (int i = 0; i < 1000; ++i) negated += "not ";
  EXPECT_THAT(verdict(negated + "a = 1"), HasSubstr("deeper than 64"));
  EXPECT_THAT(verdict(std::string(kMaxFilterBytes + 1, ' ')), HasSubstr("10001 bytes"));
  std::string joined = "stock = 3";
  while (joined.size() + 20 < kMaxFilterBytes) joined += " and stock = 3";
  EXPECT_EQ(verdict(joined), "yes");
}

}  // namespace
}  // namespace eidetic
