#include "index/vector_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "index/checked_file.h"
#include "index/portions.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr Row kBlockRows = 1024;           // checksummed together; never across segments of the map
constexpr std::size_t kCheckedAtOnce = 8;  // blocks
constexpr FileKind kRowsFile = {"EIDEROWS", 1};
constexpr std::size_t kMapBytes = std::size_t{1} << 30;
// Of a node of the map from keys to rows, with its share of the buckets, as libstdc++ lays it out.
constexpr std::uint64_t kMapEntryBytes = 48;

std::filesystem::path rows_file(const std::filesystem::path& path) {
  auto file = path;
  file += ".rows";
  return file;
}

Result<void> check_dimensions(std::uint32_t dimensions) {
  if (dimensions >= 1 && dimensions <= VectorStore::kMaxDimensions) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("vectors of {} dimensions: 1 to {} are possible", dimensions, VectorStore::kMaxDimensions));
}

Result<void> write_at(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset,
                      const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return system_error("cannot write", path, count < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

// Less than bytes.size(): the file ends there.
Result<std::size_t> read_at(int descriptor, std::span<std::byte> bytes, std::uint64_t offset,
                            const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_error("cannot read", path, errno);
    }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

// Finite, and small enough for arithmetic in float32: what append lets in.
bool all_usable(std::span<const std::byte> floats) {
  const auto limit = std::bit_cast<std::uint32_t>(static_cast<float>(kMaxNorm));
  const auto* const values = reinterpret_cast<const std::uint32_t*>(floats.data());
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < floats.size() / sizeof(float); ++i) {
    largest = std::max(largest, values[i] & 0x7FFF'FFFFU);  // without the sign, floats order like integers
  }
  return largest <= limit;
}

}  // namespace

VectorStore::VectorStore(std::filesystem::path path, File file, std::uint32_t dimensions, Metric metric)
    : path_(std::move(path)),
      file_(std::move(file)),
      dimensions_(dimensions),
      metric_(metric),
      vectors_(dimensions * sizeof(float), kMapBytes) {}

Result<std::unique_ptr<VectorStore>> VectorStore::create(const std::filesystem::path& path, std::uint32_t dimensions,
                                                         Metric metric) {
  EIDETIC_CHECK(check_dimensions(dimensions));
  remove_files(path);
  EIDETIC_TRY(File file, File::open(path, O_RDWR | O_CREAT | O_TRUNC));
  return std::unique_ptr<VectorStore>(new VectorStore(path, std::move(file), dimensions, metric));
}

Result<std::unique_ptr<VectorStore>> VectorStore::in_memory(std::uint32_t dimensions, Metric metric) {
  EIDETIC_CHECK(check_dimensions(dimensions));
  const int descriptor = ::memfd_create("eidetic-vectors", MFD_CLOEXEC);
  if (descriptor < 0) return system_error("cannot make", "memory for vectors", errno);
  return std::unique_ptr<VectorStore>(new VectorStore({}, File(descriptor), dimensions, metric));
}

Result<std::unique_ptr<VectorStore>> VectorStore::open(const std::filesystem::path& path, std::uint32_t dimensions,
                                                       Metric metric, ThreadPool* pool) {
  EIDETIC_CHECK(check_dimensions(dimensions));
  EIDETIC_TRY(File file, File::open(path, O_RDWR));
  std::unique_ptr<VectorStore> store(new VectorStore(path, std::move(file), dimensions, metric));
  EIDETIC_CHECK(store->read_rows_file(pool));
  return store;
}

void VectorStore::remove_files(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(rows_file(path), ignored);
  std::filesystem::remove(path, ignored);
}

Result<void> VectorStore::make_room() {
  const Row row = rows();
  if (row == std::numeric_limits<Row>::max()) return fail(ErrorCode::overloaded, "a collection is full: 2^32 vectors");
  EIDETIC_CHECK(vectors_.reserve(row, file_.descriptor()));
  EIDETIC_CHECK(keys_.reserve(row));
  return alive_.reserve(row);
}

Result<Row> VectorStore::append(std::uint64_t key, std::span<const float> vector) {
  EIDETIC_TRY(const double norm, checked_norm(vector, dimensions_, metric_, "the vector"));
  EIDETIC_CHECK(make_room());
  if (metric_ == Metric::cosine) {
    scratch_.assign(vector.begin(), vector.end());
    to_unit(scratch_, norm);
    vector = scratch_;
  }
  const Row row = rows();
  // Written with a system call, not through the map: a full disk is an error here and would be a signal there.
  EIDETIC_CHECK(write_at(file_.descriptor(), std::as_bytes(vector), std::uint64_t{row} * vectors_.row_bytes(), path_));
  publish(key);
  return row;
}

void VectorStore::publish(std::uint64_t key) {
  const Row row = rows();
  keys_[row] = key;
  alive_[row].store(1, std::memory_order_release);
  rows_.store(row + 1, std::memory_order_release);
  live_.fetch_add(1, std::memory_order_release);
  {
    const std::unique_lock lock(map_mutex_);
    const auto [entry, is_new] = row_of_.try_emplace(key, row);
    if (!is_new) {
      alive_[entry->second].store(0, std::memory_order_release);
      live_.fetch_sub(1, std::memory_order_release);
      entry->second = row;
    }
  }
  if ((row + 1) % kBlockRows == 0) {
    const std::uint64_t sum = checksum(row_bytes(row + 1 - kBlockRows, kBlockRows));
    const std::scoped_lock lock(sums_mutex_);
    block_sums_.push_back(sum);
  }
}

std::optional<Row> VectorStore::erase(std::uint64_t key) {
  const std::unique_lock lock(map_mutex_);
  const auto entry = row_of_.find(key);
  if (entry == row_of_.end()) return std::nullopt;
  const Row row = entry->second;
  alive_[row].store(0, std::memory_order_release);
  live_.fetch_sub(1, std::memory_order_release);
  row_of_.erase(entry);
  return row;
}

Matrix VectorStore::gathered(std::span<const Row> rows) const {
  Matrix vectors(rows.size(), dimensions_);
  for (std::size_t i = 0; i < rows.size(); ++i) std::ranges::copy(vector(rows[i]), vectors[i].begin());
  return vectors;
}

std::optional<Row> VectorStore::row_of(std::uint64_t key) const {
  const std::shared_lock lock(map_mutex_);
  const auto entry = row_of_.find(key);
  if (entry == row_of_.end()) return std::nullopt;
  return entry->second;
}

std::span<const std::byte> VectorStore::row_bytes(Row first, Row count) const noexcept {
  if (count == 0) return {};
  return {vectors_.at(first), std::size_t{count} * vectors_.row_bytes()};
}

std::uint64_t VectorStore::fingerprint(Row rows) const {
  std::vector<std::uint64_t> sums;
  {
    const std::scoped_lock lock(sums_mutex_);
    sums.assign(block_sums_.begin(), block_sums_.begin() + rows / kBlockRows);
  }
  const Row tail = rows % kBlockRows;
  if (tail > 0) sums.push_back(checksum(row_bytes(rows - tail, tail)));
  sums.push_back(dimensions_);
  return checksum(std::as_bytes(std::span(sums)));
}

std::uint64_t VectorStore::memory_bytes() const noexcept {
  return std::uint64_t{rows()} * (keys_.row_bytes() + alive_.row_bytes()) + live() * kMapEntryBytes;
}

std::uint64_t VectorStore::data_bytes() const noexcept {
  const std::uint64_t vectors = std::uint64_t{rows()} * vectors_.row_bytes();
  return path_.empty() ? vectors : vectors + rows() * (sizeof(std::uint64_t) + 1);
}

Result<void> VectorStore::sync(std::uint64_t sequence) {
  if (!path_.empty()) {
    // The vectors first: a rows file on disk vouches for them.
    if (::fdatasync(file_.descriptor()) != 0) return system_error("cannot write", path_, errno);
    const Row count = rows();
    const Row tail = count % kBlockRows;
    const std::uint64_t tail_sum = tail > 0 ? checksum(row_bytes(count - tail, tail)) : 0;
    EIDETIC_CHECK(write_checked_file(rows_file(path_), kRowsFile, [&](CheckedWriter& out) {
      out.value(dimensions_);
      out.value(static_cast<std::uint32_t>(metric_));
      out.value(sequence);
      out.value(std::uint64_t{count});
      out.bytes(std::as_bytes(std::span(block_sums_)));
      if (tail > 0) out.value(tail_sum);
      for (Row row = 0; row < count; row += kBlockRows) {
        out.bytes(std::as_bytes(std::span(keys_.at(row), std::min(kBlockRows, count - row))));
      }
      for (Row row = 0; row < count; row += kBlockRows) {
        out.bytes(std::as_bytes(std::span(alive_.at(row), std::min(kBlockRows, count - row))));
      }
    }));
  }
  sequence_.store(sequence, std::memory_order_release);
  return {};
}

Result<void> VectorStore::read_rows_file(ThreadPool* pool) {
  const auto path = rows_file(path_);
  EIDETIC_TRY(const MappedFile map, MappedFile::open(path));
  EIDETIC_TRY(CheckedReader in, read_checked(map.bytes(), kRowsFile, path));
  const auto refuse = [&](std::string_view reason) {
    return fail(ErrorCode::corrupt, fmt::format("'{}' {}", path.native(), reason));
  };
  const auto dimensions = in.value<std::uint32_t>();
  const auto metric = in.value<std::uint32_t>();
  const auto sequence = in.value<std::uint64_t>();
  const auto count = in.value<std::uint64_t>();
  if (dimensions != dimensions_ || metric != static_cast<std::uint32_t>(metric_)) {
    return refuse("is of vectors of other dimensions or another metric");
  }
  if (count > in.left() / (sizeof(std::uint64_t) + 1)) return refuse("holds less than it says");
  std::vector<std::uint64_t> sums((count + kBlockRows - 1) / kBlockRows);
  const auto sum_bytes = in.bytes(sums.size() * sizeof(std::uint64_t));
  const auto key_bytes = in.bytes(count * sizeof(std::uint64_t));
  const auto alive_bytes = in.bytes(count);
  if (!in.complete()) return refuse("does not hold what it says");
  if (!sums.empty()) std::memcpy(sums.data(), sum_bytes.data(), sum_bytes.size());

  row_of_.reserve(count);
  for (Row row = 0; row < count; ++row) {
    EIDETIC_CHECK(make_room());
    std::memcpy(&keys_[row], &key_bytes[row * sizeof(std::uint64_t)], sizeof(std::uint64_t));
    if (alive_bytes[row] != std::byte{0}) {
      if (!row_of_.try_emplace(keys_[row], row).second) return refuse("names a key twice");
      alive_[row].store(1, std::memory_order_relaxed);
    }
    rows_.store(row + 1, std::memory_order_release);
  }
  live_.store(static_cast<Row>(row_of_.size()), std::memory_order_release);
  sequence_.store(sequence, std::memory_order_release);
  return check_vectors(sums, pool);
}

Result<void> VectorStore::check_vectors(std::span<const std::uint64_t> sums, ThreadPool* pool) {
  std::mutex mutex;
  Result<void> result;
  in_portions(sums.size(), kCheckedAtOnce, pool, [&](std::size_t first, std::size_t last) {
    std::vector<std::byte> block(kBlockRows * vectors_.row_bytes());
    for (std::size_t i = first; i < last; ++i) {
      auto checked = check_block(static_cast<Row>(i * kBlockRows), sums[i], block);
      if (checked) continue;
      const std::scoped_lock lock(mutex);
      result = std::move(checked);
      return false;
    }
    return true;
  });
  EIDETIC_CHECK(result);
  block_sums_.assign(sums.begin(), sums.begin() + rows() / kBlockRows);
  return {};
}

Result<void> VectorStore::check_block(Row first, std::uint64_t sum, std::span<std::byte> room) const {
  const Row count = std::min(kBlockRows, rows() - first);
  const auto bytes = room.first(count * vectors_.row_bytes());
  // Read, not touched through the map: a file that is too short is an error here and would be a signal there.
  EIDETIC_TRY(const std::size_t got, read_at(file_.descriptor(), bytes, first * vectors_.row_bytes(), path_));
  if (got < bytes.size()) return fail(ErrorCode::corrupt, fmt::format("'{}' is truncated", path_.native()));
  if (checksum(bytes) != sum || !all_usable(bytes)) {
    return fail(ErrorCode::corrupt,
                fmt::format("'{}' is damaged in rows {} to {}", path_.native(), first, first + count - 1));
  }
  return {};
}

}  // namespace eidetic
