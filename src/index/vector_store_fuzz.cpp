// The vector store's files from hostile hands: whatever open accepts must be safe to read and to go on with. The
// checksums are put right, as an attacker would.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/hash.h"
#include "index/vector_store.h"

namespace {

using namespace eidetic;

constexpr std::uint32_t kDimensions = 2;
constexpr std::size_t kRowBytes = kDimensions * sizeof(float);

void write(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// The rows file of `vectors` (one block at most), its numbers of rows, keys and flags taken from `content`.
std::vector<std::uint8_t> rows_file(std::span<const std::uint8_t> vectors, std::span<const std::uint8_t> content) {
  std::vector<std::uint8_t> file;
  const auto put = [&file](const void* data, std::size_t size) {
    const auto* const bytes = static_cast<const std::uint8_t*>(data);
    file.insert(file.end(), bytes, bytes + size);
  };
  const std::uint32_t version = 1;
  const std::uint32_t metric = 1;
  const std::uint64_t sequence = 7;
  const std::uint64_t rows = std::min<std::uint64_t>(content.empty() ? 0 : content[0], vectors.size() / kRowBytes);
  const std::uint64_t sum = checksum(std::as_bytes(vectors.first(rows * kRowBytes)));
  put("EIDEROWS", 8);
  put(&version, sizeof(version));
  put(&kDimensions, sizeof(kDimensions));
  put(&metric, sizeof(metric));
  put(&sequence, sizeof(sequence));
  put(&rows, sizeof(rows));
  if (rows > 0) put(&sum, sizeof(sum));
  if (!content.empty()) put(content.data() + 1, content.size() - 1);
  const std::uint64_t total = checksum(std::as_bytes(std::span(file)));
  put(&total, sizeof(total));
  return file;
}

}  // namespace

// The first byte says how many of the others are vectors.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const auto path = std::filesystem::temp_directory_path() / ("eidetic-fuzz-" + std::to_string(::getpid()));
  auto rows_path = path;
  rows_path += ".rows";
  const std::size_t vectors = std::min<std::size_t>(data[0], size - 1);
  const std::span bytes(data + 1, size - 1);
  write(path, bytes.first(vectors));
  write(rows_path, rows_file(bytes.first(vectors), bytes.subspan(vectors)));
  const auto store = VectorStore::open(path, kDimensions, Metric::dot);
  if (!store) return 0;
  for (Row row = 0; row < (*store)->rows(); ++row) {
    for (const float value : (*store)->vector(row)) {
      if (!std::isfinite(value)) std::abort();
    }
    if ((*store)->alive(row) && (*store)->row_of((*store)->key_of(row)) != row) std::abort();
  }
  if (!(*store)->append(3, std::vector{1.F, 2.F})) std::abort();
  if ((*store)->erase(3) != (*store)->rows() - 1) std::abort();
  (void)(*store)->fingerprint((*store)->rows());
  return 0;
}
