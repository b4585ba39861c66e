#include "s3/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eidetic {
namespace {

using ::testing::HasSubstr;

constexpr auto* kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount>
<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/c=&amp;</NextContinuationToken>
<Contents><Key>p/a &amp; b%20.jpg</Key><LastModified>2009-10-12T17:50:30.125Z</LastModified><ETag>&quot;fba9&quot;</ETag>
<Size>434234</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>p/+.jpg</Key><LastModified>2009-10-12T17:50:31.000Z</LastModified><ETag>"x-2"</ETag><Size>0</Size></Contents>
</ListBucketResult>)";

TEST(ParsePage, TellsObjectsAndWhatFollows) {
  const auto page = parse_page(kPage, "x");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 2U);
  const auto& first = page->objects[0];
  EXPECT_EQ(first.key, "p/a & b%20.jpg");
  EXPECT_EQ(first.size_bytes, 434'234U);
  EXPECT_EQ(first.etag, "\"fba9\"");
  EXPECT_EQ(first.modified_s, 1'255'369'830);
  EXPECT_EQ(page->objects[1].key, "p/+.jpg");
  EXPECT_EQ(page->next, "a+b/c=&");
}

TEST(ParsePage, DecodesKeysThatAreEncoded) {
  const auto page = parse_page(
      "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents>"
      "<Key>a+b%2B%2F%C3%A4%01</Key><Size>1</Size></Contents></ListBucketResult>",
      "x");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects[0].key, "a b+/ä\x01");
  EXPECT_EQ(page->next, "");
}

TEST(ParsePage, RefusesWhatIsNoList) {
  for (const auto* xml :
       {"", "<", "no XML", "<ListBucketResult>", "<Error><Code>NoSuchBucket</Code></Error>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents>"
        "</ListBucketResult>"}) {
    const auto page = parse_page(xml, "listing 's3://b/p'");
    ASSERT_FALSE(page) << xml;
    EXPECT_EQ(page.error().code, ErrorCode::corrupt);
    EXPECT_THAT(page.error().message, HasSubstr("listing 's3://b/p'"));
  }
}

// A billion laughs, a file of this machine, an element ten thousand deep: nothing is expanded, opened or overflowed.
TEST(ParsePage, StaysCalmBeforeHostileXml) {
  const auto bomb = parse_page(
      R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<ListBucketResult><Contents><Key>&b;&f;</Key><Size>1</Size></Contents></ListBucketResult>)",
      "x");
  ASSERT_TRUE(bomb) << bomb.error().message;
  EXPECT_EQ(bomb->objects[0].key, "&b;&f;");
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  EXPECT_FALSE(parse_page("<ListBucketResult>" + deep, "x"));
  EXPECT_EQ(parse_failure(deep).code, "");
}

TEST(ParseFailure, TellsCodeMessageAndRegion) {
  const auto failure = parse_failure(
      "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is "
      "wrong; "
      "expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>");
  EXPECT_EQ(failure.code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(failure.region, "eu-west-1");
  EXPECT_THAT(failure.message, HasSubstr("expecting"));
  EXPECT_EQ(parse_failure("<html>nginx</html>").code, "");
}

TEST(Multipart, IsBegunAndEnded) {
  EXPECT_EQ(
      parse_upload_id("<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>", "x"),
      "u-1");
  EXPECT_FALSE(parse_upload_id("<InitiateMultipartUploadResult/>", "x"));
  EXPECT_EQ(parse_completed("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>", "x")
                ->has_value(),
            false);
  EXPECT_EQ((*parse_completed("<Error><Code>InternalError</Code></Error>", "x"))->code, "InternalError");
  EXPECT_FALSE(parse_completed("", "x"));
  const std::vector<std::string> etags = {"\"a\"", "b<"};
  EXPECT_THAT(completing(etags), HasSubstr("<ETag>b&lt;</ETag><PartNumber>2</PartNumber>"));
}

TEST(ParseS3Time, ReadsBothForms) {
  EXPECT_EQ(parse_s3_time("2009-10-12T17:50:30.999Z"), 1'255'369'830);
  EXPECT_EQ(parse_s3_time("Mon, 12 Oct 2009 17:50:30 GMT"), 1'255'369'830);
  EXPECT_EQ(parse_s3_time("yesterday"), 0);
}

}  // namespace
}  // namespace eidetic
