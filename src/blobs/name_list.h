// A list of names, one for each of what something numbers from 0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct NameList {
  std::vector<std::string> names;     // as they are written; an empty one names nothing
  std::vector<std::string> metadata;  // one JSON object a name; empty where the list has none
};

// By the ending of the file: .csv with a column `file` (or `id`), whose other columns become metadata; .json, an array
// of strings; of any other a name a line. Errors: those of reading; unsupported for a pickle, with the way out;
// invalid_argument naming the file for a bad form, and for names that no item can have: not UTF-8, longer than 1,024
// bytes, or there twice.
[[nodiscard]] Result<NameList> read_name_list(const std::filesystem::path& file);

}  // namespace eidetic
