#include "catalog/catalog.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/test_files.h"
#include "catalog/sqlite.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CollectionSpec spec(std::string name) {
  return {.name = std::move(name),
          .space = {.model = "m", .hash = "ab", .dimensions = 2, .metric = Metric::dot, .precision = Precision::bf16},
          .index = "HNSW16",
          .settings = R"({"x":1})"};
}

Item item(std::string id, float x = 1) {
  return {.id = std::move(id),
          .uri = "file:///p",
          .content_hash = "cd",
          .size_bytes = 12,
          .modified_ns = -5,
          .metadata = R"({"label":"ü"})",
          .vector = {x, 2}};
}

struct Fixture : testing::Test {
  Fixture() { reopen(); }
  void reopen() {
    catalog.reset();
    catalog = Catalog::open(file).value();
  }
  std::vector<ItemKey> keys(const CollectionRecord& collection) {
    std::vector<ItemKey> found;
    EXPECT_TRUE(catalog->for_each_key(collection, [&](ItemKey key) -> Result<void> {
      found.push_back(key);
      return {};
    }));
    return found;
  }

  TemporaryDirectory folder;
  std::filesystem::path file = folder / "catalog.db";
  std::unique_ptr<Catalog> catalog;
};
using CatalogTest = Fixture;

TEST_F(CatalogTest, KeepsCollectionsOverARestart) {
  const auto made = catalog->create(spec("shoes")).value();
  ASSERT_TRUE(catalog->create(spec("hats")));
  ASSERT_TRUE(catalog->configure(made.key, R"({"y":2})"));
  reopen();
  const auto all = catalog->collections().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].spec.name, "hats");
  const auto& shoes = all[1];
  EXPECT_EQ(shoes.key, made.key);
  EXPECT_TRUE(shoes.spec.space.matches(spec("shoes").space));
  EXPECT_EQ(shoes.spec.space.model, "m");
  EXPECT_EQ(shoes.spec.index, "HNSW16");
  EXPECT_EQ(shoes.spec.settings, R"({"y":2})");
  EXPECT_GT(shoes.created_ms, 1'700'000'000'000);
}

TEST_F(CatalogTest, KeepsEveryFieldOfAnItem) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const std::string with_nul("a\0b", 3);
  auto stored = catalog->upsert(shoes, std::vector{item("a"), item(with_nul, 0.1F)}).value();
  EXPECT_EQ(stored.sequence, 1U);
  EXPECT_EQ(stored.items, 2U);
  reopen();
  const auto got = catalog->get(shoes, std::vector<std::string>{with_nul, "nowhere", "a"}, true).value();
  ASSERT_TRUE(got[0]);
  EXPECT_FALSE(got[1]);
  ASSERT_TRUE(got[2]);
  EXPECT_EQ(got[0]->id, with_nul);
  EXPECT_THAT(got[0]->vector, ElementsAre(0.1F, 2));
  EXPECT_EQ(got[2]->uri, "file:///p");
  EXPECT_EQ(got[2]->content_hash, "cd");
  EXPECT_EQ(got[2]->size_bytes, 12U);
  EXPECT_EQ(got[2]->modified_ns, -5);
  EXPECT_EQ(got[2]->metadata, R"({"label":"ü"})");
}

TEST_F(CatalogTest, ABadItemFailsAlone) {
  const auto shoes = catalog->create(spec("shoes")).value();
  auto short_vector = item("b");
  short_vector.vector = {1};
  const auto stored = catalog->upsert(shoes, std::vector{item("a"), short_vector, item("c")}).value();
  EXPECT_TRUE(stored.results[0]);
  EXPECT_THAT(stored.results[1].error().message, HasSubstr("'b'"));
  EXPECT_TRUE(stored.results[2]);
  EXPECT_EQ(stored.items, 2U);
}

TEST_F(CatalogTest, ReplacingGivesANewKeyAndKeysAreNeverUsedAgain) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const auto first = catalog->upsert(shoes, std::vector{item("a"), item("a", 5)}).value();
  EXPECT_THAT(first.removed, ElementsAre(first.added[0]));
  EXPECT_EQ(first.items, 1U);
  const auto second = catalog->upsert(shoes, std::vector{item("a", 7)}).value();
  EXPECT_THAT(second.removed, ElementsAre(first.added[1]));
  EXPECT_THAT(keys(shoes), ElementsAre(second.added[0]));
  const auto erased = catalog->erase(shoes, std::vector<std::string>{"a", "a", "b"}).value();
  EXPECT_THAT(erased.removed, ElementsAre(second.added[0]));
  EXPECT_EQ(erased.items, 0U);
  reopen();
  EXPECT_GT(catalog->upsert(shoes, std::vector{item("a")})->added[0], second.added[0]);
}

TEST_F(CatalogTest, UpdateLeavesKeyAndVector) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const auto stored = catalog->upsert(shoes, std::vector{item("a", 3)}).value();
  auto changed = item("a");
  changed.metadata = R"({"label":"new"})";
  changed.vector.clear();
  const auto updated = catalog->update(shoes, std::vector{changed, item("nowhere")}).value();
  EXPECT_TRUE(updated.results[0]);
  EXPECT_EQ(updated.results[1].error().code, ErrorCode::not_found);
  EXPECT_THAT(keys(shoes), ElementsAre(stored.added[0]));
  const auto got = catalog->get(shoes, std::vector<std::string>{"a"}, true).value();
  EXPECT_EQ(got[0]->metadata, R"({"label":"new"})");
  EXPECT_THAT(got[0]->vector, ElementsAre(3, 2));
}

TEST_F(CatalogTest, ScrollsBytewiseInPages) {
  const auto shoes = catalog->create(spec("shoes")).value();
  ASSERT_TRUE(catalog->upsert(shoes, std::vector{item("b"), item("ä"), item("B"), item("a"), item("aa")}));
  std::vector<std::string> ids;
  std::string cursor;
  int pages = 0;
  do {
    const auto page = catalog->scroll(shoes, cursor, 2, pages == 0).value();
    for (const auto& found : page.items) {
      ids.push_back(found.id);
      EXPECT_EQ(found.vector.empty(), pages != 0);
    }
    cursor = page.next;
    ++pages;
  } while (!cursor.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(ids, ElementsAre("B", "a", "aa", "b", "ä"));
}

TEST_F(CatalogTest, StreamsVectorsOfOneCollectionInOrderOfKeys) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const auto hats = catalog->create(spec("hats")).value();
  std::vector<ItemKey> expected;
  for (int i = 0; i < 10; ++i) {
    expected.push_back(
        catalog->upsert(shoes, std::vector{item(std::to_string(9 - i), static_cast<float>(i))})->added[0]);
    ASSERT_TRUE(catalog->upsert(hats, std::vector{item(std::to_string(i))}));
  }
  std::vector<ItemKey> found;
  ASSERT_TRUE(catalog->for_each_vector(shoes, expected[2], [&](ItemKey key, auto vector) -> Result<void> {
    EXPECT_EQ(vector[0], static_cast<float>(found.size() + 3));
    found.push_back(key);
    return {};
  }));
  EXPECT_EQ(found, std::vector(expected.begin() + 3, expected.end()));
}

TEST_F(CatalogTest, DropsAtOnceAndPurgesInPortionsAlsoAfterARestart) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const auto hats = catalog->create(spec("hats")).value();
  std::vector<Item> many;
  many.reserve(1000);
  for (int i = 0; i < 1000; ++i) many.push_back(item(std::to_string(i)));
  ASSERT_TRUE(catalog->upsert(shoes, many));
  ASSERT_TRUE(catalog->upsert(hats, many));
  ASSERT_TRUE(catalog->drop(shoes.key));
  EXPECT_EQ(catalog->drop(shoes.key).error().code, ErrorCode::not_found);
  EXPECT_EQ(catalog->upsert(shoes, many).error().code, ErrorCode::not_found);
  EXPECT_EQ(catalog->describe(shoes.key).error().code, ErrorCode::not_found);
  const auto again = catalog->create(spec("shoes")).value();
  EXPECT_GT(again.key, shoes.key);

  EXPECT_TRUE(catalog->purge(600).value());
  reopen();
  EXPECT_FALSE(catalog->purge(600).value());
  EXPECT_THAT(keys(shoes), IsEmpty());
  EXPECT_EQ(keys(hats).size(), 1000U);
  EXPECT_EQ(catalog->collections()->size(), 2U);
  EXPECT_FALSE(catalog->purge(600).value());
}

TEST_F(CatalogTest, PurgingGivesRoomBackToTheDisk) {
  auto large = spec("shoes");
  large.space.dimensions = 4096;
  const auto shoes = catalog->create(large).value();
  std::vector<Item> many;
  many.reserve(200);
  for (int i = 0; i < 200; ++i) {
    many.push_back(item(std::to_string(i)));
    many.back().vector.assign(4096, 1);
  }
  ASSERT_TRUE(catalog->upsert(shoes, many));
  ASSERT_TRUE(catalog->drop(shoes.key));
  ASSERT_FALSE(catalog->purge(1000).value());
  reopen();
  EXPECT_LT(std::filesystem::file_size(file), 400'000U);
}

TEST_F(CatalogTest, ReadersSeeCommittedBatchesWholeWhileOneWrites) {
  const auto shoes = catalog->create(spec("shoes")).value();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int batch = 0; batch < 50; ++batch) {
      std::vector<Item> ten;
      for (int i = 0; i < 10; ++i) ten.push_back(item(std::to_string(batch * 10 + i)));
      EXPECT_TRUE(catalog->upsert(shoes, ten));
    }
    done = true;
  });
  while (!done) EXPECT_EQ(keys(shoes).size() % 10, 0U);
  writer.join();
  EXPECT_EQ(catalog->describe(shoes.key)->items, 500U);
}

TEST_F(CatalogTest, RefusesTheCatalogOfANewerFormat) {
  catalog.reset();
  ASSERT_TRUE(Database::open(file, Database::Access::create).value()->execute("PRAGMA user_version = 99"));
  const auto opened = Catalog::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("newer"));
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

TEST_F(CatalogTest, BringsACatalogOfTheFirstFormatUpToThis) {
  const auto shoes = catalog->create(spec("shoes")).value();
  ASSERT_TRUE(catalog->upsert(shoes, std::vector{item("a")}));
  catalog.reset();
  ASSERT_TRUE(Database::open(file, Database::Access::create)
                  .value()
                  ->execute("DROP TABLE attachments; DROP TABLE odd_vectors; DROP TABLE other_spaces; "
                            "ALTER TABLE collections DROP COLUMN era; PRAGMA user_version = 1"));
  for (int times = 0; times < 2; ++times) {
    reopen();
    EXPECT_EQ(keys(shoes).size(), 1U);
    EXPECT_TRUE(catalog->attach(shoes.key, "head", bytes_of("x")));
    EXPECT_EQ(catalog->attachment(shoes.key, "head").value(), bytes_of("x"));
  }
}

TEST_F(CatalogTest, ASwitchPutsOneSpaceInThePlaceOfTheOther) {
  const auto shoes = catalog->create(spec("shoes")).value();
  ASSERT_TRUE(catalog->upsert(shoes, std::vector{item("a"), item("b"), item("c")}));
  Space space = shoes.spec.space;
  space.hash = "another";
  space.dimensions = 2;
  ASSERT_TRUE(catalog->begin_space(shoes, space));
  CollectionRecord other = shoes;
  other.spec.space = space;
  ++other.spec.era;
  const auto pending = catalog->pending(shoes, 0, 10).value();
  ASSERT_EQ(pending.size(), 3U);
  const auto key = [&](std::size_t i) { return static_cast<ItemKey>(pending[i].version); };
  // Of b, which is replaced, and of a vector of other dimensions nothing is stored.
  ASSERT_TRUE(catalog->upsert(shoes, std::vector{item("b")}));
  const auto stored =
      catalog->store_other(other, std::vector{key(0), key(1), key(2)}, std::vector<Vector>{{1, 2}, {3, 4}, {5}})
          .value();
  EXPECT_EQ(stored, (std::vector<ItemKey>{key(0), 0, 0}));
  EXPECT_EQ(catalog->other_space(shoes.key)->value().vectors, 1U);
  EXPECT_EQ(catalog->pending(shoes, 0, 10)->size(), 2U);
  EXPECT_EQ(catalog->switch_spaces(std::vector{shoes}, "{}", false).error().code, ErrorCode::unavailable);
  EXPECT_EQ(catalog->describe(shoes.key)->items, 3U);

  EXPECT_EQ(catalog->switch_spaces(std::vector{shoes}, R"({"new":1})", true).value(), 2U);
  reopen();
  const auto now = catalog->describe(shoes.key).value();
  EXPECT_EQ(now.items, 1U);
  EXPECT_EQ(now.spec.space.hash, "another");
  EXPECT_EQ(now.spec.settings, R"({"new":1})");
  EXPECT_EQ(catalog->get(now, std::vector<std::string>{"a"}, true).value()[0]->vector, (Vector{1, 2}));
  // Whoever still has vectors of the old space cannot store them.
  EXPECT_EQ(catalog->upsert(shoes, std::vector{item("d")}).error().code, ErrorCode::unavailable);
  EXPECT_EQ(catalog->other_space(shoes.key)->value().vectors, 1U);
  EXPECT_EQ(catalog->erase(now, std::vector<std::string>{"a"})->removed.size(), 1U);
  EXPECT_EQ(catalog->other_space(shoes.key)->value().vectors, 0U);

  ASSERT_TRUE(catalog->drop_space(shoes.key));
  EXPECT_FALSE(catalog->other_space(shoes.key).value());
  while (catalog->purge(1).value()) {
  }
  catalog.reset();
  const auto database = Database::open(file, Database::Access::read).value();
  auto left = database->query(
      "SELECT (SELECT count(*) FROM vectors) + (SELECT count(*) FROM odd_vectors) + "
      "(SELECT count(*) FROM other_spaces)");
  ASSERT_TRUE(left->step().value());
  EXPECT_EQ(left->integer(0), 0);
}

TEST_F(CatalogTest, AttachmentsGoWithTheirCollection) {
  const auto shoes = catalog->create(spec("shoes")).value();
  const auto hats = catalog->create(spec("hats")).value();
  ASSERT_TRUE(catalog->attach(shoes.key, "head", bytes_of("x")));
  ASSERT_TRUE(catalog->attach(hats.key, "head", bytes_of("y")));
  ASSERT_TRUE(catalog->drop(shoes.key));
  EXPECT_EQ(catalog->attach(shoes.key, "head", bytes_of("z")).error().code, ErrorCode::not_found);
  ASSERT_FALSE(catalog->purge(100).value());
  EXPECT_EQ(catalog->attachment(shoes.key, "head").value(), std::nullopt);
  EXPECT_EQ(catalog->attachment(hats.key, "head").value(), bytes_of("y"));
}

TEST_F(CatalogTest, RefusesWhatIsNoCatalog) {
  ASSERT_TRUE(write_file_atomically(folder / "text", std::string(5000, 'x')));
  EXPECT_EQ(Catalog::open(folder / "text").error().code, ErrorCode::corrupt);
  ASSERT_TRUE(Database::open(folder / "other", Database::Access::create).value()->execute("CREATE TABLE t (x)"));
  EXPECT_EQ(Catalog::open(folder / "other").error().code, ErrorCode::corrupt);
  EXPECT_EQ(Catalog::open(folder / "nowhere" / "catalog.db").error().code, ErrorCode::unavailable);
}

TEST_F(CatalogTest, SaysThatAnotherProgramHoldsTheLock) {
  const auto other = Database::open(file, Database::Access::create).value();
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  const auto made = catalog->create(spec("shoes"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::unavailable);
  EXPECT_THAT(made.error().message, HasSubstr("another program"));
}

// What was flipped may or may not be needed by what is asked; nothing may crash, and an error is `corrupt`.
TEST_F(CatalogTest, SurvivesDamagedPages) {
  const auto shoes = catalog->create(spec("shoes")).value();
  std::vector<Item> many;
  many.reserve(2000);
  for (int i = 0; i < 2000; ++i) many.push_back(item(std::to_string(i)));
  ASSERT_TRUE(catalog->upsert(shoes, many));
  catalog.reset();
  const auto whole = read_text(file).value();
  int errors = 0;
  for (std::size_t at = 50; at < whole.size(); at += 4999) {
    auto damaged = whole;
    for (std::size_t i = at; i < std::min(at + 64, damaged.size()); ++i) damaged[i] = static_cast<char>(~damaged[i]);
    ASSERT_TRUE(write_file_atomically(file, damaged));
    const auto opened = Catalog::open(file);
    if (!opened) {
      ++errors;
      continue;
    }
    const auto read = (*opened)->for_each_vector(shoes, 0, [](ItemKey, auto) -> Result<void> { return {}; });
    const auto page = (*opened)->scroll(shoes, "", 10'000, true);
    errors += !read || !page ? 1 : 0;
  }
  EXPECT_GT(errors, 0);
}

// A full disk, played by a limit on the size of files in a child process.
TEST_F(CatalogTest, AFullDiskIsAnErrorAndLosesNothing) {
  const auto shoes = catalog->create(spec("shoes")).value();
  ASSERT_TRUE(catalog->upsert(shoes, std::vector{item("kept")}));
  catalog.reset();

  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 2'000'000, .rlim_max = 2'000'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto opened = Catalog::open(file);
    if (!opened) ::_exit(1);
    for (int i = 0; i < 100'000; ++i) {
      std::vector<Item> some(100, item(std::to_string(i)));
      for (std::size_t j = 0; j < some.size(); ++j) some[j].id += "-" + std::to_string(j);
      const auto stored = (*opened)->upsert(shoes, some);
      if (stored) continue;
      if (stored.error().code != ErrorCode::unavailable) ::_exit(2);
      const auto count = (*opened)->describe(shoes.key);
      ::_exit(count && count->items == 1 + static_cast<std::uint64_t>(i) * 100 && i > 0 ? 0 : 3);
    }
    ::_exit(4);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);

  reopen();
  EXPECT_TRUE(catalog->get(shoes, std::vector<std::string>{"kept"}, true).value()[0]);
  EXPECT_EQ(keys(shoes).size(), catalog->describe(shoes.key)->items);
  EXPECT_TRUE(catalog->upsert(shoes, std::vector{item("again")}));
}

}  // namespace
}  // namespace eidetic
