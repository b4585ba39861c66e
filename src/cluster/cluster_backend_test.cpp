#include "cluster/cluster_backend.h"

#include <atomic>
#include <thread>

#include "backend/contract_items_test.h"
#include "backend/contract_parts_test.h"
#include "backend/contract_search_test.h"
#include "cluster/test_store.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct UnderContract final : BackendHarness {
  Backend& backend() override { return cluster; }

  std::shared_ptr<TestEngine> engine = std::make_shared<TestEngine>();
  ClusterBackend cluster{std::make_unique<TestStore>(engine)};
};

BackendUnderTest cluster(const std::string& index) {
  return {index, index, [] { return std::make_unique<UnderContract>(); }};
}
INSTANTIATE_TEST_SUITE_P(Cluster, BackendContract, testing::Values(cluster("auto")), backend_test_name);
INSTANTIATE_TEST_SUITE_P(Cluster, PartsContract, testing::Values(cluster("auto")), backend_test_name);

// Two processes on one engine.
class TwoProcesses : public testing::Test {
 protected:
  static CollectionSpec spec(const std::string& name = "shoes") {
    CollectionSpec made;
    made.name = name;
    made.space = space("one", 2);
    return made;
  }
  static Space space(const std::string& model, std::uint32_t dimensions) {
    return {.model = model, .hash = model, .dimensions = dimensions};
  }
  static Item item(const std::string& id, Vector vector) {
    Item made;
    made.id = id;
    made.vector = std::move(vector);
    return made;
  }
  static Result<std::vector<Result<void>>> store(Backend& backend, const Item& item) {
    return backend.upsert("shoes", std::span(&item, 1));
  }
  static std::vector<std::string> nearest(Backend& backend, Vector vector) {
    auto hits = backend.search("shoes", {.vector = std::move(vector), .exclude_ids = {}});
    EXPECT_TRUE(hits) << hits.error().message;
    std::vector<std::string> ids;
    for (const Hit& hit : hits.value_or(std::vector<Hit>())) ids.push_back(hit.id);
    return ids;
  }

  std::shared_ptr<TestEngine> engine = std::make_shared<TestEngine>();
  ClusterBackend here{std::make_unique<TestStore>(engine)};
  ClusterBackend there{std::make_unique<TestStore>(engine)};
};

TEST_F(TwoProcesses, AnswerForTheSameCollections) {
  ASSERT_TRUE(here.create(spec()));
  EXPECT_EQ(there.create(spec()).error().code, ErrorCode::already_exists);
  ASSERT_TRUE(store(here, item("a", {1, 0})));
  EXPECT_THAT(nearest(there, {1, 0}), ElementsAre("a"));
  const std::vector<std::byte> head(9'000'000, std::byte{7});
  ASSERT_TRUE(here.attach("shoes", "head", head));
  EXPECT_EQ(there.attachment("shoes", "head").value(), head);
  ASSERT_TRUE(there.configure("shoes", settings_are(R"({"a":1})")));
  EXPECT_EQ(here.describe("shoes")->items, 1U);
  ASSERT_TRUE(there.drop("shoes"));
  EXPECT_EQ(here.upsert("shoes", {}).error().code, ErrorCode::not_found);
  EXPECT_TRUE(engine->tables.empty());
  EXPECT_THAT(engine->notes, IsEmpty()) << "all that a collection is goes with it";
}

TEST_F(TwoProcesses, SeeACollectionThatWasMadeAnewUnderItsName) {
  ASSERT_TRUE(here.create(spec()));
  ASSERT_TRUE(store(here, item("a", {1, 0})));
  ASSERT_TRUE(there.drop("shoes"));
  auto other = spec();
  other.space = space("two", 3);
  ASSERT_TRUE(there.create(other));
  EXPECT_FALSE(here.get("shoes", std::vector<std::string>{"a"}, false)->front());
  EXPECT_EQ(here.spec("shoes")->space.dimensions, 3U);
}

TEST_F(TwoProcesses, ChangeOneCollectionWithoutLosingTheOthersChange) {
  ASSERT_TRUE(here.create(spec()));
  std::atomic<bool> changing = false;
  engine->before = [&](std::string_view verb) -> Result<void> {
    // Just before this one writes what it has read, the other one does.
    if (verb != "write_note" || changing.exchange(true)) return {};
    return there.begin_space("shoes", space("two", 2));
  };
  ASSERT_TRUE(here.configure("shoes", settings_are(R"({"b":2})")));
  EXPECT_EQ(here.spec("shoes")->settings, R"({"b":2})");
  EXPECT_TRUE(there.other_space("shoes").value());
}

TEST_F(TwoProcesses, LoseNoneOfTwoChangesOfSettings) {
  ASSERT_TRUE(here.create(spec()));
  const auto add = [](std::string name) {
    return [=](const CollectionSpec& now) -> Result<std::string> {
      return now.settings == "{}" ? fmt::format("{{\"{}\":1}}", name)
                                  : fmt::format("{},\"{}\":1}}", now.settings.substr(0, now.settings.size() - 1), name);
    };
  };
  std::atomic<bool> changing = false;
  engine->before = [&](std::string_view verb) -> Result<void> {
    if (verb != "write_note" || changing.exchange(true)) return {};
    return there.configure("shoes", add("there"));
  };
  ASSERT_TRUE(here.configure("shoes", add("here")));
  EXPECT_EQ(here.spec("shoes")->settings, R"({"there":1,"here":1})");
}

TEST_F(TwoProcesses, LeaveAnItemThatWasStoredAnewSinceItWasRead) {
  ASSERT_TRUE(here.create(spec()));
  ASSERT_TRUE(store(here, item("a", {1, 0})));
  const std::vector<std::string> ids = {"a"};
  Item read = *here.get("shoes", ids, false).value().front();
  const Item listed = here.scroll("shoes", "", 10, false)->items.front();
  EXPECT_EQ(listed.version, read.version);
  read.metadata = R"({"class":"shoe"})";
  EXPECT_TRUE(here.update("shoes", std::span(&read, 1))->front());
  EXPECT_EQ(there.get("shoes", ids, false).value().front()->metadata, read.metadata);
  auto other = item("a", {0, 1});
  other.uri = "another";
  ASSERT_TRUE(store(there, other));
  EXPECT_TRUE(here.update("shoes", std::span(&read, 1))->front()) << "as if it had come before";
  const Item now = *here.get("shoes", ids, true).value().front();
  EXPECT_EQ(now.uri, "another");
  EXPECT_EQ(now.metadata, "{}");
  EXPECT_EQ(now.vector, (Vector{0, 1}));
}

TEST_F(TwoProcesses, SwitchTheSpaceOnceForBoth) {
  ASSERT_TRUE(here.create(spec()));
  ASSERT_TRUE(store(here, item("a", {1, 0})));
  ASSERT_TRUE(store(here, item("b", {0, 1})));
  ASSERT_TRUE(here.begin_space("shoes", space("two", 3)));
  auto pending = there.pending("shoes", 0, 10).value();
  ASSERT_EQ(pending.size(), 2U);
  EXPECT_EQ(here.switch_space("shoes", settings_are("{}"), false).error().code, ErrorCode::unavailable);
  // One of them is replaced while its vector is made.
  ASSERT_TRUE(store(here, item("b", {1, 1})));
  for (auto& each : pending) each.vector = {1, 2, 3};
  EXPECT_EQ(there.store_pending("shoes", pending).value(), 1U);
  pending = there.pending("shoes", pending.back().version, 10).value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].id, "b");
  pending[0].vector = {3, 2, 1};
  EXPECT_EQ(there.store_pending("shoes", pending).value(), 1U);
  EXPECT_THAT(nearest(here, {1, 0}), ElementsAre("a", "b"));
  ASSERT_EQ(there.switch_space("shoes", settings_are(R"({"new":1})"), false).value(), 0U);
  // This process thinks of the old space, as it may for a second; what it made for that is refused, and it learns why.
  EXPECT_EQ(store(here, item("c", {1, 1})).error().code, ErrorCode::unavailable);
  EXPECT_EQ(here.spec("shoes")->space.dimensions, 3U);
  EXPECT_EQ(here.spec("shoes")->era, 1U);
  EXPECT_EQ(here.spec("shoes")->settings, R"({"new":1})");
  EXPECT_THAT(nearest(here, {3, 2, 1}), ElementsAre("b", "a"));
  EXPECT_EQ(here.spec(other_space_name("shoes"))->space.dimensions, 2U);
  ASSERT_TRUE(here.drop_space("shoes"));
  EXPECT_FALSE(there.other_space("shoes").value());
}

TEST_F(TwoProcesses, SearchOnWhereTheOtherDropsWhatTheyKnow) {
  ASSERT_TRUE(here.create(spec()));
  ASSERT_TRUE(store(here, item("a", {1, 0})));
  ASSERT_TRUE(here.begin_space("shoes", space("two", 2)));
  auto pending = here.pending("shoes", 0, 10).value();
  pending.front().vector = {0, 1};
  ASSERT_TRUE(here.store_pending("shoes", pending));
  ASSERT_THAT(nearest(there, {1, 0}), ElementsAre("a"));
  ASSERT_TRUE(here.switch_space("shoes", settings_are("{}"), false));
  ASSERT_TRUE(here.drop_space("shoes"));
  EXPECT_THAT(nearest(there, {1, 0}), ElementsAre("a")) << "it has heard of the switch";
  ASSERT_TRUE(here.reindex("shoes", "Flat"));
  EXPECT_THAT(nearest(there, {1, 0}), ElementsAre("a"));
}

TEST_F(TwoProcesses, AcknowledgeNothingThatASwitchPasses) {
  ASSERT_TRUE(here.create(spec()));
  ASSERT_TRUE(here.begin_space("shoes", space("two", 2)));
  // The other process switches between this one's look at the collection and its write.
  std::atomic<bool> switched = false;
  engine->before = [&](std::string_view verb) -> Result<void> {
    if (verb == "put" && !switched.exchange(true)) EXPECT_TRUE(there.switch_space("shoes", settings_are("{}"), false));
    return {};
  };
  const auto stored = store(here, item("a", {1, 0}));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(store(here, item("a", {1, 0}))) << "made for the new space";
  EXPECT_THAT(nearest(there, {1, 0}), ElementsAre("a"));
}

TEST_F(TwoProcesses, BuildAnotherKindOfIndexWhileTheOtherWrites) {
  ASSERT_TRUE(here.create(spec()));
  Item with_part = item("a", {1, 0});
  with_part.parts = {{0, 1}};
  ASSERT_TRUE(store(here, with_part));
  std::atomic<int> written = 0;
  engine->before = [&](std::string_view verb) -> Result<void> {
    if (verb == "put_vectors" && written.fetch_add(1) == 0) EXPECT_TRUE(store(there, item("b", {1, 1})));
    return {};
  };
  ASSERT_TRUE(here.reindex("shoes", "HNSW16"));
  EXPECT_EQ(there.reindex("shoes", "PQ7").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(here.spec("shoes")->index, "HNSW16");
  EXPECT_THAT(nearest(here, {1, 0}), ElementsAre("a", "b"));
  EXPECT_EQ(here.parts("shoes", std::vector<std::string>{"a"})->front().size(), 1U);
  EXPECT_EQ(engine->tables.begin()->second.fields.size(), 1U) << "the old one is gone";
}

TEST_F(TwoProcesses, LeaveNothingBehindWhereTheEngineFails) {
  ASSERT_TRUE(here.create(spec("hats")));
  const auto tables = engine->tables.size();
  engine->before = [](std::string_view verb) -> Result<void> {
    return verb == "create_table" ? fail(ErrorCode::unreachable, "down") : Result<void>();
  };
  EXPECT_EQ(here.create(spec()).error().code, ErrorCode::unreachable);
  engine->before = {};
  EXPECT_EQ(engine->tables.size(), tables);
  EXPECT_EQ(here.list()->size(), 1U);
  ASSERT_TRUE(here.create(spec()));
  engine->before = [](std::string_view verb) -> Result<void> {
    return verb == "put" ? fail(ErrorCode::unreachable, "the engine is down") : Result<void>();
  };
  const auto stored = store(here, item("a", {1, 0}));
  EXPECT_EQ(stored.error().code, ErrorCode::unreachable);
  EXPECT_THAT(stored.error().message, HasSubstr("down"));
}

TEST_F(TwoProcesses, RefuseWhatAnotherVersionHasWritten) {
  ASSERT_TRUE(here.create(spec()));
  auto& note = engine->notes.find(descriptor_key("shoes"))->second;
  note.text.replace(note.text.find("\"format\":1"), 10, "\"format\":9");
  const auto described = there.describe("shoes");
  EXPECT_EQ(described.error().code, ErrorCode::conflict);
  EXPECT_THAT(described.error().message, HasSubstr("'shoes'"));
}

TEST_F(TwoProcesses, FindPairsAndDrawMaps) {
  ASSERT_TRUE(here.create(spec()));
  for (const auto& [id, x, y] : {std::tuple("a", 1.F, 0.F), {"b", 1.F, .01F}, {"c", 0.F, 1.F}}) {
    ASSERT_TRUE(store(here, item(id, {x, y})));
  }
  const auto near = here.near_pairs("shoes", {.k = 2, .min_similarity = .9}, {}, {}).value();
  EXPECT_EQ(near.items, 3U);
  EXPECT_THAT(near.ids, ElementsAre("a", "b"));
  ASSERT_EQ(near.pairs.size(), 1U);
  EXPECT_NEAR(near.pairs[0].similarity, 1, 1e-3);
  const auto map = here.map("shoes", {}).value();
  EXPECT_EQ(map.items, 3U);
  ASSERT_EQ(map.points.size(), 3U);
  EXPECT_EQ(map.points[0].id, "a");
  EXPECT_EQ(here.inspect("shoes").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace eidetic
