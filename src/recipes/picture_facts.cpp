#include "recipes/picture_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
using Rows = std::map<std::string, Json>;  // by the name of the picture

std::unexpected<Error> unlike(std::string message) { return fail(ErrorCode::corrupt, std::move(message)); }

// The regular files of a folder, by name.
Result<std::vector<fs::path>> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  }
  if (error) return unlike(fmt::format("the data set has no folder '{}'", folder.filename().native()));
  std::ranges::sort(files);
  return files;
}

Result<Rows> facts_of_names(const fs::path& pictures) {
  EIDETIC_TRY(const auto files, files_in(pictures));
  Rows rows;
  for (const auto& file : files) {
    const std::string stem = file.stem().native();
    const auto last = stem.find_last_not_of("0123456789");
    if (last == std::string::npos || last == 0 || last + 1 == stem.size() || stem[last] != '_') continue;
    const bool cat = stem.front() >= 'A' && stem.front() <= 'Z';
    rows[file.filename().native()] = {{"label", stem.substr(0, last)}, {"species", cat ? "cat" : "dog"}};
  }
  return rows;
}

Result<Rows> facts_of_voc(const fs::path& pictures) {
  constexpr std::string_view kEnding = "_trainval.txt";
  EIDETIC_TRY(const auto files, files_in(pictures.parent_path() / "ImageSets" / "Main"));
  std::map<std::string, std::vector<std::string>> objects;
  for (const auto& file : files) {
    const std::string name = file.filename().native();
    if (!name.ends_with(kEnding)) continue;
    EIDETIC_TRY(const auto text, read_text(file, kMaxTextBytes));
    for (const std::string_view line : split(text, '\n')) {
      const std::string_view row = trim(line);
      const auto blank = row.find(' ');
      if (blank == std::string_view::npos || trim(row.substr(blank)) != "1") continue;
      objects[std::string(row.substr(0, blank)) + ".jpg"].push_back(name.substr(0, name.size() - kEnding.size()));
    }
  }
  Rows rows;
  for (auto& [picture, names] : objects) {
    Json& row = rows[picture];
    if (names.size() == 1) row["object"] = names.front();
    row["objects"] = std::move(names);
  }
  return rows;
}

// A cell that is a whole number becomes one.
Json cell(std::string text) {
  constexpr std::size_t kDigits = 9;
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const bool number = digits && !text.empty() && text.size() <= kDigits && (text.size() == 1 || text.front() != '0');
  return number ? Json(std::stol(text)) : Json(std::move(text));
}

Result<Rows> facts_of_styles(const fs::path& pictures) {
  const fs::path file = pictures.parent_path() / "styles.csv";
  EIDETIC_TRY(const auto text, read_text(file, kMaxTextBytes));
  CsvReader reader(text);
  std::vector<std::string> header;
  std::vector<std::string> fields;
  if (!reader.next(header)) return unlike("styles.csv holds a quote that never ends");
  const auto id = std::ranges::find(header, "id") - header.begin();
  if (static_cast<std::size_t>(id) == header.size()) return unlike("styles.csv has no column 'id'");
  Rows rows;
  while (!reader.done()) {
    const std::size_t line = reader.line();
    if (!reader.next(fields)) return unlike(fmt::format("styles.csv: line {}: a quote that never ends", line));
    if (fields.size() < header.size()) continue;
    // The last column is text, and some rows have its commas without quotes.
    for (std::size_t i = header.size(); i < fields.size(); ++i) fields[header.size() - 1] += ',' + fields[i];
    Json row = Json::object();
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (i != static_cast<std::size_t>(id) && header[i] != "file" && !fields[i].empty())
        row[header[i]] = cell(fields[i]);
    }
    rows[fields[static_cast<std::size_t>(id)] + ".jpg"] = std::move(row);
  }
  return rows;
}

}  // namespace

Result<std::uint64_t> write_picture_facts(Dataset::Facts facts, const fs::path& folder, const fs::path& pictures,
                                          const fs::path& file) {
  if (facts == Dataset::Facts::none) return 0;
  auto rows = facts == Dataset::Facts::names ? facts_of_names(pictures)
              : facts == Dataset::Facts::voc ? facts_of_voc(pictures)
                                             : facts_of_styles(pictures);
  if (!rows) return unlike(rows.error().message);
  if (rows->empty()) return unlike(fmt::format("nothing is said of the pictures in '{}'", folder.native()));
  EIDETIC_CHECK(write_file_atomically(file, [&](const Sink& sink) -> Result<void> {
    for (auto& [picture, row] : *rows) {
      row["file"] = picture;
      EIDETIC_CHECK(sink(as_bytes(dump_json(row) + '\n')));
    }
    return {};
  }));
  return rows->size();
}

}  // namespace eidetic
