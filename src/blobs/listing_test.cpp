#include "blobs/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/test_files.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void touch(const fs::path& file, std::string_view content = "x") {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

std::vector<std::string> ids(const PictureList& list) {
  std::vector<std::string> ids;
  for (const auto& picture : list.pictures) ids.push_back(picture.id);
  return ids;
}

TEST(Listing, TakesPicturesOfAFolderByTheirEndingInAnyCase) {
  const TemporaryDirectory folder;
  for (const auto* name : {"b.JPG", "a.jpeg", "sub/deep/c.Png", "sub/ümläut 日本.webp", "x.tiff", "y.HEIC", "z.pnm"}) {
    touch(folder / name);
  }
  for (const auto* name : {"notes.txt", "jpg", ".hidden.jpg", ".git/d.jpg", "e.jpg.bak"}) touch(folder / name);
  const auto list = list_pictures({{folder.path().native()}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list),
              ElementsAre("a.jpeg", "b.JPG", "sub/deep/c.Png", "sub/ümläut 日本.webp", "x.tiff", "y.HEIC", "z.pnm"));
  EXPECT_THAT(list->errors, IsEmpty());
  EXPECT_THAT(list->folders, ElementsAre(folder.path()));
  EXPECT_EQ(list->pictures[0].size_bytes, 1U);
  EXPECT_GT(list->pictures[0].modified_ns, 0);
}

TEST(Listing, TakesFilesAsTheyAreGivenAndUrls) {
  const TemporaryDirectory folder;
  touch(folder / "notes.txt");
  touch(folder / ".hidden.jpg");
  const auto list = list_pictures(
      {{(folder / "notes.txt").native(), (folder / ".hidden.jpg").native(), "https://example.org/x.jpg"}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list), ElementsAre(".hidden.jpg", "https://example.org/x.jpg", "notes.txt"));
  EXPECT_EQ(list->pictures[1].uri, "https://example.org/x.jpg");
}

TEST(Listing, AMissingPathIsAnErrorThatNamesIt) {
  const auto list = list_pictures({{"/no/such/folder"}});
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::not_found);
  EXPECT_THAT(list.error().message, HasSubstr("/no/such/folder"));
  EXPECT_FALSE(list_pictures({}));
  EXPECT_FALSE(list_pictures({{""}}));
}

TEST(Listing, FollowsLinksButNotIntoThemselves) {
  const TemporaryDirectory folder;
  touch(folder / "a/x.jpg");
  fs::create_directory_symlink(folder / "a", folder / "b");
  fs::create_directory_symlink(folder.path(), folder / "a/loop");
  fs::create_symlink(folder / "nowhere", folder / "dangling.jpg");
  const auto list = list_pictures({{folder.path().native()}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list), ElementsAre("a/x.jpg", "b/x.jpg"));
  ASSERT_EQ(list->errors.size(), 1U);
  EXPECT_THAT(list->errors[0].error.message, HasSubstr("dangling.jpg"));
}

TEST(Listing, ASecondPictureOfOneIdIsAnErrorNamingBoth) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  touch(first / "same.jpg", "1");
  touch(second / "same.jpg", "2");
  touch(second / "other.jpg", "2");
  const auto list = list_pictures({{first.path().native(), second.path().native()}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list), ElementsAre("other.jpg", "same.jpg"));
  EXPECT_THAT(list->pictures[1].uri, HasSubstr(first.path().native()));
  ASSERT_EQ(list->errors.size(), 1U);
  EXPECT_EQ(list->errors[0].error.code, ErrorCode::already_exists);
  EXPECT_THAT(list->errors[0].error.message, HasSubstr((first / "same.jpg").native()));
  EXPECT_THAT(list->errors[0].error.message, HasSubstr((second / "same.jpg").native()));
}

TEST(Listing, TheSameFileGivenTwiceIsOnePicture) {
  const TemporaryDirectory folder;
  touch(folder / "a.jpg");
  const auto list =
      list_pictures({{folder.path().native() + "/", (folder / "a.jpg").native(), folder.path().native()}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list), ElementsAre("a.jpg"));
  EXPECT_THAT(list->errors, IsEmpty());
}

TEST(Listing, ANameThatIsNotUtf8IsAnErrorOfItsOwn) {
  const TemporaryDirectory folder;
  touch(folder / "bad\xff.jpg");
  touch(folder / "good.jpg");
  const auto list = list_pictures({{folder.path().native()}});
  ASSERT_TRUE(list);
  EXPECT_THAT(ids(*list), ElementsAre("good.jpg"));
  ASSERT_EQ(list->errors.size(), 1U);
  EXPECT_EQ(list->errors[0].error.code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
