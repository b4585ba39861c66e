// What can be seen without a store; tests/s3 has the rest, against real ones.
#include "s3/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/file.h"
#include "base/test_files.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class S3ClientOnAServer : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_ / "shop")); }

  // What the server answers for the key, and how often before it answers well.
  void answer(const std::string& key, const std::string& status, const std::string& body) {
    ASSERT_TRUE(write_file_atomically(folder_ / "shop" / key, body));
    ASSERT_TRUE(write_file_atomically(folder_ / "shop" / (key + ".status"), status + "\n"));
  }
  std::size_t requests() const {
    const std::string all = server_.requests();
    return all.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(all, '\n')) + 1;
  }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
  S3Options options_{.endpoint = server_.url(""),
                     .access_key = "the-access-key",
                     .secret_key = "the-secret-key",
                     .keys_from = "a test"};
  S3Client client_{options_};
};

TEST_F(S3ClientOnAServer, ReadsAWholeObject) {
  const std::string content(1'000'000, 'x');
  ASSERT_TRUE(write_file_atomically(folder_ / "shop/a b+ä.jpg", content));
  const auto bytes = client_.get({"shop", "a b+ä.jpg"}, content.size());
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(bytes->size(), content.size());
  const auto small = client_.get({"shop", "a b+ä.jpg"}, content.size() - 1);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code, ErrorCode::overloaded);
  const auto file = client_.download({"shop", "a b+ä.jpg"}, folder_ / "copy");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(std::filesystem::file_size(folder_ / "copy"), content.size());
}

TEST_F(S3ClientOnAServer, TriesAgainWhatPasses) {
  answer("busy", "503 2", "");
  EXPECT_TRUE(client_.put({"shop", "busy"}, as_bytes("x")));
  EXPECT_EQ(requests(), 3U);
}

TEST_F(S3ClientOnAServer, TriesNothingElseAgain) {
  for (const char* status : {"400", "403", "404", "409", "501"}) {
    const auto before = requests();
    answer(status, status, "<Error><Code>Other</Code><Message>because</Message></Error>");
    const auto put = client_.put({"shop", status}, as_bytes("x"));
    ASSERT_FALSE(put);
    EXPECT_THAT(put.error().message, HasSubstr(fmt::format("s3://shop/{}", status)));
    EXPECT_EQ(requests(), before + 1) << status;
  }
}

TEST_F(S3ClientOnAServer, SaysWhichSettingIsWrong) {
  const std::map<std::string, std::string> wrong = {
      {"InvalidAccessKeyId", "does not know the access key; it is from a test"},
      {"SignatureDoesNotMatch", "the secret key is not that of the access key; both are from a test"},
      {"ExpiredToken", "session token"},
      {"RequestTimeTooSkewed", "the clocks"},
      {"AuthorizationHeaderMalformed", "the region 'eu-west-1', and 'us-east-1' is asked; set AWS_REGION"},
      {"AccessDenied", "does not allow it to the keys from a test"}};
  for (const auto& [code, says] : wrong) {
    answer(code, "403", fmt::format("<Error><Code>{}</Code><Region>eu-west-1</Region></Error>", code));
    const auto bytes = client_.get({"shop", code}, 100);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, ErrorCode::unavailable);
    EXPECT_THAT(bytes.error().message, AllOf(HasSubstr(says), HasSubstr("s3://shop/" + code),
                                             Not(HasSubstr("the-secret-key")), Not(HasSubstr("the-access-key"))));
  }
  answer("bucket", "404", "<Error><Code>NoSuchBucket</Code></Error>");
  const auto bytes = client_.get({"shop", "bucket"}, 100);
  EXPECT_EQ(bytes.error().code, ErrorCode::not_found);
  EXPECT_THAT(bytes.error().message, HasSubstr("has no bucket 'shop'"));
}

TEST(S3ClientAlone, RefusesWhatIsNoEndpoint) {
  for (const char* endpoint : {"minio:9000", "ftp://minio", "http://", "http://minio/?x", "http://user@minio"}) {
    const auto listed = S3Client(S3Options{.endpoint = endpoint, .access_key = "a", .secret_key = "b"})
                            .list({"shop", ""}, [](const S3Object&) { return Result<void>(); });
    ASSERT_FALSE(listed) << endpoint;
    EXPECT_EQ(listed.error().code, ErrorCode::invalid_argument);
  }
}

TEST(S3ClientAlone, SaysWhatIsMissing) {
  const auto bytes = S3Client(S3Options{}).get({"shop", "a.jpg"}, 100);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(bytes.error().message, AllOf(HasSubstr("s3://shop/a.jpg"), HasSubstr("AWS_ACCESS_KEY_ID")));
}

TEST(S3ClientAlone, NamesAnEndpointThatIsNotThere) {
  const S3Client client(S3Options{
      .endpoint = "http://127.0.0.1:1", .access_key = "a", .secret_key = "the-secret-key", .keys_from = "a test"});
  const auto bytes = client.get({"shop", "a.jpg"}, 100);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::unavailable);
  EXPECT_THAT(bytes.error().message, AllOf(HasSubstr("http://127.0.0.1:1"), Not(HasSubstr("the-secret-key"))));
}

// The bucket is part of the host's name with Amazon, and of the path elsewhere.
TEST(S3ClientAlone, KnowsBothStylesOfAddress) {
  const S3Options keys{.access_key = "a", .secret_key = "b"};
  const auto begins = [](S3Options options, const S3Place& place, std::string_view start) {
    const auto url = S3Client(std::move(options)).presigned(place, 60);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_TRUE(url->starts_with(std::string(start) + "?X-Amz-")) << *url;
  };
  begins(keys, {"shop", "a b/c+.jpg"}, "https://shop.s3.us-east-1.amazonaws.com/a%20b/c%2B.jpg");
  begins(keys, {"my.shop", "a"}, "https://s3.us-east-1.amazonaws.com/my.shop/a");
  auto own = keys;
  own.endpoint = "http://minio:9000/";
  begins(own, {"shop", "/a"}, "http://minio:9000/shop//a");
  own.path_style = false;
  begins(own, {"shop", "a"}, "http://shop.minio:9000/a");
  own.endpoint = "https://Store:443";
  own.path_style = {};
  begins(own, {"shop", "a"}, "https://Store/shop/a");
}

}  // namespace
}  // namespace eidetic
