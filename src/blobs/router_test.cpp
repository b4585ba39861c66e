#include "blobs/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test_files.h"
#include "blobs/uri.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BlobsRouter : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file_atomically(folder_ / "a b.jpg", "picture")); }

  static std::string text(const Result<std::vector<std::byte>>& bytes) {
    return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : bytes.error().message;
  }
  static Error error(const Result<std::vector<std::byte>>& bytes) {
    return bytes ? Error{ErrorCode::internal, "no error"} : bytes.error();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Blobs> blobs_ = make_blobs();
};

TEST_F(BlobsRouter, ReadsEveryKindOfUri) {
  const TestServer server(folder_.path());
  EXPECT_EQ(text(blobs_->read((folder_ / "a b.jpg").native(), 7)), "picture");
  EXPECT_EQ(text(blobs_->read(file_uri(folder_ / "a b.jpg"), 7)), "picture");
  EXPECT_EQ(text(blobs_->read(server.url("a%20b.jpg"), 7)), "picture");
  EXPECT_EQ(text(blobs_->read("data:,picture", 7)), "picture");
}

TEST_F(BlobsRouter, KeepsToTheLimitEverywhere) {
  const TestServer server(folder_.path());
  for (const auto& uri : {file_uri(folder_ / "a b.jpg"), server.url("a%20b.jpg"), std::string("data:,picture")}) {
    EXPECT_EQ(error(blobs_->read(uri, 6)).code, ErrorCode::overloaded) << uri;
  }
}

TEST_F(BlobsRouter, NamesWhatIsNotThere) {
  const Error missing = error(blobs_->read(file_uri(folder_ / "x.jpg"), 100));
  EXPECT_EQ(missing.code, ErrorCode::not_found);
  EXPECT_THAT(missing.message, HasSubstr("x.jpg"));
  EXPECT_EQ(error(blobs_->read("", 100)).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error(blobs_->read("file://elsewhere/x.jpg", 100)).code, ErrorCode::invalid_argument);
}

TEST_F(BlobsRouter, ListsTheSchemesItReads) {
  const Error error_of_s3 = error(blobs_->read("s3://bucket/x.jpg", 100));
  EXPECT_EQ(error_of_s3.code, ErrorCode::unsupported);
  EXPECT_THAT(error_of_s3.message, AllOf(HasSubstr("'s3:'"), HasSubstr("file:, http:, https:, data:")));
}

TEST_F(BlobsRouter, KeepsFilesShutWhenTold) {
  const auto shut = make_blobs({.files = false});
  EXPECT_EQ(error(shut->read((folder_ / "a b.jpg").native(), 100)).code, ErrorCode::unsupported);
  EXPECT_EQ(error(shut->read(file_uri(folder_ / "a b.jpg"), 100)).code, ErrorCode::unsupported);
}

TEST_F(BlobsRouter, RefusesFoldersPipesAndDevices) {
  EXPECT_THAT(error(blobs_->read(folder_.path().native(), 100)).message, HasSubstr("is a folder"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error(blobs_->read((folder_ / "pipe").native(), 100)).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error(blobs_->read("/dev/zero", 100)).code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
