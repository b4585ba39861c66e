#include "backend/embedded.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "backend/contract_items_test.h"
#include "backend/contract_metadata_test.h"
#include "backend/contract_parts_test.h"
#include "backend/contract_search_test.h"
#include "backend/embedded_harness.h"
#include "base/file.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct UnderContract final : BackendHarness {
  explicit UnderContract(std::uint64_t hnsw_from_items) {
    EmbeddedOptions options = embedded.options();
    options.hnsw_from_items = hnsw_from_items;
    embedded.backend = open_embedded_backend(options).value();
  }
  Backend& backend() override { return *embedded.backend; }

  EmbeddedHarness embedded;
};

BackendUnderTest embedded(const std::string& name, const std::string& index, std::uint64_t hnsw_from_items) {
  return {name, index, [=] { return std::make_unique<UnderContract>(hnsw_from_items); }};
}

const auto kEveryKind = testing::Values(embedded("exact", "Flat", 0), embedded("graph", "HNSW16", 0),
                                        embedded("cells", "IVF4,SQ8", 0), embedded("auto_that_switches", "auto", 60));
INSTANTIATE_TEST_SUITE_P(Embedded, BackendContract, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Embedded, BackendMetadata, kEveryKind, backend_test_name);
INSTANTIATE_TEST_SUITE_P(Embedded, PartsContract, kEveryKind, backend_test_name);

class EmbeddedTest : public testing::Test, protected EmbeddedHarness {
 protected:
  static CollectionSpec spec(std::string name, std::string index = "auto") {
    return make_spec(std::move(name), 8, std::move(index));
  }
  static std::vector<Item> random_items(int first, int last, unsigned seed = 1) {
    std::mt19937 random(seed + static_cast<unsigned>(first));
    std::vector<Item> items;
    for (int i = first; i < last; ++i) items.push_back(make_item(std::to_string(i), random_vector(random, 8)));
    return items;
  }
  static void expect_self_found(Backend& backend, std::string_view collection, std::span<const Item> items) {
    for (const Item& item : items) {
      VectorQuery query;
      query.vector = item.vector;
      query.k = 1;
      const auto hits = backend.search(collection, query).value();
      ASSERT_EQ(hits.size(), 1U);
      EXPECT_EQ(hits[0].id, item.id);
      EXPECT_NEAR(hits[0].similarity, 1, 1e-5);
    }
  }
};

TEST_F(EmbeddedTest, KeepsEverythingOverARestart) {
  const auto items = random_items(0, 300);
  {
    const auto backend = open_embedded_backend(options()).value();
    ASSERT_TRUE(backend->create(spec("a")));
    ASSERT_TRUE(backend->create(spec("b", "HNSW16")));
    ASSERT_TRUE(backend->upsert("a", items));
    ASSERT_TRUE(backend->upsert("b", items));
    ASSERT_EQ(backend->erase("a", std::vector<std::string>{"0", "1"}).value(), 2U);
  }
  const auto backend = open_embedded_backend(options()).value();
  EXPECT_EQ(backend->count("a", {}).value(), 298U);
  EXPECT_EQ(backend->describe("b")->index_kind, "HNSW16");
  expect_self_found(*backend, "a", std::span(items).subspan(2));
  expect_self_found(*backend, "b", items);
  const auto described = backend->describe("a").value();
  EXPECT_GT(described.memory_bytes, 0U);
  EXPECT_GT(described.disk_bytes, 298U * 8 * sizeof(float));
}

TEST_F(EmbeddedTest, OneProcessAtATimeOwnsTheFolder) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto lock = FileLock::acquire(folder / "LOCK");
    if (!lock || ::write(ready[1], "r", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto second = open_embedded_backend(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another process (id " + std::to_string(other)));

  ::kill(other, SIGKILL);
  ASSERT_EQ(::waitpid(other, nullptr, 0), other);
  EXPECT_TRUE(open_embedded_backend(options()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(EmbeddedTest, RefusesFoldersItCannotOwn) {
  ASSERT_TRUE(write_file_atomically(folder / "FORMAT", "eidetic data folder 2\n"));
  const auto newer = open_embedded_backend(options());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::unsupported);
  EXPECT_THAT(newer.error().message, HasSubstr("newer"));

  ASSERT_TRUE(write_file_atomically(folder / "FORMAT", "nonsense"));
  EXPECT_EQ(open_embedded_backend(options()).error().code, ErrorCode::corrupt);

  auto is_a_file = options();
  is_a_file.data_dir = folder / "FORMAT";
  EXPECT_FALSE(open_embedded_backend(is_a_file));

  auto no_pool = options();
  no_pool.pool = nullptr;
  EXPECT_EQ(open_embedded_backend(no_pool).error().code, ErrorCode::invalid_argument);
}

TEST_F(EmbeddedTest, OpeningLoadsNoIndexAndDroppedFilesGo) {
  {
    const auto backend = open_embedded_backend(options()).value();
    ASSERT_TRUE(backend->create(spec("a")));
    ASSERT_TRUE(backend->upsert("a", random_items(0, 10)));
  }
  std::filesystem::create_directories(folder.path() / "collections" / "77");
  const auto backend = open_embedded_backend(options()).value();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "collections" / "77"));
  EXPECT_EQ(backend->describe("a")->memory_bytes, 0U);
  EXPECT_EQ(backend->list()->at(0).items, 10U);
  ASSERT_TRUE(backend->drop("a"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "collections"));
}

TEST_F(EmbeddedTest, AutoSwitchesToTheGraphWhileItemsComeAndSearchesGoOn) {
  auto small = options();
  small.hnsw_from_items = 1500;
  const auto backend = open_embedded_backend(small).value();
  ASSERT_TRUE(backend->create(spec("a")));
  const auto items = random_items(0, 4000);
  ASSERT_TRUE(backend->upsert("a", std::span(items).first(1000)));
  EXPECT_EQ(backend->describe("a")->index_kind, "Flat");

  std::atomic<bool> done = false;
  std::thread searcher([&] {
    for (std::size_t i = 0; !done; i = (i + 17) % 1000) {
      VectorQuery query;
      query.vector = items[i].vector;
      query.k = 50;
      const auto hits = backend->search("a", query).value();
      ASSERT_EQ(hits.size(), 50U);
      // Only the first is kept for good; others of this range are erased below.
      if (i < 500) EXPECT_EQ(hits[0].id, items[i].id);
    }
  });
  for (std::size_t i = 1000; i < 4000; i += 100) {
    ASSERT_TRUE(backend->upsert("a", std::span(items).subspan(i, 100)));
    ASSERT_EQ(backend->erase("a", std::vector<std::string>{items[i / 8 + 400].id}).value(), 1U);
  }
  ASSERT_TRUE(backend->flush());
  done = true;
  searcher.join();

  const auto described = backend->describe("a").value();
  EXPECT_EQ(described.index_kind, "HNSW16");
  EXPECT_EQ(described.index_building, "");
  EXPECT_EQ(described.items, 3970U);
  expect_self_found(*backend, "a", std::span(items).first(500));
  expect_self_found(*backend, "a", std::span(items).subspan(1000));
  VectorQuery all;
  all.vector = items[0].vector;
  all.k = 5000;
  EXPECT_EQ(backend->search("a", all)->size(), 3970U);

  // Far below the limit again: exact again.
  std::vector<std::string> gone;
  for (std::size_t i = 500; i < 4000; ++i) gone.push_back(items[i].id);
  ASSERT_EQ(backend->erase("a", gone).value(), 3470U);
  ASSERT_TRUE(backend->flush());
  EXPECT_EQ(backend->describe("a")->index_kind, "Flat");
  expect_self_found(*backend, "a", std::span(items).first(500));
}

TEST_F(EmbeddedTest, AnIndexThatLearnsComesWhenThereIsEnoughAndAgainWhenItIsOutgrown) {
  const auto backend = open_embedded_backend(options()).value();
  ASSERT_TRUE(backend->create(spec("a", "IVF8,PQ4x6")));
  const auto items = random_items(0, 1100);
  ASSERT_TRUE(backend->upsert("a", std::span(items).first(63)));
  ASSERT_TRUE(backend->flush());
  auto described = backend->describe("a").value();
  EXPECT_EQ(described.index_kind, "Flat");
  EXPECT_THAT(described.index_note, HasSubstr("IVF8,PQ4x6 is learnt from at least 64 items"));
  EXPECT_EQ(described.index_training.rows, 0U);

  ASSERT_TRUE(backend->upsert("a", std::span(items).subspan(63, 37)));
  ASSERT_TRUE(backend->flush());
  described = backend->describe("a").value();
  EXPECT_EQ(described.index_kind, "IVF8,PQ4x6");
  EXPECT_EQ(described.index_note, "");
  const std::uint64_t first = described.index_training.rows;
  EXPECT_GE(first, 63U);
  EXPECT_GT(described.index_training.seconds, 0);

  // Single items go where they fit; four times as many, and it learns anew.
  for (std::size_t i = 100; i < 200; ++i) ASSERT_TRUE(backend->upsert("a", std::span(items).subspan(i, 1)));
  ASSERT_TRUE(backend->flush());
  EXPECT_EQ(backend->describe("a")->index_training.rows, first);
  ASSERT_TRUE(backend->upsert("a", std::span(items).subspan(200)));
  ASSERT_TRUE(backend->flush());
  EXPECT_EQ(backend->describe("a")->index_training.rows, 1100U);
  expect_self_found(*backend, "a", items);
}

TEST_F(EmbeddedTest, TheIndexIsChangedWhileSearchesAndWritesGoOn) {
  const auto items = random_items(0, 3000);
  {
    const auto backend = open_embedded_backend(options()).value();
    ASSERT_TRUE(backend->create(spec("a")));
    ASSERT_TRUE(backend->upsert("a", std::span(items).first(2000)));
    std::atomic<bool> done = false;
    std::thread searcher([&] {
      for (std::size_t i = 0; !done; i = (i + 17) % 2000) {
        ASSERT_EQ(backend->search("a", {.vector = items[i].vector, .k = 1, .exclude_ids = {}}).value().at(0).id,
                  items[i].id);
      }
    });
    std::size_t at = 2000;
    for (const char* const index : {"IVF16,Flat", "HNSW16", "OPQ4,IVF16,PQ4", "PCA4,Flat", "auto", "PQ8x6"}) {
      ASSERT_TRUE(backend->reindex("a", index));
      ASSERT_TRUE(backend->upsert("a", std::span(items).subspan(at, 100)));
      at += 100;
      ASSERT_TRUE(backend->flush());
      EXPECT_EQ(backend->describe("a")->spec.index, index);
      EXPECT_EQ(backend->describe("a")->index_kind, std::string_view(index) == "auto" ? "Flat" : index);
    }
    done = true;
    searcher.join();
  }
  const auto backend = open_embedded_backend(options()).value();
  EXPECT_EQ(backend->describe("a")->spec.index, "PQ8x6");
  expect_self_found(*backend, "a", std::span(items).first(2600));
  EXPECT_EQ(backend->describe("a")->index_kind, "PQ8x6");  // from its snapshot
  EXPECT_GT(backend->describe("a")->index_training.rows, 0U);
}

TEST_F(EmbeddedTest, AnIndexThatDoesNotSuitTheVectorsIsRefused) {
  const auto backend = open_embedded_backend(options()).value();
  EXPECT_THAT(backend->create(spec("a", "PQ3")).error().message, HasSubstr("the nearest number is"));
  ASSERT_TRUE(backend->create(spec("a", "PCA8,Flat")));
  EXPECT_EQ(backend->describe("a")->spec.index, "Flat");
  EXPECT_EQ(backend->reindex("a", "PCA4,PQ3").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(backend->reindex("b", "Flat").error().code, ErrorCode::not_found);
  EXPECT_EQ(backend->describe("a")->spec.index, "Flat");
}

TEST_F(EmbeddedTest, RoomOfDeadRowsIsGivenBack) {
  const auto backend = open_embedded_backend(options()).value();
  ASSERT_TRUE(backend->create(spec("a")));
  std::uint64_t largest = 0;
  for (unsigned round = 0; round < 12; ++round) {
    ASSERT_TRUE(backend->upsert("a", random_items(0, 1000, round * 1000)));
    ASSERT_TRUE(backend->flush());
    largest = std::max(largest, backend->describe("a")->disk_bytes);
  }
  EXPECT_LT(backend->describe("a")->disk_bytes, largest);
  EXPECT_EQ(backend->count("a", {}).value(), 1000U);
  expect_self_found(*backend, "a", random_items(0, 1000, 11'000));
}

TEST_F(EmbeddedTest, ClosingInTheMiddleOfABuildLosesNothing) {
  auto small = options();
  small.hnsw_from_items = 2000;
  const auto items = random_items(0, 3000);
  {
    const auto backend = open_embedded_backend(small).value();
    ASSERT_TRUE(backend->create(spec("a")));
    ASSERT_TRUE(backend->upsert("a", items));
  }
  const auto backend = open_embedded_backend(small).value();
  expect_self_found(*backend, "a", std::span(items).first(100));
  ASSERT_TRUE(backend->flush());
  EXPECT_EQ(backend->describe("a")->index_kind, "HNSW16");
  expect_self_found(*backend, "a", items);
}

}  // namespace
}  // namespace eidetic
