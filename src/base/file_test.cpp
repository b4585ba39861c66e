#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(File, WritesAtomicallyAndReadsBack) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", "first"));
  ASSERT_TRUE(write_file_atomically(folder / "a", "second"));
  EXPECT_EQ(read_text(folder / "a").value(), "second");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(File, LeavesTheOldContentAndNoRestWhenWritingFails) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", "old"));
  const auto done = write_file_atomically(folder / "a", [](const Sink& sink) -> Result<void> {
    EIDETIC_CHECK(sink(as_bytes("half")));
    return fail(ErrorCode::unavailable, "no more");
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(read_text(folder / "a").value(), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(File, RefusesBeforeReadingWhatIsTooLarge) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", "12345"));
  const auto content = read_file(folder / "a", 4);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::overloaded);
}

TEST(File, NamesWhatIsMissingAndWhatIsAFolder) {
  const TemporaryDirectory folder;
  const auto missing = read_file(folder / "nowhere");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("nowhere"));
  EXPECT_EQ(read_file(folder.path()).error().code, ErrorCode::invalid_argument);
}

TEST(File, ReportsAFullDiskAndLeavesNothing) {
  const auto done = write_file_atomically("/dev/full/x", "text");
  EXPECT_FALSE(done);
  const auto file = File::open("/dev/full", 1);
  ASSERT_TRUE(file);
  const auto written = write_all(file->descriptor(), as_bytes("text"), "/dev/full");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
}

TEST(File, MapsWholeFilesAlsoEmptyOnes) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", "mapped"));
  ASSERT_TRUE(write_file_atomically(folder / "empty", ""));
  const auto map = MappedFile::open(folder / "a");
  ASSERT_TRUE(map);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(map->bytes().data()), map->bytes().size()), "mapped");
  EXPECT_TRUE(MappedFile::open(folder / "empty").value().bytes().empty());
}

TEST(FileLock, KeepsASecondProcessOutAndNamesTheFirst) {
  const TemporaryDirectory folder;
  const auto lock = FileLock::acquire(folder / "LOCK");
  ASSERT_TRUE(lock);
  const auto second = FileLock::acquire(folder / "LOCK");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
}

TEST(FileLock, IsFreeAgainWhenItsHolderDies) {
  const TemporaryDirectory folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::acquire(folder / "LOCK");
    ::_exit(lock ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(FileLock::acquire(folder / "LOCK"));
}

}  // namespace
}  // namespace eidetic
