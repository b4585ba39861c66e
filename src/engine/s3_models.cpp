#include "engine/s3_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "embed/models.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDescription = "model.json";
constexpr std::size_t kMaxDescription = std::size_t{16} << 20;
constexpr std::size_t kMaxFiles = 10'000;

// A name from outside that leads nowhere but into the folder.
bool stays_inside(std::string_view path) {
  return std::ranges::none_of(split(path, '/'),
                              [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

std::string name_of(const S3Place& place) {
  std::string key = place.key;
  while (key.ends_with('/')) key.pop_back();
  return key.substr(key.rfind('/') + 1);
}

// Sizes of several files as of one.
S3Progress part_of(const S3Progress& progress, std::uint64_t before, std::uint64_t total) {
  if (!progress) return {};
  return [=](std::uint64_t done, std::uint64_t /*of_file*/) { progress(before + done, total); };
}

Result<std::vector<S3Object>> files_below(const S3Client& s3, const S3Place& place) {
  std::vector<S3Object> files;
  EIDETIC_CHECK(s3.list(place / "", [&](const S3Object& object) -> Result<void> {
    if (object.key.ends_with('/')) return {};
    const std::string path = object.key.substr((place / "").key.size());
    if (!stays_inside(path) || files.size() == kMaxFiles) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no model bundle: it holds '{}'", place.uri(), path));
    }
    files.push_back(object);
    return {};
  }));
  return files;
}

}  // namespace

Result<Downloaded> AnyDownloads::download(std::string_view url, const fs::path& file,
                                          const DownloadOptions& options) const {
  if (!is_s3_uri(url)) return http_.download(url, file, options);
  EIDETIC_TRY(const auto place, parse_s3_object(url));
  EIDETIC_CHECK(roots_.check(place));
  EIDETIC_TRY(auto object, s3_.download(place, file, options.progress, options.stop, options.sha256));
  return Downloaded{.bytes = object.size_bytes, .sha256 = std::move(object.sha256)};
}

Result<ModelBundle> pull_bundle(const S3Client& s3, const S3Place& place, const fs::path& folder,
                                const S3Progress& progress, std::stop_token stop) {
  const std::string name = name_of(place);
  if (!is_bundle_name(name)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no place of a model bundle: '{}' is no name of one", place.uri(), name));
  }
  const auto described = s3.get(place / kDescription, kMaxDescription);
  if (!described && described.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no model bundle at '{}': {}", place.uri(), described.error().message));
  }
  if (!described) return std::unexpected(described.error());
  const fs::path target = folder / name;
  std::error_code error;
  if (fs::exists(target / kDescription, error)) {
    EIDETIC_TRY(const auto there, read_file(target / kDescription, kMaxDescription));
    if (there == *described) return read_bundle(target);
    return fail(ErrorCode::already_exists,
                fmt::format("there is a model '{}' with another description than that of '{}'", name, place.uri()));
  }
  EIDETIC_TRY(const auto files, files_below(s3, place));
  // Hidden until it is complete: a bundle is what has a model.json under its own name.
  const fs::path unfinished = folder / fmt::format(".{}.pulling", name);
  fs::remove_all(unfinished, error);
  const auto fetch = [&]() -> Result<void> {
    std::uint64_t total = 0;
    for (const auto& file : files) total += file.size_bytes;
    std::uint64_t done = 0;
    for (const auto& file : files) {
      const fs::path path = unfinished / file.key.substr((place / "").key.size());
      EIDETIC_CHECK(make_directories(path.parent_path()));
      EIDETIC_CHECK(s3.download({place.bucket, file.key}, path, part_of(progress, done, total), stop));
      done += file.size_bytes;
    }
    EIDETIC_CHECK(read_bundle(unfinished));
    fs::rename(unfinished, target, error);
    if (error) return system_error("cannot make", target, error.value());
    return sync_directory(folder);
  };
  const auto fetched = fetch();
  if (!fetched) {
    fs::remove_all(unfinished, error);
    return std::unexpected(fetched.error());
  }
  return read_bundle(target);
}

Result<void> push_bundle(const S3Client& s3, const fs::path& bundle, const S3Place& place, const S3Progress& progress,
                         std::stop_token stop) {
  EIDETIC_TRY(const auto description, read_file(bundle / kDescription, kMaxDescription));
  const auto there = s3.get(place / kDescription, kMaxDescription);
  if (there && *there != description) {
    return fail(ErrorCode::already_exists, fmt::format("there is another model at '{}'", place.uri()));
  }
  if (!there && there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
  std::vector<fs::path> files;
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(bundle, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_regular_file() || entry->path() == bundle / kDescription) continue;
    files.push_back(entry->path());
    total += entry->file_size();
  }
  if (error) return system_error("cannot list", bundle, error.value());
  std::ranges::sort(files);
  std::uint64_t done = 0;
  for (const auto& file : files) {
    const auto target = place / file.lexically_relative(bundle).generic_string();
    EIDETIC_CHECK(s3.upload(target, file, part_of(progress, done, total), stop));
    done += fs::file_size(file, error);
  }
  return s3.put(place / kDescription, description, "application/json");
}

}  // namespace eidetic
