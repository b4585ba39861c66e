#include "s3/sign.h"

#include <gtest/gtest.h>

namespace eidetic {
namespace {

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
constexpr auto* kTime = "20130524T000000Z";
constexpr auto* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

S3Options example() {
  return {.access_key = "AKIAIOSFODNN7EXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
}

std::string header(const S3Pairs& headers, std::string_view wanted) {
  for (const auto& [name, value] : headers) {
    if (name == wanted) return value;
  }
  return "";
}

std::string authorization(const S3Request& request) {
  return header(signed_headers(request, example(), kTime), "authorization");
}

S3Request request(std::string method, std::string path) {
  return {.method = std::move(method),
          .host = "examplebucket.s3.amazonaws.com",
          .path = std::move(path),
          .payload = kEmpty};
}

TEST(Signature, OfAGetWithARangeIsAmazonsExample) {
  auto get = request("GET", "/test.txt");
  get.headers = {{"range", "bytes=0-9"}};
  EXPECT_EQ(authorization(get),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Signature, OfAPutIsAmazonsExample) {
  auto put = request("PUT", "/test%24file.text");
  put.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  EXPECT_TRUE(authorization(put).ends_with("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
      << authorization(put);
}

TEST(Signature, OfAParameterWithoutAValueIsAmazonsExample) {
  auto get = request("GET", "/");
  get.query = {{"lifecycle", ""}};
  EXPECT_TRUE(authorization(get).ends_with("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))
      << authorization(get);
}

TEST(Signature, OfAListIsAmazonsExample) {
  auto get = request("GET", "/");
  get.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_TRUE(authorization(get).ends_with("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
      << authorization(get);
}

TEST(Signature, OfAUrlIsAmazonsExample) {
  EXPECT_EQ(presigned_query(request("GET", "/test.txt"), example(), kTime, 86'400),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(Signature, SendsTheTokenOfKeysForATimeSigned) {
  auto options = example();
  options.session_token = "for a while";
  const auto headers = signed_headers(request("GET", "/"), options, kTime);
  EXPECT_EQ(header(headers, "x-amz-security-token"), "for a while");
  EXPECT_TRUE(header(headers, "authorization").contains("x-amz-date;x-amz-security-token,"));
  EXPECT_EQ(header(headers, "host"), "");
}

TEST(CanonicalQuery, IsEncodedAndSortedByWhatIsSent) {
  EXPECT_EQ(canonical_query({{"uploads", ""}, {"prefix", "a b/ä+"}, {"Z", "1"}}),
            "Z=1&prefix=a%20b%2F%C3%A4%2B&uploads=");
}

TEST(AmzTime, IsUtc) { EXPECT_EQ(amz_time(1'369'353'600), kTime); }

}  // namespace
}  // namespace eidetic
