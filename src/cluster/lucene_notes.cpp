// LuceneStore's notes: documents of one small index, changed where they still are as they were read.
#include <fmt/format.h>

#include <random>
#include <utility>

#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

constexpr int kFormat = 1;
constexpr std::uint32_t kPage = 1000;

Json notes_meta() { return {{"eidetic", {{"format", kFormat}, {"notes", true}}}}; }

// Of one write: tells whether it was this one that was taken, where its answer was lost and it was sent again.
std::string random_mark() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// A key as a part of a path. They are of [A-Za-z0-9_./-].
std::string in_path(std::string_view key) {
  std::string text;
  for (const char c : key) text += c == '/' ? "%2F" : std::string(1, c);
  return text;
}

std::string revision_of(const Json& document) {
  return fmt::format("{}:{}", count_in(document, {"_seq_no"}), count_in(document, {"_primary_term"}));
}

}  // namespace

std::string LuceneStore::notes_alias() const { return fmt::format("{}-notes", client_.engine().address().prefix); }

Result<bool> LuceneStore::has_notes() {
  if (has_notes_) return true;
  const std::string name = notes_alias();
  EIDETIC_TRY(const auto reply, client_.ask({.path = fmt::format("/{}/_mapping", name)}));
  if (reply.failure && reply.failure->status == 404) return false;
  if (reply.failure) return std::unexpected(client_.error_of(*reply.failure, name));
  const bool ours = reply.body.is_object() && reply.body.size() == 1 && reply.body.contains(name + ".1") &&
                    part_of(reply.body.front(), {"mappings", "_meta"}) == notes_meta();
  if (!ours) {
    return fail(ErrorCode::conflict,
                fmt::format("{}: index '{}' is not as this build of Eidetic makes them: give it another prefix there, "
                            "or take that index away",
                            client_.name(), name));
  }
  has_notes_ = true;
  return true;
}

Result<void> LuceneStore::make_notes() {
  EIDETIC_TRY(const bool there, has_notes());
  if (there) return {};
  const std::string name = notes_alias();
  const Json keyword = {{"type", "keyword"}};
  const Json kept = {{"type", "object"}, {"enabled", false}};
  Json aliases = Json::object();
  aliases[name] = Json::object();
  const Json body = {
      {"settings", {{"index", {{"number_of_shards", 1}, {"number_of_replicas", client_.engine().options().replicas}}}}},
      {"mappings",
       {{"_meta", notes_meta()},
        {"dynamic", "strict"},
        {"properties", {{"key", keyword}, {"text", kept}, {"mark", kept}}}}},
      {"aliases", std::move(aliases)}};
  EIDETIC_TRY(const auto reply, client_.ask({.method = "PUT",
                                             .path = fmt::format("/{}.1", name),
                                             .body = dump_json(body),
                                             .patience = EngineHttp::Patience::write}));
  if (reply.failure && reply.failure->type != "resource_already_exists_exception") {
    return std::unexpected(client_.error_of(*reply.failure, fmt::format("to create index '{}'", name)));
  }
  EIDETIC_TRY(const bool made, has_notes());
  if (made) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{}: there is an index '{}.1' that is not Eidetic's", client_.name(), name));
}

// Null: there is no such note.
Result<Json> LuceneStore::note_document(std::string_view key) {
  EIDETIC_TRY(const bool there, has_notes());
  if (!there) return Json();
  EIDETIC_TRY(auto reply, client_.ask({.path = fmt::format("/{}/_doc/{}", notes_alias(), in_path(key))}));
  if (!reply.failure) return std::move(reply.body);
  if (reply.failure->status == 404) return Json();
  return std::unexpected(client_.error_of(*reply.failure, fmt::format("to read note '{}'", key)));
}

Result<std::optional<DocumentStore::Note>> LuceneStore::note(std::string_view key) {
  EIDETIC_TRY(const Json document, note_document(key));
  if (document.is_null()) return std::nullopt;
  return Note{.text = text_in(document, {"_source", "text"}), .revision = revision_of(document)};
}

Result<std::optional<std::string>> LuceneStore::write_note(std::string_view key, std::string_view text,
                                                           const std::optional<std::string>& revision) {
  EIDETIC_CHECK(make_notes());
  std::string condition = "op_type=create";
  if (revision) {
    const auto colon = revision->find(':');
    condition = fmt::format("if_seq_no={}&if_primary_term={}", revision->substr(0, colon), revision->substr(colon + 1));
  }
  const std::string mark = random_mark();
  const EngineHttp::Call call{
      .method = "PUT",
      .path = fmt::format("/{}/_doc/{}?require_alias=true&{}", notes_alias(), in_path(key), condition),
      .body = dump_json({{"key", key}, {"text", text}, {"mark", mark}}),
      .patience = EngineHttp::Patience::write};
  EIDETIC_TRY(auto reply, client_.ask(call));
  if (reply.failure && reply.failure->is_no_index()) {
    has_notes_ = false;  // somebody took them away
    EIDETIC_CHECK(make_notes());
    EIDETIC_TRY(reply, client_.ask(call));
  }
  if (!reply.failure) return revision_of(reply.body);
  if (reply.failure->status != 409) {
    return std::unexpected(client_.error_of(*reply.failure, fmt::format("to write note '{}'", key)));
  }
  EIDETIC_TRY(const Json now, note_document(key));
  if (text_in(now, {"_source", "mark"}) != mark) return std::nullopt;
  return revision_of(now);
}

Result<void> LuceneStore::erase_note(std::string_view key) {
  EIDETIC_TRY(const bool there, has_notes());
  if (!there) return {};
  EIDETIC_TRY(const auto reply, client_.ask({.method = "DELETE",
                                             .path = fmt::format("/{}/_doc/{}", notes_alias(), in_path(key)),
                                             .patience = EngineHttp::Patience::write}));
  if (!reply.failure || reply.failure->status == 404) return {};
  return std::unexpected(client_.error_of(*reply.failure, fmt::format("to erase note '{}'", key)));
}

Result<std::vector<std::string>> LuceneStore::notes(std::string_view prefix) {
  std::vector<std::string> keys;
  EIDETIC_TRY(const bool there, has_notes());
  if (!there) return keys;
  EIDETIC_TRY(const auto refreshed,
              client_.ask({.method = "POST", .path = fmt::format("/{}/_refresh", notes_alias())}));
  if (refreshed.failure && refreshed.failure->is_no_index()) return keys;
  Json body = {{"size", kPage},
               {"_source", false},
               {"track_total_hits", false},
               {"query", {{"range", {{"key", {{"gte", prefix}, {"lt", fmt::format("{}\x7f", prefix)}}}}}}},
               {"sort", Json::array({{{"key", "asc"}}})}};
  for (;;) {
    EIDETIC_TRY(const auto answer,
                client_.demand({.method = "POST",
                                .path = fmt::format("/{}/_search?allow_partial_search_results=false&filter_path="
                                                    "hits.hits.sort",
                                                    notes_alias()),
                                .body = dump_json(body)},
                               "a list of notes"));
    const Json& hits = part_of(answer, {"hits", "hits"});
    for (const Json& hit : hits) {
      const Json& sort = part_of(hit, {"sort"});
      if (sort.is_array() && sort.size() == 1 && sort[0].is_string()) keys.push_back(sort[0].get<std::string>());
    }
    if (hits.size() < kPage) return keys;
    body["search_after"] = Json::array({keys.back()});
  }
}

}  // namespace eidetic
