#include "blobs/vector_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Seen {
  std::vector<VectorRow> rows;
  std::vector<std::string> errors;
};

Seen read(std::string_view text, std::uint32_t dimensions = 0) {
  auto table = VectorTable::open(text, "v.csv", dimensions);
  EXPECT_TRUE(table) << table.error().message;
  Seen seen;
  while (auto row = table->next()) {
    if (*row) {
      seen.rows.push_back(**row);
    } else {
      seen.errors.push_back(row->error().message);
    }
  }
  return seen;
}

Error refused(std::string_view text, std::uint32_t dimensions = 0) {
  const auto table = VectorTable::open(text, "v.csv", dimensions);
  EXPECT_FALSE(table);
  return table ? Error{} : table.error();
}

TEST(VectorTable, ReadsTheLayoutOfNotebooks) {
  const auto seen = read("filename, 0, 1, 2, category\nimages\\a.jpg, 0.5, -1, 2e-3, Person\nb.jpg,1,2,3,\n");
  ASSERT_EQ(seen.rows.size(), 2U);
  EXPECT_EQ(seen.rows[0].id, "images/a.jpg");
  EXPECT_THAT(seen.rows[0].vector, ElementsAre(0.5F, -1.0F, 2e-3F));
  EXPECT_EQ(seen.rows[0].metadata, R"({"category":"Person"})");
  EXPECT_EQ(seen.rows[0].line, 2U);
  EXPECT_EQ(seen.rows[1].metadata, R"({"category":""})");
}

TEST(VectorTable, WithoutAHeaderTheFirstRowTells) {
  const auto seen = read("a.jpg, 0.5, 1.5, Furniture\nb.jpg, 2.5, 3.5, City\n");
  ASSERT_EQ(seen.rows.size(), 2U);
  EXPECT_EQ(seen.rows[0].id, "a.jpg");
  EXPECT_THAT(seen.rows[0].vector, ElementsAre(0.5F, 1.5F));
  EXPECT_EQ(seen.rows[1].metadata, R"({"category":"City"})");

  // The number of a cluster: whole where the others are not, or one more than there are dimensions.
  EXPECT_EQ(read("a.jpg,0.5,1.5,7\n").rows[0].metadata, R"({"category":7})");
  EXPECT_EQ(read("a.jpg,1,2,7\n", 2).rows[0].metadata, R"({"category":7})");
  EXPECT_THAT(read("a.jpg,1,2,7\n").rows[0].vector, ElementsAre(1, 2, 7));
  EXPECT_THAT(read("a.jpg,0.5,7\n", 2).rows[0].vector, ElementsAre(0.5F, 7));
}

TEST(VectorTable, ClassesOfTextsHaveNoNames) {
  for (const auto* const text : {"0,1,2,category\n1,2,3,Person\n4,5,6,City\n", "1,2,3,Person\n4,5,6,City\n"}) {
    const auto seen = read(text);
    ASSERT_EQ(seen.rows.size(), 2U);
    EXPECT_EQ(seen.rows[1].id, "1");
    EXPECT_FALSE(seen.rows[1].named);
    EXPECT_THAT(seen.rows[1].vector, ElementsAre(4, 5, 6));
    EXPECT_EQ(seen.rows[1].metadata, R"({"category":"City"})");
  }
}

TEST(VectorTable, RowNumbersAreLeftOutAndFurtherColumnsKept) {
  const auto seen = read(",id,0,1,label,price\n0,a,1,2,x,3\n1,b,3,4,y,4.5\n");
  ASSERT_EQ(seen.rows.size(), 2U);
  EXPECT_EQ(seen.rows[1].id, "b");
  EXPECT_EQ(seen.rows[1].metadata, R"({"label":"y","price":4.5})");
}

TEST(VectorTable, ABadRowIsToldByItsLineAndTheRestGoesOn) {
  const auto seen = read(
      "filename,0,1,category\na,1,2,x\nb,1,two,x\nc,1,2\nd,1,2,x,y\n,1,2,x\ne,nan,2,x\nf,1e60,2,x\n\ng,1e-60,2,x\n");
  ASSERT_EQ(seen.rows.size(), 2U);
  EXPECT_EQ(seen.rows[1].id, "g");
  EXPECT_EQ(seen.rows[1].vector[0], 0);
  ASSERT_EQ(seen.errors.size(), 6U);
  for (std::size_t i = 0; i < seen.errors.size(); ++i) {
    EXPECT_THAT(seen.errors[i], HasSubstr("'v.csv', line " + std::to_string(i + 3)));
  }
  EXPECT_THAT(seen.errors[0], HasSubstr("'two'"));
  EXPECT_THAT(read("filename,0,1\na,1,2\n\"b,1,2\n").errors, ElementsAre(HasSubstr("line 3")));
}

TEST(VectorTable, WhatHoldsNoVectorsIsRefused) {
  EXPECT_THAT(refused("").message, HasSubstr("no row"));
  EXPECT_THAT(refused("file,label\na.jpg,x\n").message, HasSubstr("filename,0,1"));
  EXPECT_THAT(refused("filename,0,1,2,category\n", 5).message, HasSubstr("3 dimensions"));
  EXPECT_THAT(refused("a.jpg,1.5,2.5,x\n", 5).message, HasSubstr("2 dimensions"));
}

}  // namespace
}  // namespace eidetic
