#include "cluster/lucene_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace eidetic {
namespace {

using testing::ElementsAre;

Json value(std::string_view text) { return Json::parse(text); }
Item item(std::string metadata) {
  Item made;
  made.id = "a";
  made.metadata = std::move(metadata);
  return made;
}
Json tokens(const std::string& metadata, const char* key) {
  const Json fields = facts_document(item(metadata))["f"][0];
  return fields.contains(key) ? fields[key] : Json();
}

TEST(LuceneNames, TellTablesApartThatDifferInCaseAlone) {
  EXPECT_EQ(lucene_alias("eidetic", "Shoes-1").substr(0, 16), "eidetic-shoes-1-");
  EXPECT_NE(lucene_alias("eidetic", "Shoes"), lucene_alias("eidetic", "shoes"));
  EXPECT_LE(lucene_alias(std::string(60, 'p'), std::string(100, 'X')).size(), 250U);
}

TEST(LuceneIds, AreTheItemsWhereTheyFit) {
  EXPECT_EQ(lucene_id("a/é.jpg"), "a/é.jpg");
  const std::string longest(512, 'x');
  EXPECT_EQ(lucene_id(longest), longest);
  EXPECT_EQ(lucene_id(longest + "x").size(), 65U);
  EXPECT_NE(lucene_id("#a"), "#a") << "it could be the digest of another";
  EXPECT_NE(lucene_id(longest + "x"), lucene_id(longest + "y"));
}

TEST(LuceneKeys, HaveNoDotsAndTellPathsApart) {
  EXPECT_EQ(lucene_key({"kind"}), "kind");
  EXPECT_EQ(lucene_key({"a", "b"}), "a/b");
  EXPECT_EQ(lucene_key({"a.b"}), "a%2Eb");
  EXPECT_EQ(lucene_key({"a/b"}), "a%2Fb");
  EXPECT_EQ(lucene_key({"größe 1"}), "größe%201");
  EXPECT_EQ(lucene_key({"@uri"}), "@uri");
  EXPECT_EQ(lucene_key({"x", "@uri"}), "x/%40uri");
  EXPECT_EQ(lucene_key({std::string(1000, 'x')}).size(), 65U);
}

TEST(LuceneTokens, SortAsValuesDo) {
  // Each below the next; see MetadataColumns.
  const std::vector<std::string> rising = {"-1e300",
                                           "-9223372036854775808",
                                           "-9007199254740993",
                                           "-9007199254740992",
                                           "-2.5",
                                           "-1",
                                           "0",
                                           "5e-324",
                                           "0.1",
                                           "1",
                                           "2",
                                           "10",
                                           "9007199254740992",
                                           "9007199254740993",
                                           "9007199254740994",
                                           "9223372036854775807",
                                           "18446744073709551614",
                                           "18446744073709551615",
                                           "1e300",
                                           R"("")",
                                           R"("1")",
                                           R"("Z")",
                                           R"("a")",
                                           R"("é")",
                                           "false",
                                           "true"};
  for (std::size_t i = 0; i + 1 < rising.size(); ++i) {
    EXPECT_LT(value_token(value(rising[i])), value_token(value(rising[i + 1]))) << rising[i];
  }
  EXPECT_LT(value_token(value("true")), kOtherToken);
  EXPECT_EQ(double_token(-0.0), double_token(0));
}

TEST(LuceneTokens, GiveValuesBackAsTheyWereWritten) {
  for (const char* text : {"1", "1.0", "-1", "0", "0.1", "1e300", "-2.5e-9", "9007199254740993", "-9007199254740993",
                           "9223372036854775807", "-9223372036854775808", "18446744073709551615", "9223372036854775808",
                           "true", "false", R"("é\n")", R"("")"}) {
    EXPECT_EQ(dump_json(token_value(value_token(value(text)))), dump_json(value(text))) << text;
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    const Json number = random() >> (random() % 64);
    EXPECT_EQ(token_value(value_token(number)), number);
    const Json negative = -static_cast<std::int64_t>(random() >> (1 + random() % 62));
    EXPECT_EQ(token_value(value_token(negative)), negative);
  }
  EXPECT_EQ(token_value(""), Json());
  EXPECT_EQ(token_value("1zz"), Json());
}

TEST(LuceneTokens, KeepLongTextsApart) {
  std::string text(kMaxTokenText - 1, 'x');
  const std::string first = string_token(text + "éa");
  EXPECT_NE(first, string_token(text + "éb"));
  EXPECT_LT(first.size(), 32'000U);
  EXPECT_EQ(token_value(first), Json(text)) << "cut before the é, not in it";
}

TEST(LuceneDocuments, HoldEveryPathOfMetadata) {
  const auto one = [](const char* text) { return value_token(value(text)); };
  const std::string metadata =
      R"({"a":1,"b":["x","y","x",null],"c":{"d":true,"e":{}},"f":null,"g":[],"h":[null],"i":[[1],2],"":5})";
  EXPECT_EQ(tokens(metadata, "a"), one("1"));
  EXPECT_EQ(tokens(metadata, "b"), (Json{one(R"("x")"), one(R"("y")"), one(R"("x")")}));
  EXPECT_EQ(tokens(metadata, "c"), kOtherToken);
  EXPECT_EQ(tokens(metadata, "c/d"), "3t");
  EXPECT_EQ(tokens(metadata, "c/e"), kOtherToken);
  EXPECT_EQ(tokens(metadata, "f"), Json());
  EXPECT_EQ(tokens(metadata, "g"), kOtherToken);
  EXPECT_EQ(tokens(metadata, "h"), Json());
  EXPECT_EQ(tokens(metadata, "i"), (Json{kOtherToken, one("2")}));
  const Json document = facts_document(item(metadata));
  EXPECT_EQ(document["nulls"], Json::array({"b"}));
  EXPECT_EQ(document["n"][0], (Json{{"a", 1.0}, {"i", 2.0}}));
  EXPECT_EQ(document["metadata"], metadata);
}

TEST(LuceneDocuments, GiveItemsBackBitForBit) {
  Item stored = item(R"({ "x" : 1.50 })");
  stored.uri = "data:,";
  stored.content_hash = "ab";
  stored.size_bytes = 5'000'000'000;
  stored.modified_ns = -1'700'000'000'123'456'789;
  std::mt19937 random(3);
  stored.vector = {0.0F,
                   -0.0F,
                   0.1F,
                   1,
                   -16'777'216,
                   std::numeric_limits<float>::max(),
                   std::numeric_limits<float>::min(),
                   std::numeric_limits<float>::denorm_min()};
  while (stored.vector.size() < 10'000) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) stored.vector.push_back(value);
  }
  const VectorField field{.name = "v7", .space = {}};
  const auto got = document_item(Json::parse(item_document(stored, 1'763'000'000'000'000'001, field)), &field);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->version, 1'763'000'000'000'000'001U);
  EXPECT_EQ(got->metadata, stored.metadata);
  EXPECT_EQ(got->modified_ns, stored.modified_ns);
  EXPECT_EQ(got->size_bytes, stored.size_bytes);
  ASSERT_EQ(got->vector.size(), stored.vector.size());
  for (std::size_t i = 0; i < stored.vector.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got->vector[i]), std::bit_cast<std::uint32_t>(stored.vector[i])) << i;
  }
  EXPECT_EQ(document_item({{"id", 3}}, nullptr).error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace eidetic
