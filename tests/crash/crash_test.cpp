// kill -9 and full disks: what the backend has acknowledged is there afterwards, nothing is there twice, nothing is
// there that was never written, and the index answers as the catalog says.
//
// A child process does operations of a seeded sequence and writes a byte to a pipe after each acknowledgement; the
// parent kills it at a random moment. As the sequence is known, so is the state after any number of operations; a batch
// is one transaction, so the state found must be that after all acknowledged operations, or after one more.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "backend/embedded.h"
#include "base/log.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

constexpr int kKills = 50;
constexpr std::uint32_t kDimensions = 16;
constexpr int kIds = 400;

using Model = std::map<std::string, Vector>;

struct Operation {
  std::vector<Item> upsert;
  std::vector<std::string> erase;
  bool flush = false;
};

// Operation `number` of the sequence; the same at every call.
Operation operation(int number) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::normal_distribution<float> normal;
  const auto below = [&](int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); };
  Operation made;
  const int what = below(20);
  if (what == 0) {
    made.flush = true;
  } else if (what < 13) {
    for (int i = below(40); i >= 0; --i) {
      Item item;
      item.id = std::to_string(below(kIds));
      item.metadata = fmt::format(R"({{"operation":{}}})", number);
      item.vector.resize(kDimensions);
      for (float& value : item.vector) value = normal(random);
      made.upsert.push_back(std::move(item));
    }
  } else {
    for (int i = below(30); i >= 0; --i) made.erase.push_back(std::to_string(below(kIds)));
  }
  return made;
}

void do_to(Model& model, const Operation& done) {
  for (const Item& item : done.upsert) model[item.id] = item.vector;
  for (const std::string& id : done.erase) model.erase(id);
}

Model model_after(int operations) {
  Model model;
  for (int i = 0; i < operations; ++i) do_to(model, operation(i));
  return model;
}

std::unique_ptr<Backend> open(const std::filesystem::path& folder, ThreadPool& pool) {
  EmbeddedOptions options;
  options.data_dir = folder;
  options.pool = &pool;
  options.hnsw_from_items = 150;  // so that builds, too, are interrupted
  options.snapshot_every = std::chrono::milliseconds(20);
  return open_embedded_backend(options).value();
}

// In the child: goes on with the sequence until killed.
[[noreturn]] void write_until_killed(const std::filesystem::path& folder, int number, int acknowledgements) {
  ThreadPool pool(1);
  const auto backend = open(folder, pool);
  while (true) {
    const Operation next = operation(number++);
    bool good = true;
    if (next.flush) good = backend->flush().has_value();
    if (!next.upsert.empty()) good = backend->upsert("c", next.upsert).has_value();
    if (!next.erase.empty()) good = backend->erase("c", next.erase).has_value();
    if (!good || ::write(acknowledgements, "a", 1) != 1) ::_exit(1);
  }
}

bool is_in_catalog(Backend& backend, const Model& model) {
  const auto page = backend.scroll("c", "", 10'000, true).value();
  if (page.items.size() != model.size() || backend.count("c", {}).value() != model.size()) return false;
  return std::ranges::all_of(page.items, [&](const Item& item) {
    const auto expected = model.find(item.id);
    return expected != model.end() && expected->second == item.vector;
  });
}

bool is_in_index(Backend& backend, const Model& model) {
  VectorQuery query;
  for (const auto& [id, vector] : model) {
    query.vector = vector;
    query.k = 1;
    const auto hits = backend.search("c", query).value();
    if (hits.size() != 1 || hits[0].id != id || hits[0].similarity < 1 - 1e-5) return false;
  }
  if (model.empty()) query.vector.assign(kDimensions, 1);
  query.k = 2 * kIds;
  std::unordered_set<std::string> ids;
  for (const Hit& hit : backend.search("c", query).value()) {
    if (!model.contains(hit.id) || !ids.insert(hit.id).second) return false;
  }
  return ids.size() == model.size();
}

// How the checking process ends.
enum Verdict { kAsAcknowledged = 10, kOneMore = 11, kCatalogWrong = 12, kIndexWrong = 13 };

Verdict examine(const std::filesystem::path& folder, int acknowledged, bool ends_cleanly) {
  ThreadPool pool(1);
  auto backend = open(folder, pool);
  Model model = model_after(acknowledged);
  Verdict verdict = kAsAcknowledged;
  if (!is_in_catalog(*backend, model)) {
    do_to(model, operation(acknowledged));
    verdict = is_in_catalog(*backend, model) ? kOneMore : kCatalogWrong;
  }
  if (verdict != kCatalogWrong && !is_in_index(*backend, model)) verdict = kIndexWrong;
  // Otherwise as if killed here: the next run meets snapshots that are older still.
  if (!ends_cleanly) ::_exit(verdict);
  return verdict;
}

// Kills a writer after `delay`; how many operations it acknowledged.
int run_and_kill(const std::filesystem::path& folder, int first, std::chrono::microseconds delay) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(folder, first, ends[1]);
  ::close(ends[1]);
  std::this_thread::sleep_for(delay);
  ::kill(child, SIGKILL);
  int acknowledged = 0;
  char bytes[256];
  for (ssize_t count = ::read(ends[0], bytes, sizeof(bytes)); count > 0;
       count = ::read(ends[0], bytes, sizeof(bytes))) {
    acknowledged += static_cast<int>(count);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself, with " << status;
  return acknowledged;
}

int exit_status_of(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

void create_collection(const std::filesystem::path& folder, std::uint32_t dimensions) {
  ThreadPool pool(1);
  CollectionSpec spec;
  spec.name = "c";
  spec.space.dimensions = dimensions;
  ASSERT_TRUE(open(folder, pool)->create(spec));
}

TEST(Crash, NothingAcknowledgedIsLostByKills) {
  set_log_level(LogLevel::off);
  const TemporaryDirectory folder;
  create_collection(folder.path(), kDimensions);
  std::mt19937 random(20);
  int done = 0;
  int in_flight = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    // From before the data folder is open to many batches later.
    const std::chrono::microseconds delay(std::uniform_int_distribution<int>(1'000, 400'000)(random));
    done += run_and_kill(folder.path(), done, delay);
    const bool ends_cleanly = random() % 2 == 0;
    const int verdict = exit_status_of([&] { return examine(folder.path(), done, ends_cleanly); });
    ASSERT_TRUE(verdict == kAsAcknowledged || verdict == kOneMore)
        << "kill " << kill << " after " << delay.count() << " us and " << done << " operations: " << verdict;
    if (verdict == kOneMore) {
      ++done;
      ++in_flight;
    }
  }
  EXPECT_GT(done, kKills);
  std::cout << done << " operations, " << in_flight << " committed but not yet acknowledged when killed\n";
}

// A full disk, played by a limit on the size of files: above it, writing fails as it does on a full disk.
TEST(Crash, AFullDiskIsAnErrorAndLosesNothing) {
  set_log_level(LogLevel::off);
  constexpr std::uint32_t kLarge = 1000;
  const auto large_item = [](int number) {
    Item item;
    item.id = std::to_string(number);
    item.vector.assign(kLarge, 0.01F);
    item.vector[static_cast<std::size_t>(number) % kLarge] = 5;
    return item;
  };
  // Small: the log of the catalog meets the limit. Larger: the catalog's file or the vectors do.
  for (const rlim_t bytes : {400'000UL, 3'000'000UL}) {
    const TemporaryDirectory folder;
    create_collection(folder.path(), kLarge);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int status = exit_status_of([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
      ThreadPool pool(1);
      auto backend = open(folder.path(), pool);
      for (int i = 0; i < 900; ++i) {
        const auto stored = backend->upsert("c", std::vector<Item>{large_item(i)});
        if (stored && ::write(ends[1], "a", 1) == 1) continue;
        if (stored || stored.error().code != ErrorCode::unavailable || stored.error().message.empty()) return 2;
        // Still there, as far as the disk allows.
        return backend->count("c", {}).value() == static_cast<std::uint64_t>(i) ? 0 : 3;
      }
      return 4;
    });
    ::close(ends[1]);
    std::string acknowledged(2000, ' ');
    const ssize_t count = ::read(ends[0], acknowledged.data(), acknowledged.size());
    ::close(ends[0]);
    ASSERT_EQ(status, 0) << bytes;
    ASSERT_GT(count, 0);

    ThreadPool pool(1);
    const auto backend = open(folder.path(), pool);
    ASSERT_EQ(backend->count("c", {}).value(), static_cast<std::uint64_t>(count));
    ASSERT_TRUE(backend->upsert("c", std::vector<Item>{large_item(999)}));
    for (int i = 0; i <= count; ++i) {
      VectorQuery query;
      query.k = 1;
      const Item expected = large_item(i < count ? i : 999);
      query.vector = expected.vector;
      EXPECT_EQ(backend->search("c", query).value().at(0).id, expected.id);
    }
  }
}

}  // namespace
}  // namespace eidetic
