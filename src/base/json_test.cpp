#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Json, NamesTheDocumentThatIsBroken) {
  const auto json = parse_json("{\"a\": }", "model.json");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(json.error().message, AllOf(HasSubstr("model.json is no valid JSON"), HasSubstr("column")));
}

TEST(Json, RefusesWhatIsNoObject) {
  EXPECT_THAT(parse_json_object("[1]", "metadata").error().message,
              HasSubstr("metadata must be a JSON object, not array"));
}

TEST(Json, WritesInvalidUtf8WithoutThrowing) { EXPECT_EQ(dump_json(Json{{"a", "\xFF"}}), "{\"a\":\"\xEF\xBF\xBD\"}"); }

TEST(JsonReader, ReadsTypedFieldsAndFallbacks) {
  const Json json = {{"size", 224}, {"scale", 0.5}, {"mean", {1, 2.5}}, {"layer", nullptr}};
  auto reader = JsonReader::of(json, "step");
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->get<std::int64_t>("size").value(), 224);
  EXPECT_EQ(reader->get<double>("scale").value(), 0.5);
  EXPECT_EQ(reader->get<std::vector<double>>("mean").value(), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(reader->get_or<std::string>("layer", "last").value(), "last");
  EXPECT_TRUE(reader->finish());
}

TEST(JsonReader, NamesMissingMistypedAndUnknownFields) {
  const Json json = {{"widht", 3}, {"name", 7}};
  auto reader = JsonReader::of(json, "model.json: steps[0]").value();
  EXPECT_THAT(reader.get<std::int64_t>("width").error().message,
              HasSubstr("model.json: steps[0]: field 'width' is missing"));
  EXPECT_THAT(reader.get<std::string>("name").error().message, HasSubstr("field 'name' must be a string"));
  EXPECT_THAT(reader.finish().error().message, HasSubstr("unknown field 'widht'; did you mean 'width'?"));
}

}  // namespace
}  // namespace eidetic
