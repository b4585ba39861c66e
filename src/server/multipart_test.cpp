#include "server/multipart.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kType = "multipart/form-data; boundary=xyz";

Result<std::vector<FormPart>> parse(std::string_view body) { return parse_multipart(kType, body); }

// One part of a form whose Content-Disposition goes on with `disposition`.
Result<FormPart> part_of(std::string_view disposition) {
  static std::string body;
  body = fmt::format("--xyz\r\nContent-Disposition: form-data; {}\r\n\r\nbody\r\n--xyz--\r\n", disposition);
  EIDETIC_TRY(auto parts, parse(body));
  return parts.at(0);
}

void expect_refused(std::string_view body, std::string_view message, ErrorCode code = ErrorCode::invalid_argument) {
  const auto parts = parse(body);
  ASSERT_FALSE(parts) << body;
  EXPECT_EQ(parts.error().code, code);
  EXPECT_THAT(parts.error().message, HasSubstr(message));
}

TEST(Multipart, HasItsPartsInOrder) {
  const std::string_view body =
      "--xyz\r\n"
      "Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n"
      "Content-Type: image/jpeg\r\n"
      "X-Other: whatever\r\n"
      "\r\n"
      "\xFF\xD8\r\n--xy\r\n--xyzz\r\n\r\n"
      "\r\n--xyz\r\n"
      "content-disposition:form-data;name=k\r\n"
      "\r\n"
      "10"
      "\r\n--xyz--\r\n";
  const auto parts = parse(body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].name, "file");
  EXPECT_EQ((*parts)[0].filename, "a.jpg");
  EXPECT_EQ((*parts)[0].content_type, "image/jpeg");
  EXPECT_EQ((*parts)[0].body, "\xFF\xD8\r\n--xy\r\n--xyzz\r\n\r\n");
  EXPECT_EQ((*parts)[1].name, "k");
  EXPECT_EQ((*parts)[1].filename, "");
  EXPECT_EQ((*parts)[1].content_type, "text/plain");
  EXPECT_EQ((*parts)[1].body, "10");
  EXPECT_EQ(find_part(*parts, "k"), &(*parts)[1]);
  EXPECT_EQ(find_part(*parts, "K"), nullptr);
}

TEST(Multipart, TakesWhatSurroundsAndPads) {
  const auto parts = parse(
      "a preamble\r\n--xyz \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xyz-- \r\nan "
      "epilogue\r\n--xyz\r\n");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->at(0).body, "1");
}

TEST(Multipart, MayHaveEmptyPartsAndNone) {
  for (const std::string_view end : {"\r\n\r\n\r\n--xyz--", "\r\n\r\n--xyz--"}) {
    const auto parts = parse(fmt::format("--xyz\r\nContent-Disposition: form-data; name=a{}", end));
    ASSERT_TRUE(parts) << parts.error().message;
    EXPECT_EQ(parts->at(0).body, "");
  }
  EXPECT_EQ(parse("--xyz--\r\n")->size(), 0U);
}

TEST(Multipart, ReadsQuotedNames) {
  EXPECT_EQ(part_of(R"(name="a\"b\\c\d"; filename="C:\pics\x;y.jpg")")->name, R"(a"b\c\d)");
  EXPECT_EQ(part_of(R"(name="a"; filename="C:\pics\x;y.jpg")")->filename, R"(C:\pics\x;y.jpg)");
  EXPECT_EQ(part_of("name = a ; filename = two words.jpg ;")->filename, "two words.jpg");
  EXPECT_EQ(part_of("NAME=a; FileName=\"ü.jpg\"")->filename, "ü.jpg");
}

TEST(Multipart, PrefersTheExtendedFileName) {
  EXPECT_EQ(part_of("name=a; filename=x; filename*=UTF-8''%c3%a4%20b.jpg")->filename, "ä b.jpg");
  EXPECT_EQ(part_of("name=a; filename*=utf-8'de'b.jpg")->filename, "b.jpg");
  for (const std::string_view wrong : {"b.jpg", "ISO-8859-1''b", "UTF-8'b", "UTF-8''%zz", "UTF-8''%FF", "UTF-8''%00"}) {
    const auto part = part_of(fmt::format("name=a; filename*={}", wrong));
    ASSERT_FALSE(part) << wrong;
    EXPECT_THAT(part.error().message, AllOf(HasSubstr("part 1"), HasSubstr("filename*")));
  }
}

TEST(Multipart, RefusesDispositionsThatAreNone) {
  for (const auto& [text, message] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"filename=a", "has no name"},
                                                                            {"name=\"a", "never ends"},
                                                                            {"name=\"a\" filename=b", "';' is missing"},
                                                                            {"name", "without '='"},
                                                                            {"name=a; name=b", "'name' is given twice"},
                                                                            {"name=\xFF", "not UTF-8"}}) {
    const auto part = part_of(text);
    ASSERT_FALSE(part) << text;
    EXPECT_THAT(part.error().message, HasSubstr(message));
  }
}

TEST(Multipart, NeedsABoundary) {
  for (const auto& [type, message] : std::initializer_list<std::pair<std::string, std::string_view>>{
           {"multipart/form-data", "has no boundary"},
           {"multipart/form-data; boundary=", "has no boundary"},
           {"multipart/form-data; boundary=" + std::string(71, 'x'), "1 to 70"},
           {"multipart/form-data; boundary=\"a", "never ends"},
           {"image/jpeg", "'image/jpeg' and not multipart/form-data"},
           {"", "not multipart/form-data"}}) {
    const auto parts = parse_multipart(type, "--xyz--");
    ASSERT_FALSE(parts) << type;
    EXPECT_EQ(parts.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(parts.error().message, HasSubstr(message));
  }
  EXPECT_TRUE(parse_multipart("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"x y'z\"", "--x y'z--"));
}

TEST(Multipart, RefusesABodyThatIsNone) {
  expect_refused("", "does not have its boundary");
  expect_refused("--other--\r\n", "does not have its boundary");
  expect_refused("--xyz\r\nContent-Disposition: form-data; name=a\r\n", "ends within its headers");
  expect_refused("--xyz\r\n", "ends within its headers");
  expect_refused("--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf",
                 "part 1 of the form ('a') does not end");
  expect_refused("--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xyz", "does not end");
  expect_refused("--xyz\r\n\r\n1\r\n--xyz--", "no header Content-Disposition");
  expect_refused("--xyz\r\nContent-Type: text/plain\r\n\r\n1\r\n--xyz--", "no header Content-Disposition");
  expect_refused("--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--xyz--", "'attachment'");
  expect_refused("--xyz\r\nnonsense\r\n\r\n1\r\n--xyz--", "a line among its headers");
  expect_refused(
      "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--xyz--",
      "'base64'");
}

TEST(Multipart, HasLimits) {
  const std::string part = "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
  std::string body;
  for (std::size_t i = 0; i < kMaxFormParts; ++i) body += part;
  EXPECT_EQ(parse(body + "--xyz--")->size(), kMaxFormParts);
  expect_refused(body + part + "--xyz--", "more than 1000 parts", ErrorCode::overloaded);
  const std::string header = "--xyz\r\nContent-Disposition: form-data; name=a\r\nX: ";
  EXPECT_TRUE(parse(header + std::string(8000, 'x') + "\r\n\r\n1\r\n--xyz--"));
  expect_refused(header + std::string(9000, 'x') + "\r\n\r\n1\r\n--xyz--", "8192 bytes of headers",
                 ErrorCode::overloaded);
}

}  // namespace
}  // namespace eidetic
