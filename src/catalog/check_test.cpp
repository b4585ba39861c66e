#include "catalog/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace eidetic {
namespace {

using testing::HasSubstr;

Item item_with(std::string metadata) {
  Item item;
  item.id = "x.jpg";
  item.metadata = std::move(metadata);
  return item;
}

TEST(CheckName, TakesWhatIsDocumentedAndNothingElse) {
  for (const auto& name : std::vector<std::string>{"a", "A-b_c.9", std::string(64, 'x')}) {
    EXPECT_TRUE(check_collection_name(name)) << name;
  }
  for (const auto& name : std::vector<std::string>{"", ".hidden", "a/b", "a b", "ü", std::string(65, 'x'), "a\n"}) {
    EXPECT_EQ(check_collection_name(name).error().code, ErrorCode::invalid_argument) << name;
  }
}

TEST(CheckFacts, RefusesBadIdsAndNamesThem) {
  Item item;
  EXPECT_FALSE(check_facts(item));
  item.id = std::string(1024, 'i');
  EXPECT_TRUE(check_facts(item));
  item.id += 'i';
  EXPECT_THAT(check_facts(item).error().message, HasSubstr("1025 bytes"));
  item.id = "\xFF";
  EXPECT_FALSE(check_facts(item));
}

TEST(CheckFacts, RefusesMetadataThatIsNoObject) {
  for (const std::string metadata : {"", "[]", "1", "{", "{\"a\":\"\xFF\"}", "null"}) {
    EXPECT_THAT(check_facts(item_with(metadata)).error().message, HasSubstr("'x.jpg'")) << metadata;
  }
  EXPECT_TRUE(check_facts(item_with(R"({"a":{"b":["[[[",1,null]}})")));
}

TEST(CheckFacts, LimitsTheDepthAndSizeOfMetadata) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(check_facts(item_with(nested(kMaxMetadataDepth))));
  EXPECT_FALSE(check_facts(item_with(nested(kMaxMetadataDepth + 1))));
  EXPECT_FALSE(check_facts(item_with("{\"a\":\"" + std::string(kMaxMetadataBytes, 'a') + "\"}")));
}

TEST(CheckVector, RefusesWhatCannotBeCompared) {
  Space space;
  space.dimensions = 2;
  EXPECT_TRUE(check_vector(Vector{1, 0}, space));
  EXPECT_FALSE(check_vector(Vector{1}, space));
  EXPECT_FALSE(check_vector(Vector{1, std::numeric_limits<float>::quiet_NaN()}, space));
  EXPECT_FALSE(check_vector(Vector{1, -std::numeric_limits<float>::infinity()}, space));
  EXPECT_FALSE(check_vector(Vector{1e30F, 0}, space));
  EXPECT_THAT(check_vector(Vector{0, 0}, space).error().message, HasSubstr("zero"));
  EXPECT_FALSE(check_vector(Vector{1e-30F, 0}, space));
  space.metric = Metric::euclidean;
  EXPECT_TRUE(check_vector(Vector{0, 0}, space));
}

}  // namespace
}  // namespace eidetic
