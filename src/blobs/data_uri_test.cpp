#include "blobs/data_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::HasSubstr;

std::string decoded(std::string_view uri, std::size_t max_bytes = 100) {
  const auto bytes = decode_data_uri(uri, max_bytes);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : bytes.error().message;
}

TEST(DataUri, DecodesBase64AndEscapes) {
  EXPECT_EQ(decoded("data:image/png;base64,aGVsbG8="), "hello");
  EXPECT_EQ(decoded("data:image/png;BASE64,aGVsbG8%3D"), "hello");
  EXPECT_EQ(decoded("data:text/plain,a%20b,c"), "a b,c");
  EXPECT_EQ(decoded("data:,"), "");
}

TEST(DataUri, NamesWhatIsWrong) {
  EXPECT_THAT(decoded("data:image/png;base64"), HasSubstr("no comma"));
  EXPECT_THAT(decoded("data:;base64,a*b"), HasSubstr("position 1"));
  EXPECT_THAT(decoded("data:,a%g"), HasSubstr("bad escape '%g'"));
  EXPECT_THAT(decoded("data:;base64," + std::string(5000, '*')),
              HasSubstr("'data:;base64,***************************…'"));
}

TEST(DataUri, KeepsToTheLimit) {
  EXPECT_EQ(decoded("data:;base64,aGVsbG8=", 5), "hello");
  EXPECT_EQ(decode_data_uri("data:;base64,aGVsbG8=", 4).error().code, ErrorCode::overloaded);
  EXPECT_EQ(decode_data_uri("data:;base64," + std::string(5000, '*'), 4).error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace eidetic
