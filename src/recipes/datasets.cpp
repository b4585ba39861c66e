// pull_dataset and pulled_datasets of eidetic/datasets.h. In <data folder>/datasets there are, of the data set X:
//   X/          unpacked, whole
//   X.json      where it came from, and the SHA-256 of its archive; stays when X is deleted
//   .X.lock     held by the process that pulls it
//   .X.fetch/   the archive on its way: archive, or archive.part; source.json says of which URL the whole archive is
//   .X.unpack/  what is unpacked so far; begun anew by the next pull
#include "eidetic/datasets.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http.h"
#include "recipes/picture_facts.h"
#include "recipes/unpack.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 20;

// What X.json holds.
struct Record {
  std::string name = {}, label = {}, pictures = {}, url = {}, sha256 = {}, pulled = {};
  std::uint64_t archive_bytes = 0, files = 0, bytes = 0;
};

Json to_json(const Record& record, const Dataset& dataset) {
  return {{"name", record.name},        {"title", dataset.title},  {"homepage", dataset.homepage},
          {"licence", dataset.licence}, {"label", record.label},   {"pictures", record.pictures},
          {"url", record.url},          {"sha256", record.sha256}, {"archive_bytes", record.archive_bytes},
          {"files", record.files},      {"bytes", record.bytes},   {"pulled", record.pulled}};
}

// nullopt: there is none.
Result<std::optional<Record>> read_record(const fs::path& file) {
  const auto text = read_text(file, kMaxRecordBytes);
  if (!text && text.error().code == ErrorCode::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  EIDETIC_TRY(const Json json, parse_json_object(*text, file.native()));
  EIDETIC_TRY(JsonReader reader, JsonReader::of(json, file.native()));
  Record record;
  for (auto [field, target] :
       {std::pair("name", &record.name), std::pair("label", &record.label), std::pair("pictures", &record.pictures),
        std::pair("url", &record.url), std::pair("sha256", &record.sha256), std::pair("pulled", &record.pulled)}) {
    EIDETIC_TRY(*target, reader.get_or<std::string>(field, ""));
  }
  for (auto [field, target] : {std::pair("archive_bytes", &record.archive_bytes), std::pair("files", &record.files),
                               std::pair("bytes", &record.bytes)}) {
    EIDETIC_TRY(const auto number, reader.get_or<std::int64_t>(field, 0));
    *target = static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
  }
  return record;
}

struct Places {
  fs::path record, folder, lock, fetch, unpack;

  Places(const fs::path& root, const std::string& name)
      : record(root / (name + ".json")),
        folder(root / name),
        lock(root / fmt::format(".{}.lock", name)),
        fetch(root / fmt::format(".{}.fetch", name)),
        unpack(root / fmt::format(".{}.unpack", name)) {}
};

fs::path root_of(const fs::path& data_dir) { return fs::absolute(data_dir).lexically_normal() / "datasets"; }

constexpr std::string_view kFacts = "pictures.jsonl";  // in the data set's folder

PulledDataset pulled(const Record& record, const Places& places) {
  std::error_code ignored;
  const fs::path facts = places.folder / kFacts;
  return {.name = record.name,
          .label = record.label,
          .folder = places.folder,
          .pictures = record.pictures.empty() ? places.folder : places.folder / record.pictures,
          .metadata_file = fs::exists(facts, ignored) ? facts : fs::path(),
          .url = record.url,
          .sha256 = record.sha256,
          .archive_bytes = record.archive_bytes,
          .files = record.files,
          .bytes = record.bytes,
          .pulled = record.pulled};
}

void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

bool is_dataset_name(std::string_view name) {
  constexpr std::size_t kMaxName = 64;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kMaxName && name.front() != '.' && std::ranges::all_of(name, fits);
}

std::string now_utc() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

class Pull {
 public:
  Pull(const fs::path& data_dir, const PullRequest& request,
       const std::function<void(const DatasetProgress&)>& progress, std::stop_token stop)
      : root_(root_of(data_dir)), request_(request), progress_(progress), stop_(std::move(stop)) {}

  Result<PulledDataset> run() {
    EIDETIC_CHECK(choose());
    const Places places(root_, dataset_.name);
    EIDETIC_CHECK(make_directories(root_));
    const auto lock = FileLock::acquire(places.lock);
    if (!lock) {
      if (lock.error().code != ErrorCode::unavailable) return std::unexpected(lock.error());
      return fail(ErrorCode::unavailable,
                  fmt::format("another process is pulling '{}'; wait until it is done", dataset_.name));
    }
    EIDETIC_TRY(const auto known, read_record(places.record));
    std::error_code ignored;
    if (fs::is_directory(places.folder, ignored)) {
      remove_folder(places.fetch);
      // A folder without its record was put there by hand.
      return pulled(
          known.value_or(Record{.name = dataset_.name, .label = dataset_.label, .pictures = dataset_.pictures}),
          places);
    }
    EIDETIC_CHECK(find_source());
    EIDETIC_TRY(const fs::path archive, request_.file.empty() ? fetch(places) : check_file());
    if (known) EIDETIC_CHECK(compare(*known, places));
    EIDETIC_CHECK(unpack(archive, places));
    // The record first: a folder that is there is whole and has one.
    EIDETIC_CHECK(write_file_atomically(places.record, to_json(record_, dataset_).dump(2) + '\n'));
    if (::rename(places.unpack.c_str(), places.folder.c_str()) != 0) {
      return system_error("cannot write", places.folder, errno);
    }
    EIDETIC_CHECK(sync_directory(root_));
    remove_folder(places.fetch);
    PulledDataset done = pulled(record_, places);
    done.fetched = true;
    done.resumed_from = resumed_from_;
    return done;
  }

 private:
  // Which data set it is: one that is known, or one's own.
  Result<void> choose() {
    auto found = find_dataset(request_.name);
    const bool own = !request_.url.empty() || !request_.file.empty();
    if (!found && (!own || !request_.mirror.empty())) return std::unexpected(found.error());
    if (!found && !is_dataset_name(request_.name)) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{}' is no name for a data set: 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.', not starting "
                      "with a dot",
                      request_.name));
    }
    dataset_ = found ? *found : Dataset{.name = request_.name};
    const int ways =
        (request_.url.empty() ? 0 : 1) + (request_.mirror.empty() ? 0 : 1) + (request_.file.empty() ? 0 : 1);
    if (ways > 1)
      return fail(ErrorCode::invalid_argument, "a data set comes from a URL, a mirror or a file, from one of them");
    return {};
  }

  Result<void> find_source() {
    record_.name = dataset_.name;
    record_.label = dataset_.label;
    record_.pictures = dataset_.pictures;
    record_.pulled = now_utc();
    if (!request_.file.empty()) {
      record_.url = fs::absolute(request_.file).lexically_normal().native();
      return {};
    }
    record_.url = request_.url.empty() ? dataset_.url : request_.url;
    if (record_.url.empty()) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{0}' cannot be fetched without signing in: download its archive from {1} with a browser, "
                      "then: eidetic datasets pull {0} --file ARCHIVE",
                      dataset_.name, dataset_.homepage));
    }
    if (!request_.mirror.empty()) {
      const bool slash = request_.mirror.ends_with('/');
      record_.url = fmt::format("{}{}{}", request_.mirror, slash ? "" : "/", fs::path(record_.url).filename().native());
    }
    return {};
  }

  void tell(std::string_view stage, std::uint64_t done, std::uint64_t total) const {
    if (progress_) progress_({.stage = std::string(stage), .done = done, .total = total});
  }

  // The whole archive, as an earlier try left it or anew.
  Result<fs::path> fetch(const Places& places) {
    const fs::path archive = places.fetch / "archive";
    const fs::path source = places.fetch / "source.json";
    EIDETIC_CHECK(make_directories(places.fetch));
    std::error_code error;
    if (const auto left = read_record(source); left && *left && (*left)->url == printable_url(record_.url)) {
      if (const auto sha256 = hash(archive); sha256 && *sha256 == (*left)->sha256) {
        record_.sha256 = *sha256;
        record_.archive_bytes = resumed_from_ = fs::file_size(archive, error);
        record_.url = printable_url(record_.url);
        return archive;
      }
    }
    fs::remove(source, error);
    EIDETIC_TRY(const auto downloaded,
                HttpClient().download(
                    record_.url, archive,
                    {.max_bytes = request_.max_bytes,
                     .progress = [&](std::uint64_t done, std::uint64_t total) { tell("downloading", done, total); },
                     .stop = stop_}));
    record_.url = printable_url(record_.url);
    record_.sha256 = downloaded.sha256;
    record_.archive_bytes = downloaded.bytes;
    resumed_from_ = downloaded.resumed_from;
    EIDETIC_CHECK(write_file_atomically(source, to_json(record_, dataset_).dump(2) + '\n'));
    return archive;
  }

  Result<fs::path> check_file() {
    std::error_code error;
    const bool file = fs::is_regular_file(request_.file, error);
    record_.archive_bytes = file ? fs::file_size(request_.file, error) : 0;
    if (!file || error) return fail(ErrorCode::not_found, fmt::format("'{}' is no file", request_.file.native()));
    EIDETIC_TRY(record_.sha256, hash(request_.file));
    return request_.file;
  }

  Result<std::string> hash(const fs::path& archive) const {
    std::error_code error;
    const std::uint64_t size = fs::file_size(archive, error);
    tell("checking", 0, error ? 0 : size);
    return sha256_hex_of_file(archive);
  }

  Result<void> compare(const Record& known, const Places& places) const {
    if (known.sha256.empty() || known.sha256 == record_.sha256 || request_.accept_changed) return {};
    remove_folder(places.fetch);
    return fail(
        ErrorCode::corrupt,
        fmt::format("'{}' from {} is not what it was: its SHA-256 is {}, and was {} when it was first pulled ({}, "
                    "from {}). Nothing was kept. If it was changed by those who make it, take the new one with "
                    "--accept-changed",
                    dataset_.name, record_.url, record_.sha256, known.sha256, known.pulled, known.url));
  }

  Result<void> unpack(const fs::path& archive, const Places& places) {
    remove_folder(places.unpack);
    auto done = unpack_all(archive, places);
    if (!done) {
      remove_folder(places.unpack);
      // An archive that is no good is not kept to be met again.
      if (done.error().code != ErrorCode::unavailable) remove_folder(places.fetch);
    }
    return done;
  }

  Result<void> unpack_all(const fs::path& archive, const Places& places) {
    EIDETIC_CHECK(unpack_one(archive, places.unpack));
    for (const auto& inner : dataset_.inner_archives) {
      const fs::path file = places.unpack / inner;
      std::error_code error;
      if (!fs::is_regular_file(file, error)) return unlike(fmt::format("a file '{}'", inner));
      EIDETIC_CHECK(unpack_one(file, file.parent_path()));
      fs::remove(file, error);
    }
    const fs::path pictures = places.unpack / dataset_.pictures;
    std::error_code error;
    if (!fs::is_directory(pictures, error)) return unlike(fmt::format("a folder '{}'", dataset_.pictures));
    const auto facts = write_picture_facts(dataset_.facts, places.unpack, pictures, places.unpack / kFacts);
    if (!facts) return std::unexpected(facts.error());
    return sync_all(places.unpack);
  }

  [[nodiscard]] std::unexpected<Error> unlike(std::string_view what) const {
    return fail(ErrorCode::corrupt,
                fmt::format("what {} gave is not the data set '{}': it has not {}", record_.url, dataset_.name, what));
  }

  // Limits are of all archives together.
  Result<void> unpack_one(const fs::path& archive, const fs::path& folder) {
    EIDETIC_TRY(
        const auto unpacked,
        unpack_archive(archive, folder,
                       {.max_bytes = request_.max_bytes - record_.bytes,
                        .max_files = request_.max_files - record_.files,
                        .progress = [&](std::uint64_t done, std::uint64_t total) { tell("unpacking", done, total); },
                        .stop = stop_}));
    record_.files += unpacked.files;
    record_.bytes += unpacked.bytes;
    return {};
  }

  // Everything on the disk before the folder gets its name.
  static Result<void> sync_all(const fs::path& folder) {
    EIDETIC_TRY(const File opened, File::open(folder, O_RDONLY | O_DIRECTORY));
    if (::syncfs(opened.descriptor()) != 0) return system_error("cannot write", folder, errno);
    return {};
  }

  fs::path root_;
  const PullRequest& request_;
  const std::function<void(const DatasetProgress&)>& progress_;
  std::stop_token stop_;
  Dataset dataset_;
  Record record_;
  std::uint64_t resumed_from_ = 0;
};

}  // namespace

Result<std::vector<PulledDataset>> pulled_datasets(const fs::path& data_dir) {
  const fs::path root = root_of(data_dir);
  std::vector<PulledDataset> list;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().native();
    std::error_code ignored;
    if (name.starts_with('.') || !entry->is_directory(ignored)) continue;
    const Places places(root, name);
    const Dataset dataset = find_dataset(name).value_or(Dataset{.name = name});
    EIDETIC_TRY(auto record, read_record(places.record));
    list.push_back(
        pulled(record.value_or(Record{.name = name, .label = dataset.label, .pictures = dataset.pictures}), places));
  }
  if (error && error != std::errc::no_such_file_or_directory) return system_error("cannot read", root, error.value());
  std::ranges::sort(list, {}, &PulledDataset::name);
  return list;
}

Result<PulledDataset> pull_dataset(const fs::path& data_dir, const PullRequest& request,
                                   const std::function<void(const DatasetProgress&)>& progress, std::stop_token stop) {
  return Pull(data_dir, request, progress, std::move(stop)).run();
}

}  // namespace eidetic
