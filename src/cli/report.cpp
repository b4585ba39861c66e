#include "cli/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/terminal.h"

namespace eidetic {
namespace {

constexpr std::size_t kErrorsShown = 10;

// Messages are one line, whatever a file name holds.
std::string one_line(std::string_view text) { return printable(text); }

}  // namespace

void print_json(const Json& json) { fmt::print("{}\n", dump_json(json)); }

void print_note(std::string_view line) { fmt::print(stderr, "eidetic: {}\n", one_line(line)); }

int report_error(bool json, const Error& error) {
  if (json) print_json({{"error", {{"code", to_string(error.code)}, {"message", error.message}}}});
  print_note(error.message);
  return error.code == ErrorCode::invalid_argument ? kBadArguments : kFailed;
}

void print_item_errors(std::span<const ItemError> errors) {
  for (const ItemError& item : errors.first(std::min(errors.size(), kErrorsShown))) {
    // Most messages name their picture themselves.
    const std::string name = item.uri.substr(item.uri.find_last_of('/') + 1);
    const bool named = item.error.message.find(name) != std::string::npos;
    fmt::print(stderr, "  {}\n", one_line(named ? item.error.message : item.uri + ": " + item.error.message));
  }
  if (errors.size() > kErrorsShown) fmt::print(stderr, "  and {} more\n", errors.size() - kErrorsShown);
}

Json to_json(std::span<const ItemError> errors) {
  Json list = Json::array();
  for (const ItemError& item : errors) {
    list.push_back({{"uri", item.uri}, {"code", to_string(item.error.code)}, {"message", item.error.message}});
  }
  return list;
}

Json to_json(const CollectionInfo& info) {
  const Space& space = info.spec.space;
  const std::chrono::sys_time<std::chrono::milliseconds> created{std::chrono::milliseconds(info.created_ms)};
  return {{"name", info.spec.name},
          {"items", info.items},
          {"model", space.model},
          {"space", space.hash},
          {"dimensions", space.dimensions},
          {"metric", to_string(space.metric)},
          {"precision", to_string(space.precision)},
          {"index", info.spec.index},
          {"index_kind", info.index_kind},
          {"index_building", info.index_building},
          {"memory_bytes", info.memory_bytes},
          {"disk_bytes", info.disk_bytes},
          {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::floor<std::chrono::seconds>(created))}};
}

Json metadata_object(const std::string& metadata) {
  auto object = parse_json_object(metadata, "metadata");
  return object ? *std::move(object) : Json::object();
}

std::string cell_text(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>() : dump_json(value);
}

}  // namespace eidetic
