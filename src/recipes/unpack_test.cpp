#include "recipes/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/test_files.h"
#include "recipes/test_archives.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = TestMember::Kind;

class Unpack : public testing::Test {
 protected:
  Result<Unpacked> unpack(TestFormat format, const std::vector<TestMember>& members,
                          const UnpackOptions& options = {}) {
    write_archive(archive_, format, members);
    return unpack_archive(archive_, folder_, options);
  }
  Error refusal(const std::vector<TestMember>& members, const UnpackOptions& options = {}) {
    fs::remove_all(folder_);
    const auto unpacked = unpack(TestFormat::tar, members, options);
    return unpacked ? Error{ErrorCode::internal, "unpacked"} : unpacked.error();
  }
  // Everything below the folder of this test, but for the archive.
  std::vector<std::string> there() {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path())) {
      if (entry.path() != archive_) names.push_back(entry.path().lexically_relative(directory_.path()).native());
    }
    std::ranges::sort(names);
    return names;
  }

  TemporaryDirectory directory_;
  fs::path archive_ = directory_ / "a";
  fs::path folder_ = directory_ / "in";
};

TEST_F(Unpack, WritesFilesOfEveryFormat) {
  for (const TestFormat format : {TestFormat::tar, TestFormat::tar_gz, TestFormat::tar_xz, TestFormat::zip}) {
    fs::remove_all(folder_);
    const auto unpacked = unpack(format, {{.name = "a/", .kind = Kind::folder},
                                          {.name = "./a/x.txt", .content = "hello", .mode = 04777},
                                          {.name = "b//c/größe.txt", .content = std::string(300'000, 'y')},
                                          {.name = "empty"}});
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(unpacked->files, 3U);
    EXPECT_EQ(unpacked->bytes, 300'005U);
    EXPECT_THAT(there(), ElementsAre("in", "in/a", "in/a/x.txt", "in/b", "in/b/c", "in/b/c/größe.txt", "in/empty"));
    EXPECT_EQ(read_text(folder_ / "a/x.txt").value_or(""), "hello");
    // Rights are the usual ones, whatever the archive says.
    const auto rights = fs::status(folder_ / "a/x.txt").permissions();
    EXPECT_EQ(rights & (fs::perms::set_uid | fs::perms::owner_exec | fs::perms::others_write), fs::perms::none);
  }
}

TEST_F(Unpack, WritesNothingOutsideOfTheFolder) {
  const std::vector<TestMember> hostile = {{.name = "/tmp/eidetic-evil"},
                                           {.name = "../evil"},
                                           {.name = "a/../../evil"},
                                           {.name = "a/.."},
                                           {.name = "link", .content = "/etc", .kind = Kind::symlink},
                                           {.name = "link", .content = "../evil", .kind = Kind::symlink},
                                           {.name = "pipe", .kind = Kind::fifo},
                                           {.name = "new\nline"},
                                           {.name = "bad\xff"},
                                           {.name = std::string(300, 'n')}};
  for (const TestMember& member : hostile) {
    const Error error = refusal({{.name = "good", .content = "1"}, member, {.name = "link/passwd", .content = "2"}});
    EXPECT_EQ(error.code, ErrorCode::corrupt) << member.name;
    EXPECT_THAT(error.message, HasSubstr(archive_.native()));
    EXPECT_THAT(there(), ElementsAre("in", "in/good"));
  }
  EXPECT_FALSE(fs::exists("/tmp/eidetic-evil"));
  const Error hard = refusal({{.name = "good"}, {.name = "hard", .content = "good", .kind = Kind::hardlink}});
  EXPECT_THAT(hard.message, HasSubstr("a link"));
}

TEST_F(Unpack, ReplacesNothing) {
  EXPECT_THAT(refusal({{.name = "x", .content = "1"}, {.name = "./x", .content = "2"}}).message,
              HasSubstr("more than once"));
  EXPECT_EQ(read_text(folder_ / "x").value_or(""), "1");
  EXPECT_THAT(refusal({{.name = "x"}, {.name = "x/y"}}).message, HasSubstr("below a file"));
  EXPECT_THAT(refusal({{.name = "d/e"}, {.name = "d"}}).message, HasSubstr("more than once"));
}

TEST_F(Unpack, HasLimits) {
  const std::string zeros(4'000'000, '\0');
  const auto bomb = unpack(TestFormat::tar_gz, {{.name = "zeros", .content = zeros}}, {.max_bytes = 1'000'000});
  ASSERT_FALSE(bomb);
  EXPECT_LT(fs::file_size(archive_), 100'000U);
  EXPECT_EQ(bomb.error().code, ErrorCode::overloaded);
  EXPECT_LE(fs::file_size(folder_ / "zeros"), 1'000'000U);
  const Error many = refusal({{.name = "1"}, {.name = "2"}, {.name = "3"}}, {.max_files = 2});
  EXPECT_EQ(many.code, ErrorCode::overloaded);
  EXPECT_TRUE(unpack(TestFormat::tar, {{.name = "4", .content = "1234"}}, {.max_bytes = 4, .max_files = 1}));
}

TEST_F(Unpack, WhatIsCutOffOrNoArchiveIsCorrupt) {
  write_archive(archive_, TestFormat::tar_gz, {{.name = "x", .content = std::string(100'000, 'x')}});
  fs::resize_file(archive_, fs::file_size(archive_) / 2);
  const auto half = unpack_archive(archive_, folder_);
  EXPECT_TRUE(!half && half.error().code == ErrorCode::corrupt);
  for (const std::string& content : {std::string(), std::string("<html>not here</html>"), std::string(10'240, '\0')}) {
    ASSERT_TRUE(write_file_atomically(archive_, content));
    const auto none = unpack_archive(archive_, folder_);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::corrupt) << none.error().message;
  }
}

TEST_F(Unpack, CanBeStopped) {
  std::stop_source stop;
  write_archive(archive_, TestFormat::tar, {{.name = "a", .content = "1"}, {.name = "b"}, {.name = "c"}});
  const auto stopped = unpack_archive(archive_, folder_,
                                      {.progress =
                                           [&](std::uint64_t done, std::uint64_t total) {
                                             EXPECT_LE(done, total);
                                             stop.request_stop();
                                           },
                                       .stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace eidetic
