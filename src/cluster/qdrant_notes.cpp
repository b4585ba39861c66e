// Notes, and how often tables were written to.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/text.h"
#include "cluster/qdrant_store.h"

namespace eidetic {
namespace {

constexpr std::size_t kMarks = 8;  // of a revision: so many writers may come between a write and its reading
constexpr std::uint32_t kNotesPage = 1000;

std::string random_mark() {
  thread_local std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string next_revision(std::string mark, std::string_view before) {
  auto marks = split(before, ',');
  if (before.empty()) marks.clear();
  if (marks.size() >= kMarks) marks.resize(kMarks - 1);
  for (const auto older : marks) mark += fmt::format(",{}", older);
  return mark;
}

std::string sequence_id(std::string_view table) { return qdrant_point_id(fmt::format("sequence {}", table)); }
std::string note_id(std::string_view key) { return qdrant_point_id(fmt::format("note {}", key)); }

Json is(std::string_view key, std::string_view value) { return {{"key", key}, {"match", {{"value", value}}}}; }

}  // namespace

std::string QdrantStore::notes_path(std::string_view rest) const {
  return fmt::format("/collections/{}{}", client_.address().prefix, rest);
}

Result<void> QdrantStore::create_notes() {
  const unsigned copies = client_.options().replicas + 1;
  // A collection is of vectors; no note has one.
  const Json body = {{"vectors", {{"none", {{"size", 1}, {"distance", "Dot"}}}}},
                     {"shard_number", 1},
                     {"replication_factor", copies},
                     {"write_consistency_factor", copies / 2 + 1},
                     {"on_disk_payload", true}};
  auto made = client_.shape("PUT", notes_path(), dump_json(body));
  if (made || made.error().code != ErrorCode::conflict) return qdrant_done(made);
  // It exists: made by somebody else meanwhile, or by an earlier try.
  return qdrant_done(client_.look(notes_path()));
}

Result<std::optional<DocumentStore::Note>> QdrantStore::note(std::string_view key) {
  const Json body = {{"ids", Json::array({note_id(key)})}, {"with_payload", true}, {"with_vector", false}};
  const auto found = client_.read(notes_path("/points"), dump_json(body));
  if (!found && found.error().code == ErrorCode::not_found) return std::nullopt;
  EIDETIC_CHECK(found);
  if (!found->is_array() || found->empty()) return std::nullopt;
  const Json& payload = qdrant_at(found->front(), "payload");
  if (qdrant_text(payload, "key") != key) {
    return fail(ErrorCode::conflict, fmt::format("the note '{}' in {} was not written by Eidetic", key, describe()));
  }
  return Note{.text = qdrant_text(payload, "text"), .revision = qdrant_text(payload, "revision")};
}

Result<std::optional<std::string>> QdrantStore::write_note(std::string_view key, std::string_view text,
                                                           const std::optional<std::string>& revision) {
  const std::string mark = random_mark();
  const std::string fresh = next_revision(mark, revision.value_or(""));
  const std::string id = note_id(key);
  Json payload = {{"key", key}, {"text", text}, {"revision", fresh}};
  Json points = Json::array({{{"id", id}, {"payload", std::move(payload)}, {"vector", Json::object()}}});
  Json body = {{"points", std::move(points)}};
  if (revision) {
    body["update_mode"] = "update_only";
    body["update_filter"] = {{"must", Json::array({is("revision", *revision)})}};
  } else {
    body["update_mode"] = "insert_only";
  }
  auto written = client_.write("PUT", notes_path("/points"), dump_json(body));
  if (!written && written.error().code == ErrorCode::not_found) {
    if (revision) return std::nullopt;
    EIDETIC_CHECK(create_notes());
    written = client_.write("PUT", notes_path("/points"), dump_json(body));
  }
  EIDETIC_CHECK(written);
  EIDETIC_TRY(const auto now, note(key));
  if (!now) return std::nullopt;
  const auto marks = split(now->revision, ',');
  if (std::ranges::find(marks, std::string_view(mark)) == marks.end()) return std::nullopt;
  return fresh;
}

Result<void> QdrantStore::erase_note(std::string_view key) {
  const Json body = {{"points", Json::array({note_id(key)})}};
  const auto erased = client_.write("POST", notes_path("/points/delete"), dump_json(body));
  if (!erased && erased.error().code == ErrorCode::not_found) return {};
  return qdrant_done(erased);
}

Result<std::vector<std::string>> QdrantStore::notes(std::string_view prefix) {
  std::vector<std::string> keys;
  Json offset;
  do {
    Json body = {{"limit", kNotesPage}, {"with_payload", Json::array({"key"})}, {"with_vector", false}};
    if (!offset.is_null()) body["offset"] = offset;
    const auto page = client_.read(notes_path("/points/scroll"), dump_json(body));
    if (!page && page.error().code == ErrorCode::not_found) return keys;
    EIDETIC_CHECK(page);
    for (const Json& point : qdrant_at(*page, "points")) {
      auto key = qdrant_text(qdrant_at(point, "payload"), "key");
      if (!key.empty() && key.starts_with(prefix)) keys.push_back(std::move(key));
    }
    offset = qdrant_at(*page, "next_page_offset");
  } while (!offset.is_null());
  std::ranges::sort(keys);
  return keys;
}

// --- sequences: times, as several processes count on one table; no two writes have the same ---

Result<void> QdrantStore::touch(std::string_view table) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  Json points = Json::array(
      {{{"id", sequence_id(table)}, {"payload", {{"table", table}, {"sequence", ns}}}, {"vector", Json::object()}}});
  const std::string body = dump_json({{"points", std::move(points)}});
  auto written = client_.write("PUT", notes_path("/points"), body);
  if (!written && written.error().code == ErrorCode::not_found) {
    EIDETIC_CHECK(create_notes());
    written = client_.write("PUT", notes_path("/points"), body);
  }
  return qdrant_done(written);
}

Result<std::uint64_t> QdrantStore::sequence(std::string_view table) {
  const Json body = {{"ids", Json::array({sequence_id(table)})}, {"with_payload", true}, {"with_vector", false}};
  const auto found = client_.read(notes_path("/points"), dump_json(body));
  if (!found && found.error().code == ErrorCode::not_found) return 0;
  EIDETIC_CHECK(found);
  if (!found->is_array() || found->empty()) return 0;
  return qdrant_number(qdrant_at(found->front(), "payload"), "sequence");
}

Result<void> QdrantStore::forget_sequence(std::string_view table) {
  const Json body = {{"points", Json::array({sequence_id(table)})}};
  const auto erased = client_.write("POST", notes_path("/points/delete"), dump_json(body));
  if (!erased && erased.error().code == ErrorCode::not_found) return {};
  return qdrant_done(erased);
}

}  // namespace eidetic
