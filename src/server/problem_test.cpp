#include "server/problem.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/json.h"

namespace eidetic {
namespace {

TEST(Problem, SaysAllThatTheDescriptionOfTheApiAsksFor) {
  const auto document =
      parse_json_object(problem_document(404, "not_found", "no collection 'shoes'", "r-1"), "problem");
  ASSERT_TRUE(document);
  EXPECT_EQ((*document)["type"], "urn:eidetic:error:not_found");
  EXPECT_EQ((*document)["title"], "Not found");
  EXPECT_EQ((*document)["status"], 404);
  EXPECT_EQ((*document)["detail"], "no collection 'shoes'");
  EXPECT_EQ((*document)["code"], "not_found");
  EXPECT_EQ((*document)["request_id"], "r-1");
  EXPECT_EQ(document->size(), 6U);
}

TEST(Problem, HoldsAnyText) {
  const auto document =
      parse_json_object(problem_document(400, "invalid_argument", "a \"b\"\n\xFF", "\x01"), "problem");
  ASSERT_TRUE(document) << document.error().message;
}

// The codes of docs/openapi.yaml stand on one line: `enum: [invalid_argument, …]`.
TEST(Problem, HasATitleForEveryCode) {
  std::ifstream file(EIDETIC_SOURCE_DIR "/docs/openapi.yaml");
  std::string line;
  while (std::getline(file, line) && !line.contains("enum: [invalid_argument")) {
  }
  ASSERT_TRUE(file) << "no list of codes in docs/openapi.yaml";
  std::stringstream codes(line.substr(line.find('[') + 1, line.find(']') - line.find('[') - 1));
  std::size_t count = 0;
  for (std::string code; std::getline(codes >> std::ws, code, ','); ++count) {
    EXPECT_NE((*parse_json(problem_document(400, code, "", ""), "problem"))["title"], "Error") << code;
  }
  EXPECT_EQ(count, 17U);
}

}  // namespace
}  // namespace eidetic
