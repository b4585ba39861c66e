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

std::string time_text(std::int64_t milliseconds_since_1970) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(milliseconds_since_1970)};
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

void print_json(const Json& json) { fmt::print("{}\n", dump_json(json)); }

void print_note(std::string_view line) { fmt::print(stderr, "eidetic: {}\n", one_line(line)); }

int report_error(bool json, const Error& error) {
  if (json) print_json({{"error", to_json(error)}});
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
          {"created", time_text(info.created_ms)}};
}

Json to_json(const Item& item) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  Json json = {{"id", item.id},
               {"uri", item.uri},
               {"content_hash", item.content_hash},
               {"size_bytes", item.size_bytes},
               {"modified", time_json(item.modified_ns / kMillisecond)},
               {"metadata", metadata_object(item.metadata)}};
  if (!item.vector.empty()) json["vector"] = item.vector;
  return json;
}

Json to_json(const JobInfo& job) {
  const IndexProgress& progress = job.progress;
  return {{"id", job.id},
          {"kind", job.kind},
          {"subject", job.subject},
          {"state", to_string(job.state)},
          {"created", time_text(job.created_ms)},
          {"started", time_json(job.started_ms)},
          {"finished", time_json(job.finished_ms)},
          {"progress",
           {{"total", progress.total},
            {"done", progress.done},
            {"indexed", progress.indexed},
            {"skipped", progress.skipped},
            {"failed", progress.failed},
            {"seconds", progress.seconds}}},
          {"error", job.error ? to_json(*job.error) : Json()},
          {"starts", job.starts}};
}

Json to_json(const ModelInfo& model) {
  Json json = {{"name", model.name}, {"folder", model.folder}};
  if (model.error) {
    json["error"] = to_json(*model.error);
  } else {
    json["bundle"] = metadata_object(model.bundle);
  }
  return json;
}

Json to_json(const Error& error) { return {{"code", to_string(error.code)}, {"message", error.message}}; }

Json time_json(std::int64_t milliseconds_since_1970) {
  return milliseconds_since_1970 == 0 ? Json() : Json(time_text(milliseconds_since_1970));
}

Json metadata_object(const std::string& metadata) {
  auto object = parse_json_object(metadata, "metadata");
  return object ? *std::move(object) : Json::object();
}

std::string cell_text(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>() : dump_json(value);
}

}  // namespace eidetic
