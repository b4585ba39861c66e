#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "net/http.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::HasSubstr;
using testing::Not;

class Download : public testing::Test {
 protected:
  void SetUp() override {
    content_.resize(100'000);
    for (std::size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<char>(i * 7 + i / 251);
    put(content_);
  }

  void put(const std::string& content) { ASSERT_TRUE(write_file_atomically(served_ / "model.onnx", content)); }
  std::string got() const { return read_text(file_).value_or("none"); }
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  Result<Downloaded> fetch(std::string_view path, const DownloadOptions& options = {}) {
    return HttpClient({.stall_timeout_s = 1}).download(server_.url(path), file_, options);
  }

  TemporaryDirectory served_;
  TemporaryDirectory folder_;
  std::filesystem::path file_ = folder_ / "file";
  std::string content_;
  TestServer server_{served_.path()};
};

TEST_F(Download, WritesTheFileWithItsDigestAndNothingElse) {
  std::uint64_t last = 0;
  std::uint64_t total = 0;
  const auto done = fetch("model.onnx", {.progress = [&](std::uint64_t now, std::uint64_t all) {
                            EXPECT_GE(now, last);
                            last = now;
                            total = all;
                          }});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->bytes, content_.size());
  EXPECT_EQ(done->sha256, sha256_hex(as_bytes(content_)));
  EXPECT_EQ(done->resumed_from, 0);
  EXPECT_EQ(last, content_.size());
  EXPECT_EQ(total, content_.size());
  EXPECT_EQ(got(), content_);
  EXPECT_THAT(left(), testing::ElementsAre("file"));
}

TEST_F(Download, GoesOnWhereTheLineBroke) {
  const auto broken = fetch("model.onnx?cut=60000");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
  EXPECT_EQ(got(), "none");
  EXPECT_THAT(left(), testing::ElementsAre("file.part", "file.part.source"));

  const auto done = fetch("model.onnx?cut=60000");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->resumed_from, 60'000);
  EXPECT_EQ(got(), content_);
  EXPECT_THAT(server_.requests(), HasSubstr("bytes=60000-"));
  EXPECT_THAT(left(), testing::ElementsAre("file"));
}

TEST_F(Download, StartsOverWhenTheContentHasChanged) {
  ASSERT_FALSE(fetch("model.onnx?cut=60000"));
  std::ranges::reverse(content_);
  put(content_);
  const auto done = fetch("model.onnx?cut=60000");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->resumed_from, 0);
  EXPECT_EQ(got(), content_);
}

TEST_F(Download, StartsOverWhenTheServerIgnoresRanges) {
  ASSERT_FALSE(fetch("model.onnx?cut=60000&norange=1"));
  ASSERT_TRUE(fetch("model.onnx?cut=60000&norange=1"));
  EXPECT_EQ(got(), content_);
}

TEST_F(Download, NeverGoesOnWithoutProofOfTheSameContent) {
  for (const auto* path : {"model.onnx?cut=60000&noetag=1", "model.onnx?cut=60000&etag=W/\"1\""}) {
    ASSERT_FALSE(fetch(path));
    EXPECT_TRUE(left().empty());
    const auto done = fetch("model.onnx");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->resumed_from, 0);
    std::filesystem::remove(file_);
    EXPECT_THAT(server_.requests(), Not(HasSubstr("bytes=")));
  }
}

TEST_F(Download, StartsOverAfterAPartOfAnotherUrl) {
  ASSERT_FALSE(fetch("model.onnx?cut=60000"));
  const auto done = fetch("model.onnx");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->resumed_from, 0);
  EXPECT_EQ(got(), content_);
}

TEST_F(Download, StartsOverWhenThePartIsAsLongAsTheWhole) {
  ASSERT_FALSE(fetch("model.onnx?cut=60000"));
  ASSERT_TRUE(write_file_atomically(folder_ / "file.part", std::string(200'000, 'x')));
  ASSERT_TRUE(fetch("model.onnx?cut=60000"));
  EXPECT_EQ(got(), content_);
}

TEST_F(Download, KeepsNothingOfAWrongChecksum) {
  const auto wrong = fetch("model.onnx", {.sha256 = std::string(64, 'a')});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::corrupt);
  EXPECT_THAT(wrong.error().message, HasSubstr("not the expected aaaa"));
  EXPECT_TRUE(left().empty());
  EXPECT_TRUE(fetch("model.onnx", {.sha256 = sha256_hex(as_bytes(content_))}));
}

TEST_F(Download, LeavesNothingWhenThereIsNothing) {
  EXPECT_EQ(fetch("other.onnx").error().code, ErrorCode::not_found);
  EXPECT_TRUE(left().empty());
}

TEST_F(Download, KeepsToTheLimit) {
  EXPECT_EQ(fetch("model.onnx", {.max_bytes = 99'999}).error().code, ErrorCode::overloaded);
  EXPECT_TRUE(fetch("model.onnx", {.max_bytes = 100'000}));
}

TEST_F(Download, CanBeStoppedAndGoneOnWith) {
  std::stop_source stop;
  const auto stopped =
      fetch("model.onnx?stall=50000", {.progress = [&](auto, auto) { stop.request_stop(); }, .stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message, HasSubstr("was stopped"));
  EXPECT_THAT(left(), testing::ElementsAre("file.part", "file.part.source"));
}

TEST_F(Download, ReplacesAnEmptyFileToo) {
  put("");
  ASSERT_TRUE(fetch("model.onnx"));
  EXPECT_EQ(got(), "");
}

}  // namespace
}  // namespace eidetic
