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

TEST_F(BlobsRouter, ReadsStoredPicturesWhereThereAreSome) {
  EXPECT_EQ(error(blobs_->read("stored:3fb2", 100)).code, ErrorCode::unsupported);
  const auto blobs = make_blobs({.stored = [](std::string_view hash, std::size_t) -> Result<std::vector<std::byte>> {
    const auto bytes = as_bytes(hash);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }});
  EXPECT_EQ(text(blobs->read("stored:3fb2", 100)), "3fb2");
}

TEST_F(BlobsRouter, ReadsNoFileOutsideOfItsRoots) {
  namespace fs = std::filesystem;
  for (const auto* folder : {"in", "in/deep", "also", "inside out", "secret"}) fs::create_directories(folder_ / folder);
  for (const auto* file : {"in/a", "in/deep/a", "also/a", "inside out/a", "secret/a"}) {
    ASSERT_TRUE(write_file_atomically(folder_ / file, "picture"));
  }
  fs::create_directory_symlink(folder_ / "also", folder_ / "in/to-also");
  fs::create_directory_symlink(folder_ / "secret", folder_ / "in/to-secret");
  fs::create_symlink(folder_ / "secret/a", folder_ / "in/secret-a");
  fs::create_directory_symlink(folder_ / "in", folder_ / "to-in");
  const auto blobs = make_blobs({.roots = FileRoots(std::vector{folder_ / "to-in", folder_ / "also/"})});
  for (const auto* file : {"in/a", "in/deep/a", "also/a", "in/to-also/a", "to-in/a", "in/deep/../a"}) {
    EXPECT_EQ(text(blobs->read((folder_ / file).native(), 100)), "picture") << file;
    EXPECT_EQ(text(blobs->read(file_uri(folder_ / file), 100)), "picture") << file;
  }
  for (const auto* file : {"secret/a", "a b.jpg", "inside out/a", "in/../secret/a", "in/to-secret/a", "in/secret-a",
                           "secret/not there", "in/to-secret/not there", "in/to-secret/../secret/a"}) {
    for (const auto& uri : {(folder_ / file).native(), "file://" + (folder_ / file).native()}) {
      const Error refused = error(blobs->read(uri, 100));
      EXPECT_EQ(refused.code, ErrorCode::invalid_argument) << uri;
      EXPECT_THAT(refused.message, HasSubstr("outside of the folders that this server may read")) << uri;
    }
  }
  EXPECT_THAT(error(blobs->read((folder_ / "in/secret-a").native(), 100)).message,
              testing::Not(HasSubstr((folder_ / "secret").native())));
  EXPECT_EQ(error(blobs->read((folder_ / "in/not there").native(), 100)).code, ErrorCode::not_found);
  const auto none = make_blobs({.roots = FileRoots(std::vector<fs::path>())});
  EXPECT_FALSE(none->read((folder_ / "in/a").native(), 100));
}

TEST_F(BlobsRouter, RefusesFoldersPipesAndDevices) {
  EXPECT_THAT(error(blobs_->read(folder_.path().native(), 100)).message, HasSubstr("is a folder"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error(blobs_->read((folder_ / "pipe").native(), 100)).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error(blobs_->read("/dev/zero", 100)).code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
