// What every Backend has to do, on Qdrant: on the server at QDRANT_URL or EIDETIC_TEST_QDRANT (http://host:port) where
// one of them is set, else on what such a server was recorded to answer (tests/data/qdrant/README.md).
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "backend/contract_items_test.h"
#include "backend/contract_metadata_test.h"
#include "backend/contract_parts_test.h"
#include "backend/contract_search_test.h"
#include "backend/embedded_harness.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "cluster/cluster.h"
#include "cluster/cluster_backend.h"
#include "cluster/qdrant_store.h"
#include "cluster/test_recording.h"
#include "cluster/test_tables.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kRecorded = EIDETIC_SOURCE_DIR "/tests/data/qdrant/exchanges.jsonl.xz";

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// "host:port", "" where there is no server.
std::string live_server() {
  std::string url = variable("QDRANT_URL");
  if (url.empty()) url = variable("EIDETIC_TEST_QDRANT");
  if (url.starts_with("http://")) url.erase(0, 7);
  if (url.ends_with('/')) url.pop_back();
  return url;
}

// Where requests go: to the server, to one that records what it says, or to the recording.
std::string address() {
  static const std::string live = live_server();
  static const std::string folder = variable("EIDETIC_RECORD");
  if (!live.empty() && folder.empty()) return live;
  static const TestRecording recording = live.empty() ? TestRecording({"replay", std::string(kRecorded)})
                                                      : TestRecording({"record", folder, "http://" + live});
  return recording.address();
}

// Names of its own for each test.
std::string prefix_of_test() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  return "test-" + sha256_hex(as_bytes(fmt::format("{}.{}", test->test_suite_name(), test->name()))).substr(0, 12);
}

EngineHttp engine(const std::string& host, const std::string& prefix) {
  ClusterOptions options;
  options.url = fmt::format("qdrant://{}/{}", host, prefix);
  // A recording knows one order.
  if (host != live_server()) options.parallel = 1;
  return {options, parse_cluster_url(options.url).value()};
}

// Names of its own; its collections go with it, on a server.
class Place {
 public:
  Place() { sweep(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { sweep(); }
  [[nodiscard]] std::unique_ptr<DocumentStore> store() const { return make_qdrant_store(engine(address(), prefix_)); }

 private:
  void sweep() const {
    const std::string live = live_server();
    if (live.empty()) return;
    const EngineHttp http = engine(live, prefix_);
    const auto all = http.exchange({.path = "/collections"});
    ASSERT_TRUE(all) << all.error().message;
    for (const Json& each : all->body["result"]["collections"]) {
      const auto name = each["name"].get<std::string>();
      if (name == prefix_ || name.starts_with(prefix_ + ".")) {
        EXPECT_TRUE(http.exchange({.method = "DELETE", .path = "/collections/" + name}));
      }
    }
  }

  std::string prefix_ = prefix_of_test();
};

class OnQdrant final : public BackendHarness {
 public:
  Backend& backend() override { return backend_; }

 private:
  Place place_;
  ClusterBackend backend_{place_.store()};
};

BackendUnderTest qdrant(const std::string& name, const std::string& index) {
  const bool recorded = live_server().empty() || !variable("EIDETIC_RECORD").empty();
  return {.name = name,
          .index = index,
          .make = [] { return std::make_unique<OnQdrant>(); },
          .scrolls_by_id = false,
          .several_threads = !recorded};
}
const auto kEveryKind = testing::Values(qdrant("auto", "auto"), qdrant("exact", "Flat"));
INSTANTIATE_TEST_SUITE_P(Qdrant, BackendContract, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Qdrant, BackendMetadata, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Qdrant, PartsContract, kEveryKind, backend_test_name);

// --- answers beside those of the embedded backend ---

class QdrantBesideEmbedded : public testing::Test {
 protected:
  void SetUp() override {
    CollectionSpec spec = make_spec("things", 4, "Flat");
    spec.space.metric = Metric::dot;
    std::mt19937 random(11);
    std::vector<Item> items;
    for (int i = 0; i < 60; ++i) {
      items.push_back(table_item(fmt::format("item-{}", i), {1, static_cast<float>(i), 0, 0}, any_metadata(random)));
      items.back().uri = i % 3 == 0 ? "u" : "";
    }
    for (Backend* const backend : both_) {
      ASSERT_TRUE(backend->create(spec));
      // In two batches and out of the order of ids, as versions tell.
      ASSERT_TRUE(backend->upsert("things", std::span(items).subspan(30)));
      ASSERT_TRUE(backend->upsert("things", std::span(items).first(30)));
    }
  }
  static std::vector<std::string> listed(Backend& backend, SortedRequest request) {
    std::vector<std::string> ids;
    do {
      auto page = backend.sorted("things", request);
      EXPECT_TRUE(page) << page.error().message;
      if (!page) break;
      EXPECT_LE(page->items.size(), request.limit);
      for (const Item& item : page->items) ids.push_back(item.id);
      request.cursor = page->next;
    } while (!request.cursor.empty());
    return ids;
  }

  EmbeddedHarness embedded_;
  Place place_;
  ClusterBackend qdrant_{place_.store()};
  std::array<Backend*, 2> both_ = {open(), &qdrant_};

 private:
  Backend* open() {
    embedded_.open();
    return embedded_.backend.get();
  }
};

TEST_F(QdrantBesideEmbedded, FiltersPassTheSame) {
  std::mt19937 random(12);
  for (int i = 0; i < 150; ++i) {
    const auto filter = parse_filter(any_filter(random)).value();
    const auto expected = both_[0]->count("things", filter);
    const auto counted = both_[1]->count("things", filter);
    ASSERT_TRUE(counted) << filter.text() << ": " << counted.error().message;
    EXPECT_EQ(*counted, *expected) << filter.text();
  }
}

TEST_F(QdrantBesideEmbedded, ListsHaveTheSameOrder) {
  for (const char* const field : {"a", "b_c", "o.d", "`ü x`", "o", "gone", "@id", "@uri"}) {
    for (const bool descending : {false, true}) {
      for (const std::uint32_t limit : {7U, 100U}) {
        SortedRequest request{.filter = {}, .field = field, .descending = descending, .limit = limit};
        EXPECT_EQ(listed(*both_[1], request), listed(*both_[0], request)) << field << ' ' << descending << ' ' << limit;
        request.filter = parse_filter("a > 0 or exists b_c").value();
        EXPECT_EQ(listed(*both_[1], request), listed(*both_[0], request)) << field << ' ' << descending << ' ' << limit;
      }
    }
  }
}

TEST_F(QdrantBesideEmbedded, CountsValuesTheSame) {
  for (const char* const filter : {"", "a > 0 or exists b_c", "gone = 1"}) {
    const FacetRequest request{.fields = {"a", "b_c", "o.d", "`ü x`", "o", "gone", "@id", "@uri"},
                               .filter = parse_filter(filter).value(),
                               .limit = 5};
    const auto expected = both_[0]->facets("things", request).value();
    const auto got = both_[1]->facets("things", request);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Facet &a = (*got)[i], &b = expected[i];
      EXPECT_EQ(a.field, b.field);
      EXPECT_EQ(a.items, b.items) << b.field;
      EXPECT_EQ(a.without, b.without) << b.field;
      EXPECT_EQ(a.distinct, b.distinct) << b.field;
      EXPECT_EQ(a.least, b.least) << b.field;
      EXPECT_EQ(a.largest, b.largest) << b.field;
      ASSERT_EQ(a.values.size(), b.values.size()) << b.field;
      for (std::size_t v = 0; v < b.values.size(); ++v) {
        EXPECT_EQ(a.values[v].items, b.values[v].items) << b.field;
      }
    }
  }
}

// --- tables and notes ---

class QdrantTable : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_->create_table("t", first_)); }
  void put(const VectorField& field, const std::vector<Item>& items, std::uint64_t version) {
    const auto stored = store_->put("t", field, items, version);
    ASSERT_TRUE(stored) << stored.error().message;
    for (const auto& each : *stored) EXPECT_TRUE(each) << each.error().message;
  }
  std::vector<std::string> pending(const VectorField& field, std::uint64_t after, std::uint32_t limit = 10) {
    std::vector<std::string> ids;
    const auto items = store_->without("t", field, after, limit);
    EXPECT_TRUE(items) << items.error().message;
    for (const Item& each : items.value_or(std::vector<Item>())) ids.push_back(each.id);
    return ids;
  }

  const VectorField first_ = table_field("v0"), second_ = table_field("v1", Metric::cosine, "HNSW16,SQ8");
  Place place_;
  std::unique_ptr<DocumentStore> store_ = place_.store();
};

TEST_F(QdrantTable, GivesAnotherFieldItsVectors) {
  put(first_, {table_item("a", {1, 2, 3, 4}), table_item("b", {4, 3, 2, 1}), table_item("c", {1, 0, 0, 0})}, 100);
  ASSERT_TRUE(store_->add_field("t", second_));
  EXPECT_THAT(pending(second_, 0), ElementsAre("a", "b", "c"));
  EXPECT_THAT(pending(second_, 100, 1), ElementsAre("b"));
  put(first_, {table_item("b", {4, 3, 2, 2})}, 200);  // meanwhile
  std::vector<Item> made = {table_item("a", {5, 6, 7, 8}), table_item("b", {1, 1, 1, 1}),
                            table_item("gone", {1, 1, 1, 1})};
  made[0].version = 100;
  made[1].version = made[2].version = 101;
  EXPECT_EQ(store_->put_vectors("t", second_, made).value(), 1U);
  EXPECT_THAT(pending(second_, 0), ElementsAre("c", "b"));
  const std::vector<std::string> ids = {"b", "a", "gone"};
  const auto got = store_->get("t", ids, &second_).value();
  ASSERT_TRUE(got[0] && got[1] && !got[2]);
  EXPECT_TRUE(got[0]->vector.empty());
  EXPECT_EQ(got[1]->vector, (Vector{5, 6, 7, 8}));
  EXPECT_EQ(store_->get("t", ids, &first_).value()[1]->vector, (Vector{1, 2, 3, 4}));
  EXPECT_EQ(store_->count("t", {}, &second_).value(), 1U);
  EXPECT_EQ(store_->count("t", {}, nullptr).value(), 3U);
  const std::vector<VectorQuery> queries = {{.vector = {5, 6, 7, 8}, .k = 9, .exclude_ids = {}}};
  const auto found = store_->search("t", second_, queries).value();
  ASSERT_TRUE(found[0]) << found[0].error().message;
  ASSERT_EQ(found[0]->size(), 1U) << "only what has a vector there";
  EXPECT_EQ(found[0]->front().id, "a");
  // Facts change without the version, and leave both vectors.
  EXPECT_TRUE(store_->put_facts("t", std::vector{table_item("a", {}, R"({"n":1})")}).value()[0].value());
  made[1].metadata = R"({"n":2})";
  EXPECT_FALSE(store_->put_facts("t", made).value()[1].value()) << "b was put again since it was read";
  EXPECT_EQ(store_->get("t", std::vector<std::string>{"b"}, nullptr).value()[0]->metadata, "{}");
  EXPECT_TRUE(store_->put_facts("t", std::vector{table_item("a", {}, R"({"n":1})")}).value()[0].value());
  const auto changed = store_->get("t", std::vector<std::string>{"a"}, &second_).value()[0];
  EXPECT_EQ(changed->version, 100U);
  EXPECT_EQ(changed->vector, (Vector{5, 6, 7, 8}));
  EXPECT_EQ(store_->count("t", parse_filter("n = 1").value(), &second_).value(), 1U);
  EXPECT_EQ(store_->erase_without("t", second_).value(), 2U);
  EXPECT_EQ(store_->info("t", second_)->items, 1U);
  // An item that is put again is of one field.
  put(second_, {table_item("a", {1, 0, 0, 1})}, 300);
  EXPECT_TRUE(store_->get("t", std::vector<std::string>{"a"}, &first_).value()[0]->vector.empty());
  ASSERT_TRUE(store_->drop_field("t", first_));
  EXPECT_EQ(store_->get("t", std::vector<std::string>{"a"}, &second_).value()[0]->vector, (Vector{1, 0, 0, 1}));
}

TEST_F(QdrantTable, RaisesItsSequenceWithEveryWrite) {
  std::uint64_t last = store_->info("t", first_)->sequence;
  const auto rises = [&](const char* after) {
    const auto now = store_->info("t", first_)->sequence;
    EXPECT_GT(now, last) << after;
    last = now;
  };
  put(first_, {table_item("a", {1, 2, 3, 4}), table_item("b", {4, 3, 2, 1})}, 1);
  rises("put");
  ASSERT_TRUE(store_->put_facts("t", std::vector{table_item("a", {})}));
  rises("put_facts");
  ASSERT_EQ(store_->erase("t", std::vector<std::string>{"a", "none"}).value(), 1U);
  rises("erase");
  EXPECT_EQ(store_->info("t", first_)->sequence, last) << "nothing was written";
}

TEST_F(QdrantTable, SearchesAndListsAreRefusedWhereQdrantCannot) {
  put(first_, {table_item("a", {1, 2, 3, 4}, R"({"name":"x"})")}, 1);
  const Filter filter = parse_filter("name > 'm'").value();
  const std::vector<VectorQuery> queries = {{.vector = {1, 0, 0, 0}, .exclude_ids = {}, .filter = filter},
                                            {.vector = {1, 0, 0, 0}, .exclude_ids = {}}};
  const auto found = store_->search("t", first_, queries).value();
  ASSERT_FALSE(found[0]);
  EXPECT_EQ(found[0].error().code, ErrorCode::unsupported);
  EXPECT_THAT(found[0].error().message, HasSubstr("Qdrant"));
  ASSERT_TRUE(found[1]);
  EXPECT_EQ(found[1]->size(), 1U);
  EXPECT_EQ(store_->count("t", filter, nullptr).error().code, ErrorCode::unsupported);
  EXPECT_EQ(store_->sorted("t", {.filter = filter, .field = "name"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(store_->scroll("t", "no cursor", 10, nullptr).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(store_->count("none", {}, nullptr).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->count("none", parse_filter("@id = 7").value(), nullptr).error().code, ErrorCode::not_found);
}

TEST_F(QdrantTable, ChangesNotesWhereTheyAreAsTheyWereRead) {
  EXPECT_FALSE(store_->note("a/b").value());
  EXPECT_FALSE(store_->write_note("a/b", "x", "never read").value()) << "there is none";
  const auto first = store_->write_note("a/b", "one", std::nullopt).value();
  ASSERT_TRUE(first);
  EXPECT_FALSE(store_->write_note("a/b", "other", std::nullopt).value());
  const auto second = store_->write_note("a/b", "two", first).value();
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
  EXPECT_FALSE(store_->write_note("a/b", "late", first).value());
  const auto now = store_->note("a/b").value();
  EXPECT_EQ(now->text, "two");
  EXPECT_EQ(now->revision, *second);
  ASSERT_TRUE(store_->write_note("a/c", "", std::nullopt).value());
  ASSERT_TRUE(store_->write_note("b", "", std::nullopt).value());
  EXPECT_THAT(store_->notes("a/").value(), ElementsAre("a/b", "a/c"));
  ASSERT_TRUE(store_->erase_note("a/b"));
  ASSERT_TRUE(store_->erase_note("a/b"));
  EXPECT_FALSE(store_->write_note("a/b", "three", second).value()) << "it was erased";
  EXPECT_TRUE(store_->write_note("a/b", "four", std::nullopt).value());
}

TEST_F(QdrantTable, TellsAWriterThatHasBeenOvertakenThatItHasWritten) {
  auto revision = store_->write_note("a", "0", std::nullopt).value();
  const auto before = revision;
  for (int i = 1; i < 20; ++i) {
    revision = store_->write_note("a", std::to_string(i), revision).value();
    ASSERT_TRUE(revision) << i;
  }
  EXPECT_LT(revision->size(), 200U) << "revisions do not grow for ever";
  EXPECT_FALSE(store_->write_note("a", "late", before).value());
}

TEST(QdrantServer, IsRefusedWhereItIsNoneOrTooOld) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "index.html", "no JSON"));
  const TestServer other(folder.path());
  std::string host = other.url("").substr(7);
  host.pop_back();
  const auto store = make_qdrant_store(engine(host, "test"));
  const auto told = store->note("a");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::conflict);
  EXPECT_THAT(told.error().message, HasSubstr("there is no Qdrant"));
}

TEST(QdrantServer, IsAskedForItsVersion) {
  const TemporaryDirectory folder;
  const std::string asked = sha256_hex(as_bytes("GET /\n")).substr(0, 20);
  for (const char* const version : {"1.17.1", "2.0.0", "dev"}) {
    const Json root = {{"title", "qdrant - vector search engine"}, {"version", version}};
    const Json line = Json::array({"", asked, 0, 200, dump_json(root)});
    ASSERT_TRUE(write_file_atomically(folder / "old.jsonl", dump_json(line) + "\n"));
    const TestRecording old({"replay", (folder / "old.jsonl").native()});
    const auto told = make_qdrant_store(engine(old.address(), "test"))->note("a");
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, ErrorCode::conflict);
    EXPECT_THAT(told.error().message, HasSubstr(fmt::format("version '{}'; 1.18", version)));
  }
}

}  // namespace
}  // namespace eidetic
