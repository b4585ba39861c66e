#include "engine/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "image/encode.h"

namespace eidetic {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kDoomedAtOnce = 1000;
constexpr auto kDeletingFor = std::chrono::minutes(10);  // of one doomed list; then it is given up
constexpr std::int64_t kStaleS = 3600;                   // a list so old is of an engine that died
constexpr auto kWaitForDoomed = std::chrono::seconds(20);
constexpr std::size_t kMaxListBytes = std::size_t{1} << 36;
constexpr std::size_t kMaxThumbnailBytes = std::size_t{64} << 20;

std::string key_of(std::string_view folder, std::string_view hash) {
  return fmt::format("{}/{}/{}", folder, hash.substr(0, 2), hash);
}

// As the machine has them: little-endian.
std::span<const std::byte> bytes_of(std::span<const std::uint64_t> list) {
  static_assert(std::endian::native == std::endian::little);
  return std::as_bytes(list);
}

class S3Pictures final : public PictureStore {
 public:
  S3Pictures(S3Store store, std::unique_ptr<PictureStore> before, ThreadPool& pool)
      : store_(std::move(store)), before_(std::move(before)), pool_(pool) {}

  Result<void> put(std::span<const StoredPicture> pictures, std::int64_t /*now_ms*/) override {
    std::vector<std::string> hashes;
    for (const auto& each : pictures) hashes.push_back(each.hash);
    return store_for_good(hashes, [&](std::size_t i) {
      return store_.client.put(picture(hashes[i]), pictures[i].bytes, media_type_of(pictures[i].bytes));
    });
  }

  Result<void> touch(std::span<const std::string> hashes, std::int64_t now_ms) override {
    EIDETIC_CHECK(before_->touch(hashes, now_ms));
    return store_for_good(hashes, [&](std::size_t i) -> Result<void> {
      const auto renewed = store_.client.renew(picture(hashes[i]));
      // Kept by the data folder, or by nobody: reading it tells.
      if (!renewed && renewed.error().code != ErrorCode::not_found) return renewed;
      return {};
    });
  }

  Result<std::vector<std::byte>> read(std::string_view hash, std::size_t max_bytes) override {
    auto bytes = store_.client.get(picture(hash), max_bytes);
    if (bytes || bytes.error().code != ErrorCode::not_found) return bytes;
    return before_->read(hash, max_bytes);
  }

  Result<std::uint64_t> sweep(std::span<const std::uint64_t> wanted, std::int64_t before_ms) override {
    EIDETIC_TRY(std::uint64_t deleted, before_->sweep(wanted, before_ms));
    EIDETIC_CHECK(store_.client.put(store_.place / ("wanted/" + store_.engine), bytes_of(wanted)));
    std::vector<std::uint64_t> all(wanted.begin(), wanted.end());
    EIDETIC_TRY(const auto oldest_s, read_lists("wanted/", all));
    std::ranges::sort(all);
    std::vector<S3Object> gone;
    EIDETIC_CHECK(store_.client.list(store_.place / "pictures/", [&](const S3Object& object) -> Result<void> {
      const auto hash = object.key.substr(object.key.rfind('/') + 1);
      const bool old = object.modified_s < oldest_s - store_.young_s;
      if (old && !std::ranges::binary_search(all, short_hash(hash))) gone.push_back(object);
      return {};
    }));
    for (std::size_t begin = 0; begin < gone.size(); begin += kDoomedAtOnce) {
      const auto some = std::span(gone).subspan(begin, std::min(kDoomedAtOnce, gone.size() - begin));
      EIDETIC_TRY(const auto count, remove(some));
      deleted += count;
    }
    return deleted;
  }

  Result<void> backup_to(const std::filesystem::path& file) override { return before_->backup_to(file); }

 private:
  [[nodiscard]] S3Place picture(std::string_view hash) const { return store_.place / key_of("pictures", hash); }

  // Adds the lists of all engines below `folder` to `all`; when the oldest of them was written.
  Result<std::int64_t> read_lists(std::string_view folder, std::vector<std::uint64_t>& all) const {
    std::int64_t oldest_s = INT64_MAX;
    std::vector<S3Object> lists;
    EIDETIC_CHECK(store_.client.list(store_.place / folder, [&](const S3Object& object) -> Result<void> {
      lists.push_back(object);
      return {};
    }));
    for (const auto& object : lists) {
      const auto bytes = store_.client.get({store_.place.bucket, object.key}, kMaxListBytes);
      // Of what is deleted now, the list may be so already.
      if (!bytes && bytes.error().code == ErrorCode::not_found && folder == "doomed/") continue;
      if (!bytes) return std::unexpected(bytes.error());
      const auto before = all.size();
      all.resize(before + bytes->size() / sizeof(std::uint64_t));
      std::memcpy(all.data() + before, bytes->data(), (all.size() - before) * sizeof(std::uint64_t));
      oldest_s = std::min(oldest_s, object.modified_s);
    }
    return oldest_s;
  }

  // Does it for each, and again for those that somebody is deleting, until nobody is.
  Result<void> store_for_good(std::span<const std::string> hashes,
                              const std::function<Result<void>(std::size_t)>& store) {
    const auto start = Clock::now();
    std::vector<std::size_t> todo(hashes.size());
    std::iota(todo.begin(), todo.end(), std::size_t{0});
    for (;;) {
      std::vector<Result<void>> stored(todo.size());
      pool_.parallel_for(todo.size(), [&](std::size_t i) { stored[i] = store(todo[i]); });
      for (const auto& one : stored) EIDETIC_CHECK(one);
      std::vector<std::uint64_t> doomed;
      EIDETIC_TRY(const auto since_s, read_lists("doomed/", doomed));
      std::erase_if(todo, [&](std::size_t i) {
        return std::ranges::find(doomed, short_hash(hashes[i])) == doomed.end() || is_stale(hashes[i], since_s);
      });
      if (todo.empty()) return {};
      if (Clock::now() - start > kWaitForDoomed) {
        return fail(
            ErrorCode::unavailable,
            fmt::format("the stored picture {} is being tidied away just now; put it again", hashes[todo.front()]));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  // Stored just now, and long after whoever wanted to delete it has died: both by the store's clock.
  [[nodiscard]] bool is_stale(std::string_view hash, std::int64_t since_s) const {
    const auto now = store_.client.head(picture(hash));
    return now && now->modified_s - since_s > kStaleS;
  }

  Result<std::uint64_t> remove(std::span<const S3Object> gone) const {
    const S3Place list = store_.place / ("doomed/" + store_.engine);
    const auto until = Clock::now() + kDeletingFor;
    std::vector<std::uint64_t> doomed;
    for (const auto& object : gone) doomed.push_back(short_hash(object.key.substr(object.key.rfind('/') + 1)));
    EIDETIC_CHECK(store_.client.put(list, bytes_of(doomed)));
    const auto remove_all = [&]() -> Result<std::uint64_t> {
      std::uint64_t count = 0;
      for (const auto& object : gone) {
        const S3Place place{store_.place.bucket, object.key};
        const auto now = store_.client.head(place);
        if (!now && now.error().code != ErrorCode::not_found) return std::unexpected(now.error());
        if (Clock::now() > until) break;
        if (!now || now->modified_s != object.modified_s) continue;  // stored again meanwhile
        EIDETIC_CHECK(store_.client.remove(place));
        ++count;
      }
      return count;
    };
    auto removed = remove_all();
    EIDETIC_CHECK(store_.client.remove(list));
    return removed;
  }

  const S3Store store_;
  const std::unique_ptr<PictureStore> before_;
  ThreadPool& pool_;
};

// What the data folder is called in the store: as long as it is there, and nowhere else.
Result<std::string> own_name(const std::filesystem::path& data_dir) {
  const auto file = data_dir / "store-name";
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return read_text(file, 64);
  std::random_device random;
  const std::string name = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  EIDETIC_CHECK(write_file_atomically(file, name));
  return name;
}

}  // namespace

Result<S3Store> open_s3_store(const S3Client& client, const std::string& uri, const std::filesystem::path& data_dir) {
  EIDETIC_TRY(auto place, parse_s3_uri(uri));
  EIDETIC_TRY(auto name, own_name(data_dir));
  // What an engine that died here has doomed stays.
  EIDETIC_CHECK(client.remove(place / ("doomed/" + name)));
  return S3Store{.client = client, .place = std::move(place), .engine = std::move(name)};
}

std::unique_ptr<PictureStore> s3_pictures(const S3Store& store, std::unique_ptr<PictureStore> before,
                                          ThreadPool& pool) {
  return std::make_unique<S3Pictures>(store, std::move(before), pool);
}

std::optional<std::vector<std::byte>> S3Thumbnails::find(std::string_view content_hash, std::int64_t variant) {
  if (auto kept = ContentCache::find(content_hash, variant)) return kept;
  const auto place = store_.place / fmt::format("{}-{}", key_of("thumbnails", content_hash), variant);
  auto shared = store_.client.get(place, kMaxThumbnailBytes);
  if (!shared) return std::nullopt;
  ContentCache::keep(content_hash, variant, *shared);
  return *std::move(shared);
}

void S3Thumbnails::keep(std::string_view content_hash, std::int64_t variant, std::span<const std::byte> content) {
  ContentCache::keep(content_hash, variant, content);
  const auto place = store_.place / fmt::format("{}-{}", key_of("thumbnails", content_hash), variant);
  const auto kept = store_.client.put(place, content, "image/jpeg");
  if (!kept) log(LogLevel::warning, "a thumbnail is not kept: {}", kept.error().message);
}

}  // namespace eidetic
