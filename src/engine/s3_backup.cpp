#include "engine/s3_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "eidetic/engine.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/backup.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kList = "backup.json";
constexpr std::size_t kMaxListBytes = std::size_t{64} << 20;
constexpr std::int64_t kVersion = 1;

struct BackupFile {
  std::string path;  // below the folder, with slashes
  std::string sha256;
};

Result<std::vector<fs::path>> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file()) files.push_back(entry->path());
  }
  if (error) return system_error("cannot list", folder, error.value());
  return files;
}

Result<void> refuse_taken(const S3Client& client, const S3Place& place) {
  const S3Place below = place / "";
  return client.list(below, [&](const S3Object&) -> Result<void> {
    return fail(
        ErrorCode::already_exists,
        fmt::format("there is something below '{}' already; a backup goes where there is nothing", below.uri()));
  });
}

// A name from outside that leads nowhere but into the folder.
bool stays_inside(const std::string& path) {
  const auto parts = split(path, '/');
  return !path.empty() && !path.contains('\0') &&
         std::ranges::none_of(parts, [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

Result<std::vector<BackupFile>> read_list(const S3Client& client, const S3Place& place) {
  const auto list = place / kList;
  const auto bytes = client.get(list, kMaxListBytes);
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no complete backup below '{}': {}", place.uri(), bytes.error().message));
  }
  if (!bytes) return std::unexpected(bytes.error());
  const auto read = [&]() -> Result<std::vector<BackupFile>> {
    EIDETIC_TRY(const Json json,
                parse_json_object({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, list.uri()));
    EIDETIC_TRY(auto reader, JsonReader::of(json, list.uri()));
    EIDETIC_TRY(const auto version, reader.get<std::int64_t>("version"));
    if (version != kVersion) {
      return fail(ErrorCode::unsupported, fmt::format("'{}' was made by a newer Eidetic", list.uri()));
    }
    EIDETIC_TRY(const auto entries, reader.get<Json>("files"));
    std::vector<BackupFile> files;
    for (const auto& entry : entries) {
      EIDETIC_TRY(auto fields, JsonReader::of(entry, list.uri()));
      auto& file = files.emplace_back();
      EIDETIC_TRY(file.path, fields.get<std::string>("path"));
      EIDETIC_TRY(file.sha256, fields.get<std::string>("sha256"));
      if (!stays_inside(file.path)) {
        return fail(ErrorCode::corrupt, fmt::format("'{}' names '{}', which no backup has", list.uri(), file.path));
      }
    }
    return files;
  };
  auto files = read();
  if (!files && files.error().code == ErrorCode::invalid_argument) {
    return fail(ErrorCode::corrupt, std::move(files.error().message));
  }
  return files;
}

}  // namespace

Result<void> upload_backup(const S3Client& client, const fs::path& folder, const S3Place& place) {
  EIDETIC_CHECK(refuse_taken(client, place));
  EIDETIC_TRY(const auto files, files_of(folder));
  std::vector<S3Place> stored;
  const auto store = [&]() -> Result<void> {
    Json list = Json::array();
    for (const auto& file : files) {
      const std::string path = file.lexically_relative(folder).generic_string();
      EIDETIC_TRY(auto sha256, sha256_hex_of_file(file));
      stored.push_back(place / path);
      EIDETIC_CHECK(client.upload(stored.back(), file));
      list.push_back({{"path", path}, {"sha256", std::move(sha256)}});
    }
    const std::string text = dump_json({{"version", kVersion}, {"files", std::move(list)}});
    return client.put(place / kList, as_bytes(text), "application/json");
  };
  auto done = store();
  if (done) return done;
  for (const auto& each : stored) (void)client.remove(each);
  return done;
}

Result<void> restore_backup(const std::string& from, const fs::path& folder, const S3Options& s3) {
  EIDETIC_TRY(const auto place, parse_s3_uri(from));
  const S3Client client(s3);
  EIDETIC_TRY(const auto files, read_list(client, place));
  return make_backup(folder, [&](const fs::path& part) -> Result<void> {
    for (const auto& [path, sha256] : files) {
      const fs::path file = part / path;
      EIDETIC_CHECK(make_directories(file.parent_path()));
      const auto object = client.download(place / path, file, {}, {}, sha256);
      if (!object && object.error().code == ErrorCode::not_found) {
        return fail(ErrorCode::corrupt, fmt::format("the backup is not whole: {}", object.error().message));
      }
      if (!object) return std::unexpected(object.error());
    }
    return {};
  });
}

}  // namespace eidetic
