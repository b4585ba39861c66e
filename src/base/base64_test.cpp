#include "base/base64.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace eidetic {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : bytes.error().message;
}

TEST(Base64, AgreesWithTheVectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(encode_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(decoded(encoded), plain);
  }
  EXPECT_EQ(encode_base64(as_bytes("\xFB\xFF")), "+/8=");
}

TEST(Base64, TakesLineEndsAndMissingPadding) {
  EXPECT_EQ(decoded("Zm9v\r\nYg"), "foob");
  EXPECT_EQ(decoded("Zm8"), "fo");
}

TEST(Base64, NamesWhatIsWrong) {
  EXPECT_THAT(decoded("Zm9*"), testing::HasSubstr("position 3"));
  EXPECT_THAT(decoded("Zg==Zg=="), testing::HasSubstr("position 4"));
  for (const auto* text : {"Z", "Zg=", "Zg===", "Zm9v="}) EXPECT_THAT(decoded(text), testing::HasSubstr("length"));
}

}  // namespace
}  // namespace eidetic
