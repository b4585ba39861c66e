// What an engine refuses, and what becomes of it: of one that refuses on request, test_lucene.py.
#include "cluster/lucene_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/test_files.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class RefusingEngine : public testing::Test {
 protected:
  RefusingEngine() {
    options_.wait_s = 0.2;
    options_.timeout_s = 5;
    says("opensearch", "2.19.1");
  }
  void says(std::string_view distribution, std::string_view version) {
    write("root.json", fmt::format(R"({{"version":{{"distribution":"{}","number":"{}"}}}})", distribution, version));
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(folder_ / name, text));
  }
  EngineHttp engine(std::string_view scheme = "opensearch") {
    options_.url = fmt::format("{}://{}", scheme, server_.url("x").substr(7));
    return {options_, parse_cluster_url(options_.url).value()};
  }
  // Stores items of these ids.
  Result<std::vector<Result<void>>> put(const std::vector<std::string>& ids) {
    std::vector<Item> items;
    for (const auto& id : ids) {
      items.emplace_back().id = id;
      items.back().vector = {1, 2};
    }
    VectorField field{.name = "v0", .space = {}};
    field.space.dimensions = 2;
    return make_opensearch_store(engine())->put("t", field, items, 1);
  }
  std::vector<std::string> requests() const {
    const std::string all = server_.requests();
    std::vector<std::string> lines;
    for (const auto line : split(all, '\n')) lines.emplace_back(line);
    return lines;
  }
  ClusterOptions& options() { return options_; }

 private:
  TemporaryDirectory folder_;
  TestServer server_{folder_.path(), {}, EIDETIC_SOURCE_DIR "/src/cluster/test_lucene.py"};
  ClusterOptions options_;
};

TEST_F(RefusingEngine, IsAskedAgainForWhatItRefusedAndNothingElse) {
  options().wait_s = 30;
  const auto stored = put({"a", "busy-2-b", "c", "bad-d", "busy-1-e"});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE((*stored)[0] && (*stored)[1] && (*stored)[2] && (*stored)[4]);
  EXPECT_EQ((*stored)[3].error().code, ErrorCode::invalid_argument);
  EXPECT_THAT((*stored)[3].error().message, AllOf(HasSubstr("'bad-d'"), HasSubstr("it does not fit")));
  EXPECT_THAT(requests(), ElementsAre("a busy-2-b c bad-d busy-1-e", "busy-2-b busy-1-e", "busy-2-b"));
}

TEST_F(RefusingEngine, FailsTheBatchWhenPatienceIsOver) {
  auto stored = put({"a", "busy-1000-b"});
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::unreachable);
  EXPECT_THAT(stored.error().message, AllOf(HasSubstr("OpenSearch at http://127.0.0.1"), HasSubstr("queue is full")));
  stored = put({"full-a"});
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::unreachable);
  EXPECT_THAT(stored.error().message, HasSubstr("watermark"));
  EXPECT_EQ(put({"gone-a"}).error().code, ErrorCode::not_found);
}

TEST_F(RefusingEngine, GetsManyRequestsOfABatch) {
  options().bulk_bytes = 1;
  options().parallel = 3;
  const auto stored = put({"a", "b", "c", "d", "e", "bad-f", "g"});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(std::ranges::count_if(*stored, [](const auto& one) { return one.has_value(); }), 6);
  EXPECT_FALSE((*stored)[5]);
  EXPECT_THAT(requests(), UnorderedElementsAre("a", "b", "c", "d", "e", "bad-f", "g"));
}

TEST_F(RefusingEngine, GetsLessAtOnceWhereThatIsTooMuch) {
  write("max_bytes", "900");
  const auto stored = put({"a", "b", "c", std::string(510, 'd'), "e"});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE((*stored)[0] && (*stored)[1] && (*stored)[2] && (*stored)[4]);
  ASSERT_FALSE((*stored)[3]);
  EXPECT_EQ((*stored)[3].error().code, ErrorCode::invalid_argument);
  EXPECT_THAT((*stored)[3].error().message, HasSubstr("http.max_content_length"));
}

TEST_F(RefusingEngine, IsRefusedWhereItsVersionIsNotKnown) {
  const auto refused = [&](std::string_view scheme) {
    auto http = engine(scheme);
    auto store =
        scheme == "opensearch" ? make_opensearch_store(std::move(http)) : make_elasticsearch_store(std::move(http));
    const auto note = store->note("a");
    EXPECT_FALSE(note);
    EXPECT_EQ(note.error().code, ErrorCode::conflict);
    return note.error().message;
  };
  says("opensearch", "1.3.20");
  EXPECT_THAT(refused("opensearch"), AllOf(HasSubstr("1.3.20"), HasSubstr("OpenSearch 2.19")));
  EXPECT_THAT(refused("elasticsearch"), AllOf(HasSubstr("there is OpenSearch"), HasSubstr("opensearch://")));
  says("", "8.14.3");
  EXPECT_THAT(refused("elasticsearch"), AllOf(HasSubstr("8.14.3"), HasSubstr("Elasticsearch 8.15")));
  EXPECT_THAT(refused("opensearch"), HasSubstr("there is Elasticsearch"));
  write("root.json", R"({"hello":"world"})");
  EXPECT_THAT(refused("opensearch"), HasSubstr("not as OpenSearch does"));
}

TEST_F(RefusingEngine, IsAskedForItsVersionUntilItAnswers) {
  write("root.json", R"({"version":{"number":"one"}})");
  const auto store = make_elasticsearch_store(engine("elasticsearch"));
  EXPECT_EQ(store->note("a").error().code, ErrorCode::conflict);
  says("", "9.5.3");
  EXPECT_TRUE(store->note("a"));
  says("", "7.0.0");
  EXPECT_TRUE(store->note("a")) << "it was asked once";
}

TEST_F(RefusingEngine, IsNotTakenForAnotherWriterWhereItsAnswerIsLost) {
  options().wait_s = 30;
  const auto store = make_opensearch_store(engine());
  const auto first = store->write_note("lost-a", "one", std::nullopt);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(*first) << "it was this one that wrote it";
  EXPECT_EQ(store->note("lost-a").value()->revision, **first);
  EXPECT_EQ(store->write_note("lost-a", "two", std::nullopt).value(), std::nullopt);
  const auto second = store->write_note("lost-a", "two", *first);
  ASSERT_TRUE(second && *second);
  EXPECT_NE(**second, **first);
}

}  // namespace
}  // namespace eidetic
