#include "blobs/name_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NameLists : public testing::Test {
 protected:
  Result<NameList> read(std::string_view name, std::string_view content) {
    EXPECT_TRUE(write_file_atomically(folder_ / name, content));
    return read_name_list(folder_ / name);
  }
  void refuses(std::string_view name, std::string_view content, const testing::Matcher<std::string>& message) {
    const auto list = read(name, content);
    ASSERT_FALSE(list) << content;
    EXPECT_THAT(list.error().message, AllOf(HasSubstr(std::string(name)), message));
  }

  const TemporaryDirectory folder_;
};

TEST_F(NameLists, TextHasANameALine) {
  const auto list = read("names.txt",
                         "\xEF\xBB\xBF"
                         "a/1.jpg\r\n\nü b.jpg\n");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_THAT(list->names, ElementsAre("a/1.jpg", "", "ü b.jpg"));
  EXPECT_THAT(list->metadata, IsEmpty());
  EXPECT_THAT(read("last", "a\nb").value().names, ElementsAre("a", "b"));
  EXPECT_THAT(read("none", "").value().names, IsEmpty());
}

TEST_F(NameLists, OtherColumnsOfACsvAreMetadata) {
  const auto list = read("names.CSV", "label,file,year\ncat,1.jpg,1999\n\"dog, big\",2.jpg,\n");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_THAT(list->names, ElementsAre("1.jpg", "2.jpg"));
  EXPECT_THAT(list->metadata, ElementsAre(R"({"label":"cat","year":1999})", R"({"label":"dog, big","year":""})"));
  refuses("other.csv", "a,b\n1,2\n", HasSubstr("`file` (or `id`)"));
}

TEST_F(NameLists, JsonIsAnArrayOfStrings) {
  EXPECT_THAT(read("names.json", R"(["a", "b.jpg"])").value().names, ElementsAre("a", "b.jpg"));
  refuses("numbers.json", "[1]", HasSubstr("each a string"));
  refuses("object.json", R"({"a": "b"})", HasSubstr("array"));
  refuses("broken.json", "[", HasSubstr("broken.json"));
}

TEST_F(NameLists, APickleIsNotOpened) {
  refuses("filenames.pickle", "(lp0\n.", AllOf(HasSubstr("json.dump"), HasSubstr("filenames.pickle names.json")));
  refuses("names.txt", "\x80\x04]\x94.", HasSubstr("is a pickle"));
}

TEST_F(NameLists, NamesAreWhatIdsCanBe) {
  refuses("twice.txt", "a\nb\na\n", AllOf(HasSubstr("names 1 and 3"), HasSubstr("'a'")));
  refuses("long.txt", std::string(1025, 'x'), HasSubstr("name 1 "));
  refuses("latin.txt", "ok\n\xFC.jpg\n", HasSubstr("name 2 "));
}

}  // namespace
}  // namespace eidetic
