#include "blobs/listing.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "blobs/uri.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kEndings = {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg",
                                                       ".pgm",  ".png", ".pnm", ".ppm",  ".tif",  ".tiff", ".webp"};

bool is_picture_name(const fs::path& name) {
  const std::string ending = to_lower(name.extension().native());
  return std::ranges::binary_search(kEndings, std::string_view(ending));
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

Picture picture_of(std::string id, const fs::path& file, const struct stat& status) {
  return {.id = std::move(id),
          .uri = file_uri(file),
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = nanoseconds(status.st_mtim)};
}

// A walk through one folder; knows the folders above the one it is in, by device and inode, to leave links that lead
// back into them.
class Walk {
 public:
  explicit Walk(PictureList& list) : list_(list) {}

  void folder(const fs::path& path, const std::string& prefix, const struct stat& status) {
    const std::pair self{status.st_dev, status.st_ino};
    if (std::ranges::find(above_, self) != above_.end()) return;
    above_.push_back(self);
    std::error_code error;
    fs::directory_iterator entries(path, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) entry(entries->path(), prefix);
    if (error) list_.errors.push_back({path.native(), system_error("cannot list", path, error.value()).error()});
    above_.pop_back();
  }

 private:
  void entry(const fs::path& path, const std::string& prefix) {
    const std::string name = path.filename().native();
    if (name.starts_with('.')) return;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
      if (is_picture_name(path)) {
        list_.errors.push_back({file_uri(path), system_error("cannot read", path, errno).error()});
      }
    } else if (S_ISDIR(status.st_mode)) {
      folder(path, prefix + name + '/', status);
    } else if (S_ISREG(status.st_mode) && is_picture_name(path)) {
      list_.pictures.push_back(picture_of(prefix + name, path, status));
    }
  }

  PictureList& list_;
  std::vector<std::pair<dev_t, ino_t>> above_;
};

bool same_file(const Picture& a, const Picture& b) {
  if (a.uri == b.uri) return true;
  const auto first = file_of_uri(a.uri);
  const auto second = file_of_uri(b.uri);
  std::error_code ignored;
  return first && second && fs::equivalent(*first, *second, ignored);
}

// What is below a second comes of the ETag: S3 counts in seconds, and two contents may be stored in one.
std::int64_t version_of(const S3Object& object) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::string_view etag = object.etag;
  if (etag.starts_with('"')) etag.remove_prefix(1);
  if (etag.ends_with('"')) etag.remove_suffix(1);
  return object.modified_s * kSecond + static_cast<std::int64_t>(checksum(as_bytes(etag)) % kSecond);
}

Picture picture_of(std::string id, const S3Place& place, const S3Object& object) {
  return {.id = std::move(id), .uri = place.uri(), .size_bytes = object.size_bytes, .modified_ns = version_of(object)};
}

bool is_hidden(std::string_view name) {
  return std::ranges::any_of(split(name, '/'), [](std::string_view part) { return part.starts_with('.'); });
}

Result<void> list_objects(std::string_view uri, const S3Client& s3, PictureList& list) {
  EIDETIC_TRY(S3Place place, parse_s3_uri(uri));
  if (is_picture_name(place.key)) {
    EIDETIC_TRY(const auto object, s3.head(place));
    list.pictures.push_back(picture_of(place.key.substr(place.key.rfind('/') + 1), place, object));
    return {};
  }
  if (!place.key.empty() && !place.key.ends_with('/')) place.key += '/';
  bool anything = false;
  EIDETIC_CHECK(s3.list(place, [&](const S3Object& object) -> Result<void> {
    anything = true;
    std::string name = object.key.substr(place.key.size());
    if (!name.ends_with('/') && is_picture_name(name) && !is_hidden(name)) {
      list.pictures.push_back(picture_of(std::move(name), {place.bucket, object.key}, object));
    }
    return {};
  }));
  if (!anything) return fail(ErrorCode::not_found, fmt::format("there is nothing below '{}'", place.uri()));
  list.prefixes.push_back(place.uri());
  return {};
}

Result<void> list_path(std::string_view given, const S3Client& s3, PictureList& list) {
  if (given.empty()) return fail(ErrorCode::invalid_argument, "an empty path names no picture");
  if (is_s3_uri(given)) return list_objects(given, s3, list);
  const auto file = file_of_uri(given);
  if (!file) {
    list.pictures.push_back({.id = std::string(given), .uri = std::string(given)});
    return {};
  }
  const fs::path path = absolute_path(*file);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return system_error("cannot index", path, errno);
  if (S_ISDIR(status.st_mode)) {
    list.folders.push_back(path);
    Walk(list).folder(path, "", status);
  } else if (S_ISREG(status.st_mode)) {
    list.pictures.push_back(picture_of(path.filename().native(), path, status));
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot index '{}': it is neither a file nor a folder", path.native()));
  }
  return {};
}

// Sorts by id and leaves the first given of each; another file under a taken id becomes an error.
void settle_ids(PictureList& list) {
  auto& all = list.pictures;
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair<std::string_view, std::size_t>(all[i].id, i); });
  std::vector<Picture> unique;
  unique.reserve(all.size());
  for (const std::size_t i : order) {
    auto& picture = all[i];
    if (unique.empty() || unique.back().id != picture.id) {
      unique.push_back(std::move(picture));
    } else if (!same_file(unique.back(), picture)) {
      list.errors.push_back(
          {picture.uri,
           {ErrorCode::already_exists,
            fmt::format("'{}' and '{}' both would be '{}'; index a folder above them, or one of them into another "
                        "collection",
                        display_name(unique.back().uri), display_name(picture.uri), picture.id)}});
    }
  }
  all = std::move(unique);
}

// Ids are UTF-8 of a limited length; file names on Linux are any bytes.
void refuse_bad_names(PictureList& list) {
  constexpr std::size_t kMaxIdBytes = 1024;
  std::erase_if(list.pictures, [&](const Picture& picture) {
    const bool good = !picture.id.empty() && picture.id.size() <= kMaxIdBytes && is_utf8(picture.id);
    if (!good) {
      list.errors.push_back(
          {picture.uri,
           {ErrorCode::invalid_argument, fmt::format("'{}': its name is not UTF-8, or longer than {} bytes; rename it",
                                                     picture.uri.substr(0, kMaxIdBytes), kMaxIdBytes)}});
    }
    return !good;
  });
}

}  // namespace

std::string uri_of(std::string_view path_or_uri) {
  return uri_scheme(path_or_uri).empty() ? file_uri(path_or_uri) : std::string(path_or_uri);
}

std::string display_name(std::string_view uri) {
  const auto file = file_of_uri(uri);
  return file ? file->native() : printable_uri(uri);
}

fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  auto absolute = fs::absolute(path, error).lexically_normal();
  return absolute.has_filename() || !absolute.has_relative_path() ? absolute : absolute.parent_path();
}

Result<PictureList> list_pictures(std::span<const std::string> paths) {
  return list_pictures(paths, S3Client(read_s3_options()));
}

Result<PictureList> list_pictures(std::span<const std::string> paths, const S3Client& s3) {
  if (paths.empty()) return fail(ErrorCode::invalid_argument, "no file, folder or URL is given");
  PictureList list;
  for (const auto& path : paths) EIDETIC_CHECK(list_path(path, s3, list));
  refuse_bad_names(list);
  settle_ids(list);
  return list;
}

}  // namespace eidetic
