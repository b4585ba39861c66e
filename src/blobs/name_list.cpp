#include "blobs/name_list.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "blobs/metadata.h"

namespace eidetic {
namespace {

// Reading a pickle runs what is in it.
bool is_pickle(std::string_view ending, std::string_view content) {
  return ending == ".pickle" || ending == ".pkl" || content.starts_with('\x80');
}

Result<NameList> from_csv(std::string_view text, const std::string& file) {
  EIDETIC_TRY(const CsvTable table, parse_csv(text, file));
  EIDETIC_TRY(const std::size_t key, id_column(table.header, file));
  NameList list;
  for (const auto& cells : table.rows) {
    list.names.push_back(cells[key]);
    list.metadata.push_back(metadata_of_row(table.header, cells, key));
  }
  return list;
}

Result<NameList> from_json(std::string_view text, const std::string& file) {
  EIDETIC_TRY(const Json json, parse_json(text, file));
  NameList list;
  for (const auto& name : json.is_array() ? json : Json::array({nullptr})) {
    if (!name.is_string()) {
      return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no JSON array of names, each a string", file));
    }
    list.names.push_back(name.get<std::string>());
  }
  return list;
}

NameList from_text(std::string_view text) {
  NameList list;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return list;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    list.names.emplace_back(line);
  }
  return list;
}

Result<void> check_names(const std::vector<std::string>& names, const std::string& file) {
  constexpr std::size_t kMaxIdBytes = 1024;
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i];
    if (name.empty()) continue;
    if (name.size() > kMaxIdBytes || !is_utf8(name)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}': name {} is not UTF-8, or longer than {} bytes", file, i + 1, kMaxIdBytes));
    }
    const auto [before, is_new] = seen.try_emplace(name, i);
    if (!is_new) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}': names {} and {} both are '{}'; each has to be another", file, before->second + 1,
                              i + 1, name));
    }
  }
  return {};
}

}  // namespace

Result<NameList> read_name_list(const std::filesystem::path& file) {
  EIDETIC_TRY(const std::string text, read_text(file));
  const std::string ending = to_lower(file.extension().native());
  if (is_pickle(ending, text)) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' is a pickle, and reading one runs whatever program is in it; if you trust it, make a "
                            "list of it: python3 -c \"import json, pickle, sys; json.dump([str(n) for n in "
                            "pickle.load(open(sys.argv[1], 'rb'))], open(sys.argv[2], 'w'))\" {} names.json",
                            file.native(), file.native()));
  }
  NameList list;
  if (ending == ".csv") {
    EIDETIC_TRY(list, from_csv(text, file.native()));
  } else if (ending == ".json") {
    EIDETIC_TRY(list, from_json(text, file.native()));
  } else {
    list = from_text(text);
  }
  EIDETIC_CHECK(check_names(list.names, file.native()));
  return list;
}

}  // namespace eidetic
