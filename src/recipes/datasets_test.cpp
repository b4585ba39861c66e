#include "eidetic/datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/test_files.h"
#include "net/test_server.h"
#include "recipes/test_archives.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Datasets : public testing::Test {
 protected:
  Datasets() { fs::create_directory(served_); }

  std::string serve(const std::string& name, TestFormat format, const std::vector<TestMember>& members) {
    write_archive(served_ / name, format, members);
    return server_.url(name);
  }
  Result<PulledDataset> pull(const PullRequest& request, std::stop_token stop = {}) {
    return pull_dataset(data_, request, {}, stop);
  }
  Error refusal(const PullRequest& request) {
    const auto pulled = pull(request);
    return pulled ? Error{ErrorCode::internal, "pulled"} : pulled.error();
  }
  std::size_t requests() { return static_cast<std::size_t>(std::ranges::count(server_.requests(), '\n')); }
  // What is in the folder of data sets, but for locks.
  std::vector<std::string> there() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(data_ / "datasets")) {
      if (!entry.path().native().ends_with(".lock")) names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
  // The rows of the metadata file, by picture.
  static std::map<std::string, Json> facts(const PulledDataset& pulled) {
    std::map<std::string, Json> rows;
    const std::string text = read_text(pulled.metadata_file).value_or("");
    for (std::size_t start = 0, end = 0; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
      Json row = Json::parse(text.substr(start, end - start));
      const std::string file = row["file"];
      row.erase("file");
      rows[file] = row;
    }
    return rows;
  }

  TemporaryDirectory directory_;
  fs::path served_ = directory_ / "served";
  fs::path data_ = directory_ / "data";
  TestServer server_{served_};
};

TEST_F(Datasets, AreKnownByNameAndComplete) {
  for (const Dataset& dataset : datasets()) {
    EXPECT_FALSE(dataset.title.empty() || dataset.homepage.empty() || dataset.label.empty()) << dataset.name;
    EXPECT_EQ(find_dataset(dataset.name)->url, dataset.url);
  }
  EXPECT_EQ(find_dataset("Caltech-101")->name, "caltech-101");
  EXPECT_THAT(find_dataset("caltech101").error().message,
              AllOf(HasSubstr("did you mean 'caltech-101'"), HasSubstr("voc2012")));
}

TEST_F(Datasets, ArePulledOnceWithArchivesInArchives) {
  write_archive(directory_ / "inner", TestFormat::tar_gz,
                {{.name = "101_ObjectCategories/ant/1.jpg", .content = "ant"}});
  const std::string inner = read_text(directory_ / "inner").value_or("");
  const std::string url = serve("caltech-101.zip", TestFormat::zip,
                                {{.name = "caltech-101/101_ObjectCategories.tar.gz", .content = inner},
                                 {.name = "caltech-101/show_annotation.m", .content = "%"}});
  const auto pulled = pull({.name = "caltech-101", .mirror = server_.url("")});
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_TRUE(pulled->fetched);
  EXPECT_EQ(pulled->label, "@folder");
  EXPECT_EQ(pulled->url, url);
  EXPECT_EQ(pulled->pictures, data_ / "datasets/caltech-101/caltech-101/101_ObjectCategories");
  EXPECT_EQ(read_text(pulled->pictures / "ant/1.jpg").value_or(""), "ant");
  EXPECT_TRUE(pulled->metadata_file.empty());
  EXPECT_EQ(pulled->sha256, sha256_hex_of_file(served_ / "caltech-101.zip").value_or(""));
  EXPECT_EQ(pulled->archive_bytes, fs::file_size(served_ / "caltech-101.zip"));
  EXPECT_FALSE(fs::exists(pulled->folder / "caltech-101/101_ObjectCategories.tar.gz"));
  EXPECT_THAT(there(), ElementsAre("caltech-101", "caltech-101.json"));

  const std::size_t before = requests();
  const auto again = pull({.name = "CALTECH-101", .mirror = server_.url("")});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(requests(), before);
  EXPECT_FALSE(again->fetched);
  EXPECT_EQ(again->sha256, pulled->sha256);
  EXPECT_EQ(again->pictures, pulled->pictures);
  const auto all = pulled_datasets(data_);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().files, 3U);
  EXPECT_THAT(all->front().pulled, testing::EndsWith("Z"));
}

TEST_F(Datasets, GoOnWhereTheConnectionWasCut) {
  std::string content(200'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 7);
  const std::string url = serve("own.tar", TestFormat::tar, {{.name = "x/1.jpg", .content = content}}) + "?cut=150000";
  EXPECT_EQ(refusal({.name = "own", .url = url}).code, ErrorCode::unavailable);
  EXPECT_THAT(there(), ElementsAre(".own.fetch"));
  const auto pulled = pull({.name = "own", .url = url});
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->resumed_from, 150'000U);
  EXPECT_THAT(server_.requests(), HasSubstr("bytes=150000-"));
  EXPECT_EQ(read_text(pulled->pictures / "x/1.jpg").value_or(""), content);
  EXPECT_THAT(there(), ElementsAre("own", "own.json"));
}

TEST_F(Datasets, StoppedWhileUnpackingNeedNoSecondDownload) {
  const std::string url = serve("own.tar", TestFormat::tar, {{.name = "1.jpg", .content = "1"}, {.name = "2.jpg"}});
  std::stop_source stop;
  const auto stopped = pull_dataset(
      data_, {.name = "own", .url = url},
      [&](const DatasetProgress& now) {
        if (now.stage == "unpacking") stop.request_stop();
      },
      stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::unavailable);
  EXPECT_THAT(there(), ElementsAre(".own.fetch"));
  // What kill -9 leaves, too.
  fs::create_directories(data_ / "datasets/.own.unpack/half");
  const std::size_t before = requests();
  const auto pulled = pull({.name = "own", .url = url});
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(requests(), before);
  EXPECT_FALSE(fs::exists(pulled->folder / "half"));
  EXPECT_EQ(pulled->sha256, sha256_hex_of_file(served_ / "own.tar").value_or(""));
}

TEST_F(Datasets, ThatHaveChangedAreRefusedUntilThatIsAccepted) {
  const std::string url = serve("own.tar", TestFormat::tar, {{.name = "1.jpg", .content = "1"}});
  const auto first = pull({.name = "own", .url = url});
  ASSERT_TRUE(first) << first.error().message;
  fs::remove_all(first->folder);
  ASSERT_TRUE(pull({.name = "own", .url = url}));  // the same archive again
  fs::remove_all(first->folder);
  serve("own.tar", TestFormat::tar, {{.name = "1.jpg", .content = "another"}});
  const Error error = refusal({.name = "own", .url = url});
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.message, AllOf(HasSubstr(first->sha256), HasSubstr("--accept-changed")));
  EXPECT_THAT(there(), ElementsAre("own.json"));
  EXPECT_EQ(refusal({.name = "own", .file = served_ / "own.tar"}).code, ErrorCode::corrupt);
  const auto accepted = pull({.name = "own", .url = url, .accept_changed = true});
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_NE(accepted->sha256, first->sha256);
  EXPECT_EQ(read_text(accepted->folder / "1.jpg").value_or(""), "another");
}

TEST_F(Datasets, ThatAreHostileOrOthersLeaveNothing) {
  const std::string evil = serve("evil.tar", TestFormat::tar, {{.name = "a"}, {.name = "../../evil", .content = "x"}});
  EXPECT_THAT(refusal({.name = "own", .url = evil}).message, HasSubstr("unsafe name"));
  EXPECT_THAT(there(), IsEmpty());
  EXPECT_FALSE(fs::exists(data_ / "evil"));
  const std::string other = serve("other.zip", TestFormat::zip, {{.name = "readme"}});
  EXPECT_THAT(refusal({.name = "caltech-101", .url = other}).message, HasSubstr("101_ObjectCategories.tar.gz"));
  EXPECT_THAT(refusal({.name = "oxford-iiit-pet", .url = other}).message, HasSubstr("a folder 'images'"));
  EXPECT_THAT(there(), IsEmpty());
  EXPECT_EQ(refusal({.name = "own", .url = server_.url("nothing.tar")}).code, ErrorCode::not_found);
  EXPECT_EQ(refusal({.name = "own", .url = other, .max_bytes = 10}).code, ErrorCode::overloaded);
  EXPECT_EQ(refusal({.name = "own", .url = evil, .max_files = 0}).code, ErrorCode::overloaded);
}

TEST_F(Datasets, SayWhatToDo) {
  const Error by_hand = refusal({.name = "fashion-product-images-small"});
  EXPECT_EQ(by_hand.code, ErrorCode::invalid_argument);
  EXPECT_THAT(by_hand.message, AllOf(HasSubstr("https://www.kaggle.com/"), HasSubstr("--file ARCHIVE")));
  EXPECT_EQ(refusal({.name = "nothing"}).code, ErrorCode::not_found);
  EXPECT_EQ(refusal({.name = "../up", .url = "http://127.0.0.1/x"}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.name = "own", .url = "http://127.0.0.1/x", .file = "y"}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.name = "own", .file = directory_ / "gone"}).code, ErrorCode::not_found);
  fs::create_directories(data_ / "datasets");
  const auto lock = FileLock::acquire(data_ / "datasets/.own.lock");
  EXPECT_THAT(refusal({.name = "own", .file = directory_ / "gone"}).message,
              HasSubstr("another process is pulling 'own'"));
}

TEST_F(Datasets, OfBreedsSayThemInTheirNames) {
  serve("images.tar.gz", TestFormat::tar_gz,
        {{.name = "images/Maine_Coon_12.jpg"}, {.name = "images/pug_1.jpg"}, {.name = "images/x.mat"}});
  const auto pulled = pull({.name = "oxford-iiit-pet", .mirror = server_.url("")});
  ASSERT_TRUE(pulled) << pulled.error().message;
  const auto rows = facts(*pulled);
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.at("Maine_Coon_12.jpg"), Json({{"label", "Maine_Coon"}, {"species", "cat"}}));
  EXPECT_EQ(rows.at("pug_1.jpg"), Json({{"label", "pug"}, {"species", "dog"}}));
}

TEST_F(Datasets, OfScenesSayTheirObjects) {
  const std::string sets = "VOCdevkit/VOC2012/ImageSets/Main/";
  const std::string url = serve("v.tar", TestFormat::tar,
                                {{.name = "VOCdevkit/VOC2012/JPEGImages/1.jpg"},
                                 {.name = sets + "dog_trainval.txt", .content = "1  1\n2 -1\n3  0\r\n4  1\n"},
                                 {.name = sets + "person_trainval.txt", .content = "1 -1\n2  1\n3 -1\n4  1\n"},
                                 {.name = sets + "trainval.txt", .content = "1\n2\n"}});
  const auto pulled = pull({.name = "voc2012", .url = url});
  ASSERT_TRUE(pulled) << pulled.error().message;
  const auto rows = facts(*pulled);
  EXPECT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows.at("1.jpg"), Json::parse(R"({"object": "dog", "objects": ["dog"]})"));
  EXPECT_EQ(rows.at("4.jpg"), Json::parse(R"({"objects": ["dog", "person"]})"));
}

TEST_F(Datasets, OfAShopHaveItsColumns) {
  write_archive(directory_ / "shop.zip", TestFormat::zip,
                {{.name = "images/7.jpg"},
                 {.name = "styles.csv",
                  .content = "id,articleType,year,productDisplayName\n7,Shirts,2011,\"Blue, checked\"\n"
                             "8,Shoes,2012,Red, white, left\n9,Short\n"}});
  const auto pulled = pull({.name = "fashion-product-images-small", .file = directory_ / "shop.zip"});
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_TRUE(fs::exists(directory_ / "shop.zip"));
  EXPECT_EQ(pulled->label, "articleType");
  const auto rows = facts(*pulled);
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.at("7.jpg"),
            Json({{"articleType", "Shirts"}, {"year", 2011}, {"productDisplayName", "Blue, checked"}}));
  EXPECT_EQ(rows.at("8.jpg")["productDisplayName"], "Red, white, left");
}

}  // namespace
}  // namespace eidetic
