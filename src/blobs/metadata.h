// Metadata from a file: one row a picture, one JSON object a row. CSV, or JSON lines.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eidetic/engine.h"

#include "base/csv.h"
#include "base/json.h"

namespace eidetic {

// Rows by the id of their picture: `file` (or else `id`) of the row holds it, a path relative to the indexed folder,
// with slashes or backslashes. The rest of the row becomes metadata: of CSV the other columns, one without a name left
// out (it is the row number that some tools write); of JSON lines the other fields, those that are null left out.
// Not thread-safe.
class MetadataTable {
 public:
  MetadataTable() = default;
  // By the ending: .csv; .jsonl or .ndjson; any other by what it begins with. Rows of no use go to `errors`, each with
  // its line: without an id, of an id that had one, longer than the header, no JSON object. Errors: those of reading;
  // invalid_argument naming the file for one that is neither, has no such column, or a quote that never ends.
  [[nodiscard]] static Result<MetadataTable> read(const std::filesystem::path& file, std::vector<ItemError>& errors);
  [[nodiscard]] static Result<MetadataTable> parse(std::string_view text, const std::filesystem::path& file,
                                                   std::vector<ItemError>& errors);

  // The row of a picture as one JSON object; nullptr where there is none. Marks the row as used.
  [[nodiscard]] const std::string* find(std::string_view id);
  // One not_found for each row that find() never gave.
  void report_unused(std::vector<ItemError>& errors) const;

 private:
  struct Row {
    std::string metadata;
    std::size_t line = 0;
    bool used = false;
  };
  [[nodiscard]] Result<void> parse_rows(std::string_view text, std::vector<ItemError>& errors);
  void parse_lines(std::string_view text, std::vector<ItemError>& errors);
  void add(std::string id, std::string metadata, std::size_t line, std::vector<ItemError>& errors);
  void report(std::string id, std::size_t line, std::string_view what, std::vector<ItemError>& errors) const;

  std::string name_;
  std::unordered_map<std::string, Row> rows_;
};

// The column that names pictures, `file` or else `id`. Neither: invalid_argument, naming `what` and the columns.
[[nodiscard]] Result<std::size_t> id_column(std::span<const std::string> header, const std::string& what);
// The other cells of a row as one JSON object, those under no name left out.
[[nodiscard]] std::string metadata_of_row(std::span<const std::string> header, std::span<const std::string> cells,
                                          std::size_t key);
// A number where the cell is written just as JSON writes that number ("12", "0.5"; not "007", "1e3"); else a string.
[[nodiscard]] Json json_of_cell(const std::string& cell);
// A path as ids spell it: with slashes, without "./" in front.
[[nodiscard]] std::string id_of_path(std::string path);

// A JSON object of outside without its fields that are null, at any depth: as merge patches would store it, and filters
// see it. Errors: invalid_argument naming `what`; nested deeper than items may be.
[[nodiscard]] Result<Json> parse_metadata(std::string_view text, const std::string& what);

}  // namespace eidetic
