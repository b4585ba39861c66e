#include "engine/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "backend/embedded_harness.h"
#include "base/file.h"
#include "base/test_files.h"
#include "cluster/cluster.h"
#include "cluster/test_store.h"
#include "engine/backends_file.h"
#include "engine/copy_collection.h"
#include "engine/settings.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kUrl = "opensearch://far:9200";

class BackendsTest : public testing::Test {
 protected:
  void SetUp() override {
    embedded.open();
    std::vector<Backends::Place> places;
    places.push_back({.name = std::string(kEmbeddedBackend), .backend = std::move(embedded.backend)});
    places.push_back({.name = std::string(kUrl), .backend = make_cluster_backend(std::make_unique<TestStore>(engine))});
    backends = std::make_unique<Backends>(std::move(places));
  }
  void TearDown() override { backends.reset(); }

  static CollectionSpec spec(std::string name) {
    auto made = make_spec(std::move(name), 4, "auto");
    made.settings = R"({"model": ""})";
    return made;
  }
  void fill(std::string_view collection, int first, int last) {
    std::vector<Item> items;
    for (int i = first; i < last; ++i) {
      std::mt19937 random(static_cast<unsigned>(i));
      items.push_back(make_item(std::to_string(i), random_vector(random, 4)));
      items.back().metadata = R"({"n":)" + std::to_string(i) + "}";
      if (i % 3 == 0) items.back().parts = {random_vector(random, 4), random_vector(random, 4)};
    }
    const auto stored = backends->upsert(collection, items);
    ASSERT_TRUE(stored) << stored.error().message;
  }
  std::vector<std::string> nearest(std::string_view collection, unsigned seed, bool parts) {
    std::mt19937 random(seed);
    VectorQuery query{.vector = random_vector(random, 4), .k = 10, .exclude_ids = {}, .parts = parts};
    std::vector<std::string> ids;
    for (const Hit& hit : backends->search(collection, query).value()) ids.push_back(hit.id);
    return ids;
  }
  Result<CopyReport> copy(std::string_view name, CopyRequest request, const std::stop_token& stop = {}) {
    return copy_collection(*backends, name, request, {}, stop);
  }

  EmbeddedHarness embedded;
  std::shared_ptr<TestEngine> engine = std::make_shared<TestEngine>();
  std::unique_ptr<Backends> backends;
};

TEST_F(BackendsTest, AreOneListOfCollections) {
  ASSERT_TRUE(backends->create(spec("near")));
  ASSERT_TRUE(backends->create_in(kUrl, spec("far")));
  fill("far", 0, 3);
  const auto all = backends->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].spec.name, "far");
  EXPECT_EQ(all[0].backend, kUrl);
  EXPECT_EQ(all[0].items, 3U);
  EXPECT_EQ(all[1].backend, "embedded");
  EXPECT_EQ(backends->place_of("far").value(), kUrl);
  EXPECT_EQ(backends->create(spec("far")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(backends->create_in(kUrl, spec("near")).error().code, ErrorCode::already_exists);
  const auto unknown = backends->create_in("qdrant://q", spec("x"));
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(unknown.error().message, HasSubstr("'opensearch://far:9200'"));
  EXPECT_EQ(backends->describe("nowhere").error().code, ErrorCode::not_found);
  ASSERT_TRUE(backends->drop("far"));
  EXPECT_EQ(backends->describe("far").error().code, ErrorCode::not_found);
}

TEST(BackendsFileTest, KeepsUrlsAndNoSecrets) {
  const TemporaryDirectory folder;
  const BackendsFile file(folder.path());
  EXPECT_THAT(file.read().value(), testing::IsEmpty());
  EXPECT_FALSE(file.remove("opensearch://far:9200").value());
  ASSERT_TRUE(file.add({.url = "opensearch://ann@far", .password = "secret", .api_key = "", .ca_file = "/ca.pem"}));
  ASSERT_TRUE(file.add({.url = "qdrant://q", .password = "", .api_key = "secret"}));
  ASSERT_TRUE(file.add({.url = "qdrant://q:6333/eidetic", .password = "", .api_key = ""})) << "the same";
  EXPECT_THAT(read_text(folder.path() / "backends.json").value(), testing::Not(HasSubstr("secret")));
  const auto read = file.read().value();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].url, "opensearch://ann@far");
  EXPECT_EQ(read[0].ca_file, "/ca.pem");
  EXPECT_TRUE(file.remove(parse_cluster_url("opensearch://ann@far")->name).value());
  EXPECT_EQ(file.read()->size(), 1U);
  ASSERT_TRUE(file.note("opensearch://far:9200"));
  ASSERT_TRUE(file.note("opensearch://far:9200"));
  EXPECT_THAT(file.noted().value(), ElementsAre("opensearch://far:9200"));
  EXPECT_EQ(file.read()->size(), 1U);
}

TEST(OpenBackends, KnowOfThoseThatAreNotOpenedAnyMore) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(BackendsFile(folder.path()).note("opensearch://far:9200"));
  EmbeddedHarness embedded;
  embedded.open();
  const auto backends =
      open_backends({.data_dir = folder.path(), .remember_clusters = false}, std::move(embedded.backend));
  ASSERT_TRUE(backends);
  EXPECT_TRUE((*backends)->list());
  EXPECT_THAT((*backends)->list_all().error().message, HasSubstr("opensearch://far:9200"));
}

TEST_F(BackendsTest, HideNothingWhereOneDoesNotAnswer) {
  ASSERT_TRUE(backends->create(spec("near")));
  ASSERT_TRUE(backends->create_in(kUrl, spec("far")));
  ASSERT_EQ(backends->list()->size(), 2U);
  engine->before = [](std::string_view) -> Result<void> { return fail(ErrorCode::unreachable, "far is down"); };
  EXPECT_TRUE(backends->describe("near"));
  EXPECT_EQ(backends->describe("other").error().code, ErrorCode::unreachable) << "it may be there";
  const auto all = backends->list().value();
  ASSERT_EQ(all.size(), 2U);
}

TEST_F(BackendsTest, AreRememberedOnceTheyHaveAnswered) {
  int answered = 0;
  EmbeddedHarness here;
  here.open();
  std::vector<Backends::Place> places;
  places.push_back({.name = std::string(kEmbeddedBackend), .backend = std::move(here.backend)});
  places.push_back({.name = std::string(kUrl),
                    .backend = make_cluster_backend(std::make_unique<TestStore>(engine)),
                    .on_answer = [&]() -> Result<void> {
                      ++answered;
                      return {};
                    }});
  Backends all(std::move(places));
  engine->before = [](std::string_view) -> Result<void> { return fail(ErrorCode::unreachable, "far is down"); };
  EXPECT_FALSE(all.create_in(kUrl, spec("far")));
  EXPECT_TRUE(all.list());
  EXPECT_FALSE(all.spec("far"));
  EXPECT_EQ(answered, 0);
  engine->before = nullptr;
  EXPECT_FALSE(all.spec("far@" + std::string(kUrl)));
  EXPECT_EQ(answered, 1) << "it has said that there is none";
  ASSERT_TRUE(all.create_in(kUrl, spec("far")));
  EXPECT_TRUE(all.list());
  EXPECT_EQ(answered, 1);
}

TEST_F(BackendsTest, ACopyIsTheSameThereAndBack) {
  ASSERT_TRUE(backends->create(spec("near")));
  fill("near", 0, 200);
  ASSERT_TRUE(backends->attach("near", "head", std::vector<std::byte>(3, std::byte{1})));
  const auto there = copy("near", {.to = std::string(kUrl)});
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_EQ(there->copied, 200U);
  EXPECT_EQ(there->searches, 100U);
  EXPECT_EQ(there->agreement, 1);
  EXPECT_EQ(there->collection.spec.name, "near@opensearch://far:9200");
  EXPECT_EQ(backends->list()->size(), 2U);
  const auto back = copy("near@opensearch://far:9200", {.to = "embedded", .name = "back"});
  ASSERT_TRUE(back) << back.error().message;
  for (const bool parts : {false, true}) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const auto expected = nearest("near", seed, parts);
      EXPECT_EQ(nearest("near@opensearch://far:9200", seed, parts), expected);
      EXPECT_EQ(nearest("back", seed, parts), expected);
    }
  }
  EXPECT_EQ(backends->parts("back", std::vector<std::string>{"0"})->front().size(), 2U);
  EXPECT_EQ(copy("near", {.to = "embedded"}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(copy("near", {.to = std::string(kUrl)}).error().code, ErrorCode::already_exists);
}

TEST_F(BackendsTest, ACopyThatWasCutOffGoesOn) {
  ASSERT_TRUE(backends->create(spec("near")));
  fill("near", 0, 1200);
  // The far engine fails at the second batch.
  std::atomic<int> puts = 0;
  engine->before = [&](std::string_view verb) -> Result<void> {
    return verb == "put" && ++puts > 2 ? fail(ErrorCode::unreachable, "far is down") : Result<void>();
  };
  EXPECT_EQ(copy("near", {.to = std::string(kUrl)}).error().code, ErrorCode::unreachable);
  engine->before = {};
  const auto half = backends->describe("near@opensearch://far:9200").value();
  EXPECT_GT(half.items, 0U);
  EXPECT_LT(half.items, 1200U);
  EXPECT_EQ(parse_settings(half.spec.settings, "near")->copying, "near");
  // Meanwhile it changes: one goes, one is new, one is another.
  ASSERT_TRUE(backends->erase("near", std::vector<std::string>{"0"}));
  fill("near", 1200, 1201);
  Item changed = make_item("1", {1, 2, 3, 4});
  ASSERT_TRUE(backends->upsert("near", std::span(&changed, 1)));
  const auto whole = copy("near", {.to = std::string(kUrl)});
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_LT(whole->copied, 1201U) << "what was there already is not copied again";
  EXPECT_EQ(whole->collection.items, 1200U);
  EXPECT_EQ(parse_settings(whole->collection.spec.settings, "near")->copying, "");
  const auto got = backends->get("near@opensearch://far:9200", std::vector<std::string>{"0", "1", "1200"}, true);
  EXPECT_FALSE(got->at(0));
  EXPECT_THAT(got->at(1)->vector, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(got->at(2));
}

TEST_F(BackendsTest, ACopyFollowsWritersUntilItIsTheSame) {
  ASSERT_TRUE(backends->create(spec("near")));
  fill("near", 0, 600);
  std::atomic<int> puts = 0;
  engine->before = [&](std::string_view verb) -> Result<void> {
    // Just after something was read to be stored there.
    if (verb == "put" && ++puts == 2) {
      fill("near", 600, 610);
      EXPECT_TRUE(backends->erase("near", std::vector<std::string>{"3"}));
    }
    return {};
  };
  const auto copied = copy("near", {.to = std::string(kUrl)});
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->collection.items, 609U);
  EXPECT_EQ(backends->count("near", {}).value(), 609U);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_TRUE(copy("near", {.to = "embedded", .name = "other"}, stopped.get_token())->interrupted);
}

}  // namespace
}  // namespace eidetic
