// Metadata from a CSV file: one row a picture, one JSON object a row.
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

// Rows by the id of their picture. The column `file` (or `id`) holds the id: a path relative to the indexed folder,
// with slashes or backslashes. The other columns become fields; a column without a name is left out (it is the row
// number that some tools write). Not thread-safe.
class MetadataTable {
 public:
  MetadataTable() = default;
  // Errors: those of reading; invalid_argument naming the file for a bad header or line. Rows without an id, and second
  // rows of one id, go to `errors`.
  [[nodiscard]] static Result<MetadataTable> read(const std::filesystem::path& csv, std::vector<ItemError>& errors);

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
  std::string name_;
  std::unordered_map<std::string, Row> rows_;
};

// The column that names pictures, `file` or else `id`. Neither: invalid_argument, naming `what` and the columns.
[[nodiscard]] Result<std::size_t> id_column(const CsvTable& table, const std::string& what);
// The other cells of a row as one JSON object, those under no name left out.
[[nodiscard]] std::string metadata_of_row(std::span<const std::string> header, std::span<const std::string> cells,
                                          std::size_t key);
// A number where the cell is written just as JSON writes that number ("12", "0.5"; not "007", "1e3"); else a string.
[[nodiscard]] Json json_of_cell(const std::string& cell);

}  // namespace eidetic
