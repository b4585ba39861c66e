#include "blobs/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Metadata : public testing::Test {
 protected:
  Result<MetadataTable> read(std::string_view content, std::string_view name = "facts.csv") {
    EXPECT_TRUE(write_file_atomically(folder_ / name, content));
    return MetadataTable::read(folder_ / name, errors_);
  }
  std::string found(MetadataTable& table, std::string_view id) {
    const auto* row = table.find(id);
    return row == nullptr ? "none" : *row;
  }

  TemporaryDirectory folder_;
  std::vector<ItemError> errors_;
};

TEST_F(Metadata, TurnsARowIntoAnObject) {
  auto table = read(",file,label,price,code\n0,a.jpg,\"red, round\",1.5,007\n1,sub\\b.jpg,,-3,1e3\n");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(found(*table, "a.jpg"), R"({"code":"007","label":"red, round","price":1.5})");
  EXPECT_EQ(found(*table, "sub/b.jpg"), R"({"code":"1e3","label":"","price":-3})");
  EXPECT_EQ(found(*table, "c.jpg"), "none");
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(Metadata, TakesTheColumnIdAsWell) {
  auto table = read("label,id\nx,./a.jpg\n");
  ASSERT_TRUE(table);
  EXPECT_EQ(found(*table, "a.jpg"), R"({"label":"x"})");
}

TEST_F(Metadata, WithoutAnIdColumnNothingIsRead) {
  const auto table = read("name,label\na.jpg,x\n");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(table.error().message, HasSubstr("name, label"));
}

TEST_F(Metadata, ReportsRowsOfNoUse) {
  auto table = read("file,label\na.jpg,1\n,2\na.jpg,3\ngone.jpg,4\n");
  ASSERT_TRUE(table);
  ASSERT_EQ(errors_.size(), 2U);
  EXPECT_THAT(errors_[0].error.message, HasSubstr("line 3"));
  EXPECT_THAT(errors_[1].error.message, HasSubstr("line 4"));
  EXPECT_EQ(found(*table, "a.jpg"), R"({"label":1})");
  errors_.clear();
  table->report_unused(errors_);
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].uri, "gone.jpg");
  EXPECT_EQ(errors_[0].error.code, ErrorCode::not_found);
  EXPECT_THAT(errors_[0].error.message, HasSubstr("line 5"));
}

TEST_F(Metadata, ARowLongerThanTheHeaderFailsAlone) {
  auto table = read("file,label\na.jpg,1,2\nb.jpg,3\n");
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].uri, "a.jpg");
  EXPECT_THAT(errors_[0].error.message, HasSubstr("line 2"));
  EXPECT_EQ(found(*table, "b.jpg"), R"({"label":3})");
  EXPECT_THAT(read("file\n\"a", "facts.csv").error().message, HasSubstr("line 2"));
}

TEST_F(Metadata, ReadsJsonLines) {
  const std::string_view lines =
      "\xEF\xBB\xBF{\"file\": \"sub\\\\a.jpg\", \"id\": 7, \"tags\": [\"x\", null], \"place\": {\"city\": \"Köln\", "
      "\"zip\": null}}\r\n"
      "\n"
      "{\"id\": \"b.jpg\", \"stars\": 5}";
  for (const auto* const name : {"facts.jsonl", "facts.ndjson", "facts"}) {
    auto table = read(lines, name);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(found(*table, "sub/a.jpg"), R"({"id":7,"place":{"city":"Köln"},"tags":["x",null]})");
    EXPECT_EQ(found(*table, "b.jpg"), R"({"stars":5})");
  }
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(Metadata, EveryBadLineIsToldByItsNumber) {
  auto table =
      read("{\"file\": \"a.jpg\"}\n{\"file\": \"b.jpg\"\n[1]\n{\"label\": 1}\n{\"file\": 1.5}\n{\"file\": \"\"}\n" +
               std::string(100, '[') + "\n{\"file\": \"a.jpg\", \"x\": 1}\n{\"file\": \"z.jpg\"}\n",
           "facts.jsonl");
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(errors_.size(), 7U);
  for (std::size_t i = 0; i < errors_.size(); ++i) {
    EXPECT_THAT(errors_[i].error.message, HasSubstr("facts.jsonl', line " + std::to_string(i + 2) + ":"));
  }
  EXPECT_EQ(found(*table, "a.jpg"), "{}");
  EXPECT_EQ(found(*table, "z.jpg"), "{}");
}

TEST_F(Metadata, WhatIsNeitherIsRefused) {
  const auto list = read("[{\"file\": \"a.jpg\"}]", "facts.json");
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message, HasSubstr("jq -c"));
  EXPECT_THAT(read("", "facts.csv").error().message, HasSubstr("empty"));
}

TEST(JsonOfCell, KeepsWhatDoesNotRoundTripAsText) {
  EXPECT_EQ(json_of_cell("12"), Json(12));
  EXPECT_EQ(json_of_cell("0.25"), Json(0.25));
  for (const auto* text : {"", "1.50", "+1", "0x10", "nan", "inf", "99999999999999999999", "true", " 1"}) {
    EXPECT_EQ(json_of_cell(text), Json(text));
  }
}

}  // namespace
}  // namespace eidetic
