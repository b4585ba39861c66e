// The verbs of LuceneStore on single items.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cluster/lucene_document.h"
#include "cluster/lucene_query.h"
#include "cluster/lucene_store.h"

namespace eidetic {
namespace {

constexpr std::size_t kPage = 2000;             // documents read at a time
constexpr std::size_t kPageBytes = 16'000'000;  // of vectors, give or take
constexpr std::size_t kComponentBytes = 12;     // as text
constexpr unsigned kRounds = 5;                 // for items that are changed while their vector is stored
constexpr unsigned kRetriesThere = 5;           // of one that is changed by two at once

std::string action(std::string_view verb, std::string_view id) {
  Json inner = {{"_id", lucene_id(id)}};
  if (verb == "update") inner["retry_on_conflict"] = kRetriesThere;
  Json line = Json::object();
  line[std::string(verb)] = std::move(inner);
  return dump_json(line) + '\n';
}

// An action on a document that nobody has changed since it was read.
std::string action_on(std::string_view verb, const Json& document) {
  Json line = Json::object();
  line[std::string(verb)] = {{"_id", part_of(document, {"_id"})},
                             {"if_seq_no", part_of(document, {"_seq_no"})},
                             {"if_primary_term", part_of(document, {"_primary_term"})}};
  return dump_json(line) + '\n';
}

}  // namespace

Result<std::vector<BulkOutcome>> LuceneStore::bulk(std::string_view table, LuceneClient::Bulk bulk) {
  bulk.index = alias(table);
  auto outcomes = client_.bulk(bulk);
  if (!outcomes) return std::unexpected(table_error(table, std::move(outcomes).error()));
  return outcomes;
}

Result<void> LuceneStore::outcome(std::string_view table, const BulkOutcome& outcome, const std::string& id) const {
  if (outcome.ok()) return {};
  const auto& failure = outcome.failure;
  const auto say = [&](ErrorCode code, std::string_view hint) {
    return fail(code, fmt::format("item '{}': {} says: {}{}", id, client_.name(), failure.reason, hint));
  };
  if (failure.status == 404) return fail(ErrorCode::not_found, fmt::format("no item '{}'", id));
  if (failure.type == "strict_dynamic_mapping_exception") {
    return say(ErrorCode::conflict, fmt::format("; index '{}' is not as Eidetic makes them", alias(table)));
  }
  if (failure.reason.contains("total fields")) {
    return say(ErrorCode::invalid_argument,
               "; the metadata of one collection has too many different fields: put what differs into values, not "
               "into names");
  }
  if (failure.status == 409) return say(ErrorCode::conflict, "");
  const bool is_its_fault = failure.status == 400 || failure.status == 413;
  return say(is_its_fault ? ErrorCode::invalid_argument : ErrorCode::unreachable, "");
}

Result<std::vector<Result<void>>> LuceneStore::put(std::string_view table, const VectorField& field,
                                                   std::span<const Item> items, std::uint64_t first_version) {
  EIDETIC_TRY(const auto outcomes,
              bulk(table, {.index = {}, .count = items.size(), .write = [&](std::size_t i, std::string& lines) {
                             lines += action("index", items[i].id);
                             lines += item_document(items[i], first_version + i, field);
                             lines += '\n';
                           }}));
  std::vector<Result<void>> results;
  for (std::size_t i = 0; i < items.size(); ++i) results.push_back(outcome(table, outcomes[i], items[i].id));
  return results;
}

Result<std::vector<Result<bool>>> LuceneStore::put_facts(std::string_view table, std::span<const Item> items) {
  std::vector<Result<bool>> results(items.size());
  std::vector<const Item*> any, read;
  for (const Item& item : items) (item.version == 0 ? any : read).push_back(&item);
  EIDETIC_TRY(const auto outcomes, bulk(table, {.index = {},
                                                .count = any.size(),
                                                .write =
                                                    [&](std::size_t i, std::string& lines) {
                                                      lines += action("update", any[i]->id);
                                                      lines += dump_json({{"doc", facts_document(*any[i])}});
                                                      lines += '\n';
                                                    },
                                                .again_after_conflict = true}));
  for (std::size_t i = 0; i < any.size(); ++i) {
    const auto done = outcome(table, outcomes[i], any[i]->id);
    results[static_cast<std::size_t>(any[i] - items.data())] =
        done ? Result<bool>(true) : std::unexpected(done.error());
  }
  EIDETIC_TRY(auto updated, update_read(table, read, [](const Item& item, std::string& lines) {
                lines += dump_json({{"doc", facts_document(item)}});
              }));
  for (std::size_t i = 0; i < read.size(); ++i) {
    results[static_cast<std::size_t>(read[i] - items.data())] = std::move(updated[i]);
  }
  return results;
}

Result<std::vector<Result<bool>>> LuceneStore::update_read(
    std::string_view table, std::span<const Item* const> items,
    const std::function<void(const Item&, std::string& lines)>& write) {
  std::vector<Result<bool>> results(items.size(), false);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < items.size(); ++i) left.push_back(i);
  // Where others change the same ones between the reading and the writing, it is done again.
  for (unsigned round = 0; round < kRounds && !left.empty(); ++round) {
    std::vector<std::string> ids;
    for (const std::size_t i : left) ids.push_back(items[i]->id);
    EIDETIC_TRY(const auto found, documents(table, ids, {"id", "version"}, kPage));
    std::vector<std::size_t> same;
    std::vector<const Json*> there;
    for (std::size_t k = 0; k < left.size(); ++k) {
      const std::size_t i = left[k];
      if (found[k].is_null()) {
        results[i] = fail(ErrorCode::not_found, fmt::format("no item '{}'", items[i]->id));
      } else if (count_in(found[k], {"_source", "version"}) == items[i]->version) {
        same.push_back(i);
        there.push_back(&found[k]);
      }
    }
    EIDETIC_TRY(const auto outcomes,
                bulk(table, {.index = {}, .count = same.size(), .write = [&](std::size_t k, std::string& lines) {
                               lines += action_on("update", *there[k]);
                               write(*items[same[k]], lines);
                               lines += '\n';
                             }}));
    left.clear();
    for (std::size_t k = 0; k < same.size(); ++k) {
      if (outcomes[k].failure.status == 409) {
        left.push_back(same[k]);
        continue;
      }
      const auto done = outcome(table, outcomes[k], items[same[k]]->id);
      results[same[k]] = done ? Result<bool>(true) : std::unexpected(done.error());
    }
  }
  for (const std::size_t i : left) {
    results[i] = fail(ErrorCode::unreachable,
                      fmt::format("item '{}': {}: others change it all the time", items[i]->id, client_.name()));
  }
  return results;
}

Result<std::uint64_t> LuceneStore::put_vectors(std::string_view table, const VectorField& field,
                                               std::span<const Item> items) {
  std::vector<const Item*> read;
  for (const Item& item : items) read.push_back(&item);
  EIDETIC_TRY(const auto updated, update_read(table, read, [&](const Item& item, std::string& lines) {
                lines += fmt::format(R"({{"doc":{{"{}":)", field.name);
                append_vector(lines, item.vector);
                lines += "}}";
              }));
  std::uint64_t stored = 0;
  for (const auto& result : updated) {
    if (!result && result.error().code == ErrorCode::not_found) continue;  // erased meanwhile
    EIDETIC_CHECK(result);
    stored += *result ? 1 : 0;
  }
  return stored;
}

// Where an answer was lost and the request made again, those that the first one took are not counted.
Result<std::uint64_t> LuceneStore::erase(std::string_view table, std::span<const std::string> ids) {
  EIDETIC_TRY(const auto outcomes,
              bulk(table, {.index = {}, .count = ids.size(), .write = [&](std::size_t i, std::string& lines) {
                             lines += action("delete", ids[i]);
                           }}));
  std::uint64_t gone = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (outcomes[i].failure.status == 404) continue;
    EIDETIC_CHECK(outcome(table, outcomes[i], ids[i]));
    ++gone;
  }
  return gone;
}

// One that gets a vector between the search and its deletion stays.
Result<std::uint64_t> LuceneStore::erase_without(std::string_view table, const VectorField& field) {
  std::uint64_t gone = 0;
  EIDETIC_CHECK(for_each(table, none_of(Json::array({has_field(field.name)})), [&](const Json& found) -> Result<void> {
    EIDETIC_TRY(const auto outcomes,
                bulk(table, {.index = {}, .count = found.size(), .write = [&](std::size_t i, std::string& lines) {
                               lines += action_on("delete", found[i]);
                             }}));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const long status = outcomes[i].failure.status;
      if (status == 404 || status == 409) continue;
      EIDETIC_CHECK(outcome(table, outcomes[i], text_in(found[i], {"_id"})));
      ++gone;
    }
    return {};
  }));
  return gone;
}

// What is kept of them, one an id; null where there is none.
Result<std::vector<Json>> LuceneStore::documents(std::string_view table, std::span<const std::string> ids,
                                                 const Json& source, std::size_t most) {
  std::string names;
  for (const Json& name : source) names += fmt::format("{}{}", names.empty() ? "" : ",", name.get<std::string>());
  std::vector<Json> found;
  while (!ids.empty()) {
    const auto some = ids.first(std::min(most, ids.size()));
    ids = ids.subspan(some.size());
    Json keys = Json::array();
    for (const auto& id : some) keys.push_back(lucene_id(id));
    EIDETIC_TRY(auto answer, demand(table,
                                    {.method = "POST",
                                     .path = fmt::format("/{}/_mget?_source_includes={}", alias(table), names),
                                     .body = dump_json({{"ids", std::move(keys)}})},
                                    "to read items"));
    const Json& documents = part_of(answer, {"docs"});
    if (!documents.is_array() || documents.size() != some.size()) {
      return fail(ErrorCode::unreachable,
                  fmt::format("{} answered with other items than it was asked for", describe()));
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (documents[i].contains("error")) {
        return std::unexpected(table_error(table, client_.error_of(failure_of(503, documents[i]), "to read items")));
      }
      const bool there = text_in(documents[i], {"_source", "id"}) == some[i];
      found.push_back(there ? documents[i] : Json());
    }
  }
  return found;
}

Result<std::vector<std::optional<Item>>> LuceneStore::get(std::string_view table, std::span<const std::string> ids,
                                                          const VectorField* field) {
  const std::size_t vector_bytes = field == nullptr ? 1 : field->space.dimensions * kComponentBytes;
  EIDETIC_TRY(const auto found,
              documents(table, ids, facts_source(field), std::clamp<std::size_t>(kPageBytes / vector_bytes, 1, kPage)));
  std::vector<std::optional<Item>> items;
  for (const Json& document : found) {
    if (document.is_null()) {
      items.emplace_back();
      continue;
    }
    EIDETIC_TRY(items.emplace_back(), document_item(part_of(document, {"_source"}), field));
  }
  return items;
}

}  // namespace eidetic
