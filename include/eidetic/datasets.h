// Public data sets of pictures, fetched once and unpacked into <data folder>/datasets/<name>/. Needs no engine, and
// works beside a process that owns the data folder. All functions are thread-safe; two pulls of one data set wait for
// none: the second is told that the first is at it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// What is known of a data set. Empty means unknown, or that it has none.
struct Dataset {
  std::string name;        // "caltech-101": 1 to 64 of [A-Za-z0-9_-.], not starting with a dot
  std::string title = {};  // "Caltech-101"
  std::string homepage = {};
  std::string licence = {};          // in the words of those who made it
  std::string url = {};              // of its archive: zip, or tar, also compressed; empty: to be fetched by hand
  std::uint64_t download_bytes = 0;  // about
  std::vector<std::string> inner_archives = {};  // in the archive, unpacked where they lie
  std::string pictures = {};                     // folder in the archive that the pictures are in; empty: all of it
  // Where what is said of the pictures comes from: their folders or nothing; their names ("Abyssinian_12.jpg"); the
  // image sets of the VOC challenge; the styles.csv of Fashion Product Images.
  enum class Facts { none, names, voc, styles };
  Facts facts = Facts::none;
  std::string label = {};  // what its pictures are of: a metadata field, or kFolderLabel
};

// Those that can be pulled by name.
[[nodiscard]] std::span<const Dataset> datasets();
// Upper and lower case alike. Unknown: not_found with near names and the whole list.
[[nodiscard]] Result<Dataset> find_dataset(std::string_view name);

// A data set on the disk.
struct PulledDataset {
  std::string name;
  std::string label;                         // as Dataset::label
  std::filesystem::path folder;              // absolute, as what follows
  std::filesystem::path pictures;            // folder of the pictures: what is to be indexed
  std::filesystem::path metadata_file = {};  // JSON lines, as IndexRequest::metadata_file; empty: there is none
  std::string url = {};                      // or the path it came from
  std::string sha256 = {};                   // of the archive
  std::uint64_t archive_bytes = 0;
  std::uint64_t files = 0, bytes = 0;  // unpacked
  std::string pulled = {};             // "2026-05-04T13:12:11Z"
  bool fetched = false;                // by this call; false: it was there
  std::uint64_t resumed_from = 0;      // bytes that an earlier try had left
};

// Of each data set that is there, by name, without looking at its pictures.
[[nodiscard]] Result<std::vector<PulledDataset>> pulled_datasets(const std::filesystem::path& data_dir);

struct DatasetProgress {
  std::string stage;        // "downloading", "checking", "unpacking"
  std::uint64_t done = 0;   // bytes of the archive
  std::uint64_t total = 0;  // 0: not known
};

struct PullRequest {
  std::string name;  // of datasets(); or any, with `url` or `file`: a data set of one's own
  // At most one of these. mirror: the last part of the data set's URL is asked for below this one.
  std::string mirror = {};
  std::string url = {};
  std::filesystem::path file = {};  // an archive that is there already; it stays
  // The archive is another one than at the first download, and that is as it should be.
  bool accept_changed = false;
  std::uint64_t max_bytes = std::uint64_t{256} << 30;  // of the archive, and of all that is in it
  std::uint64_t max_files = 5'000'000;                 // in the archive
};

// Fetches the archive (going on where an earlier try broke off), checks its SHA-256 against the first download's, and
// unpacks it; the folder appears complete or not at all. What is there is given back without a request. No file is
// written outside of the folder, whatever the archive says: absolute paths, "..", links and devices in it are refused.
// Errors: not_found (no such data set; no archive there), invalid_argument (one that asks for a sign-in, with what to
// do), corrupt (no archive, damaged, a hostile one, another SHA-256, not the pictures it should have), overloaded (a
// limit), unavailable (network, disk, another process pulls it, stopped: the next call goes on from there).
[[nodiscard]] Result<PulledDataset> pull_dataset(const std::filesystem::path& data_dir, const PullRequest& request,
                                                 const std::function<void(const DatasetProgress&)>& progress = {},
                                                 std::stop_token stop = {});

}  // namespace eidetic
