// Snapshots from hostile hands: whatever load_index accepts must be safe to search, to add to and to save. The first
// byte chooses kind, metric, and whether the rest is the content of a snapshot or edits of a good one. The checksum is
// put right, as an attacker would.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include "eidetic/vector_index.h"

#include "base/file.h"
#include "base/hash.h"
#include "index/test_vectors.h"
#include "index/vector_store.h"

namespace {

using namespace eidetic;

constexpr Row kRows = 40;
constexpr std::uint32_t kDimensions = 3;
constexpr std::size_t kHeaderBytes = 36;
constexpr std::array kFactories = {"Flat",       "HNSW4", "SQ8",           "IVF3,Flat",
                                   "IVF3,PQ3x4", "PQ1x4", "PCA2,IVF3,SQ8", "PCA2,HNSW4"};

const std::filesystem::path& scratch_file() {
  static const auto path = std::filesystem::temp_directory_path() / ("eidetic-fuzz-" + std::to_string(::getpid()));
  return path;
}

std::shared_ptr<VectorStore> make_store(Metric metric) {
  std::shared_ptr<VectorStore> store = VectorStore::in_memory(kDimensions, metric).value();
  const TestVectors vectors = random_vectors(kRows, kDimensions, 1);
  for (Row row = 0; row < kRows; ++row) (void)store->append(row, vectors[row]);
  return store;
}

// Everything before the checksum of a good snapshot of three quarters of the rows.
std::vector<std::uint8_t> good_snapshot(const char* factory, const std::shared_ptr<VectorStore>& store) {
  const auto index = make_index(factory, store).value();
  std::vector<Row> rows(kRows * 3 / 4);
  std::iota(rows.begin(), rows.end(), Row{0});
  if (!index->train(rows) || !index->add(rows) || !index->save(scratch_file())) std::abort();
  const auto bytes = read_file(scratch_file()).value();
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size() - sizeof(std::uint64_t)};
}

// Each edit: two bytes of where, one byte of what. The header names the store; it is left as it is.
void edit(std::vector<std::uint8_t>& file, std::span<const std::uint8_t> edits) {
  for (; edits.size() >= 3; edits = edits.subspan(3)) {
    const std::size_t at = kHeaderBytes + (edits[0] + edits[1] * 256U) % (file.size() - kHeaderBytes);
    file[at] = edits[2];
  }
  if (edits.size() == 1) file.resize(std::max(kHeaderBytes, file.size() - edits[0]));
}

void use(VectorIndex& index, const VectorStore& store) {
  for (Row row = 0; row < kRows; ++row) {
    const auto found = index.search(store.vector(row), {.k = 1 + row});
    if (!found || found->size() > std::min<std::uint64_t>(1 + row, index.stats().rows)) std::abort();
  }
  std::vector<Row> rest(kRows - index.stats().end);
  std::iota(rest.begin(), rest.end(), index.stats().end);
  if (!index.add(rest)) std::abort();
  index.remove(std::vector<Row>{0, 1});
  if (!index.search(store.vector(0), {.k = kRows})) std::abort();
  if (!index.save(scratch_file())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::shared_ptr<VectorStore>> stores = {make_store(Metric::cosine), make_store(Metric::dot),
                                                                   make_store(Metric::euclidean)};
  static const auto good = [] {
    std::vector<std::vector<std::uint8_t>> files;
    for (const auto& store : stores) {
      for (const char* const factory : kFactories) files.push_back(good_snapshot(factory, store));
    }
    return files;
  }();
  if (size == 0) return 0;
  const std::size_t choice = data[0] % good.size();
  const std::span rest(data + 1, size - 1);
  std::vector<std::uint8_t> file = good[choice];
  if (data[0] < 128) {
    edit(file, rest);
  } else {
    file.resize(kHeaderBytes);
    file.insert(file.end(), rest.begin(), rest.end());
  }
  const std::uint64_t sum = checksum(std::as_bytes(std::span(file)));
  file.resize(file.size() + sizeof(sum));
  std::memcpy(file.data() + file.size() - sizeof(sum), &sum, sizeof(sum));
  std::ofstream(scratch_file(), std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  const auto& store = stores[choice / kFactories.size()];
  if (const auto index = load_index(scratch_file(), store)) use(**index, *store);
  return 0;
}
