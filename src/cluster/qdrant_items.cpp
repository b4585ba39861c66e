// Items of a table: stored, changed, erased, read by id and one after the other.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cluster/qdrant_point.h"
#include "cluster/qdrant_store.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostPieces = 1000;   // points of one request
constexpr std::size_t kMostVersions = 100;  // points whose version is compared in one request
constexpr unsigned kMostTries = 5;          // to write to points that others erase meanwhile

std::vector<std::string> point_ids(std::span<const std::string> ids) {
  std::vector<std::string> made;
  made.reserve(ids.size());
  for (const auto& id : ids) made.push_back(qdrant_point_id(id));
  return made;
}

// The point as it was of that version; 0: of any.
Json still(const std::string& point, std::uint64_t version) {
  Json made;
  made["must"] = Json::array({{{"has_id", Json::array({point})}}});
  if (version != 0) made["must"].push_back({{"key", "version"}, {"match", {{"value", version}}}});
  return made;
}

}  // namespace

Result<void> QdrantStore::write_pieces(std::string_view method, const std::string& path, std::string_view head,
                                       std::string_view tail, std::span<const std::string> pieces) {
  std::vector<std::span<const std::string>> bulks;
  const auto most = client_.options().bulk_bytes;
  for (std::size_t begin = 0, end = 0; begin < pieces.size(); begin = end) {
    for (std::uint64_t bytes = 0; end < pieces.size() && end - begin < kMostPieces; ++end) {
      bytes += pieces[end].size();
      if (bytes > most && end > begin) break;
    }
    bulks.push_back(pieces.subspan(begin, end - begin));
  }
  return client_.each(bulks.size(), [&](std::size_t i) -> Result<void> {
    return qdrant_done(client_.write(method, path, fmt::format("{}{}{}", head, fmt::join(bulks[i], ","), tail)));
  });
}

Result<std::map<std::string, std::uint64_t>> QdrantStore::versions(std::string_view table,
                                                                   std::span<const std::string> points) {
  std::map<std::string, std::uint64_t> found;
  for (std::size_t at = 0; at < points.size(); at += kMostPieces) {
    const auto some = points.subspan(at, std::min(kMostPieces, points.size() - at));
    const Json body = {{"ids", some}, {"with_payload", Json::array({"version"})}, {"with_vector", false}};
    EIDETIC_TRY(const Json answer, client_.read(path(table, "/points"), dump_json(body)));
    for (const Json& point : answer) {
      found.emplace(qdrant_text(point, "id"), qdrant_number(qdrant_at(point, "payload"), "version"));
    }
  }
  return found;
}

Result<std::vector<Result<void>>> QdrantStore::put(std::string_view table, const VectorField& field,
                                                   std::span<const Item> items, std::uint64_t first_version) {
  std::vector<std::string> points;
  points.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) points.push_back(qdrant_point(items[i], field, first_version + i));
  EIDETIC_CHECK(write_pieces("PUT", path(table, "/points"), R"({"points":[)", "]}", points));
  if (!items.empty()) EIDETIC_CHECK(touch(table));
  return std::vector<Result<void>>(items.size());
}

Result<std::vector<Result<bool>>> QdrantStore::put_facts(std::string_view table, std::span<const Item> items) {
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(qdrant_point_id(item.id));
  EIDETIC_TRY(const auto there, versions(table, ids));
  std::vector<Result<bool>> results(items.size(), true);
  std::vector<std::string> operations;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto found = there.find(ids[i]);
    const std::uint64_t version = items[i].version;
    if (found == there.end()) {
      results[i] = fail(ErrorCode::not_found, fmt::format("no item '{}'", items[i].id));
    } else if (version != 0 && version != found->second) {
      results[i] = false;
    } else {
      // By a filter, as a point that is erased meanwhile is then no failure, and one that is stored anew stays.
      const Json filter = still(ids[i], version);
      operations.push_back(dump_json({{"set_payload", {{"payload", qdrant_payload(items[i])}, {"filter", filter}}}}));
    }
  }
  EIDETIC_CHECK(write_pieces("POST", path(table, "/points/batch"), R"({"operations":[)", "]}", operations));
  if (!operations.empty()) EIDETIC_CHECK(touch(table));
  return results;
}

Result<std::uint64_t> QdrantStore::put_vectors(std::string_view table, const VectorField& field,
                                               std::span<const Item> items) {
  std::uint64_t stored = 0;
  for (std::size_t at = 0; at < items.size(); at += kMostVersions) {
    const auto some = items.subspan(at, std::min(kMostVersions, items.size() - at));
    std::vector<std::string> ids;
    for (const Item& each : some) ids.push_back(qdrant_point_id(each.id));
    for (unsigned tries = 1;; ++tries) {
      EIDETIC_TRY(const auto there, versions(table, ids));
      Json versions = Json::array();
      std::vector<std::string> points, raws;
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (!there.contains(ids[i])) continue;
        versions.push_back(still(ids[i], some[i].version));
        const Vector& vector = some[i].vector;
        points.push_back(
            fmt::format(R"({{"id":"{}","vector":{{"{}":{}}}}})", ids[i], field.name, qdrant_numbers(vector)));
        if (auto raw = qdrant_raw(field, vector); !raw.empty()) {
          Json payload = {{qdrant_raw_key(field), std::move(raw)}};
          raws.push_back(dump_json({{"set_payload", {{"payload", std::move(payload)}, {"filter", versions.back()}}}}));
        }
      }
      if (points.empty()) break;
      const Json filter = {{"should", std::move(versions)}};
      // The vector comes last: without it, what stands beside it says nothing.
      EIDETIC_CHECK(write_pieces("POST", path(table, "/points/batch"), R"({"operations":[)", "]}", raws));
      const auto written = write_pieces("PUT", path(table, "/points/vectors"), R"({"points":[)",
                                        fmt::format(R"(],"update_filter":{}}})", dump_json(filter)), points);
      if (!written && written.error().code == ErrorCode::not_found && tries < kMostTries) continue;  // erased meanwhile
      EIDETIC_CHECK(written);
      EIDETIC_TRY(const auto had, count_where(table, Json::array({filter, {{"has_vector", field.name}}})));
      stored += had;
      break;
    }
  }
  if (stored > 0) EIDETIC_CHECK(touch(table));
  return stored;
}

Result<std::uint64_t> QdrantStore::erase(std::string_view table, std::span<const std::string> ids) {
  const auto points = point_ids(ids);
  EIDETIC_TRY(const auto there, versions(table, points));
  if (there.empty()) return 0;
  std::vector<std::string> pieces;
  for (const auto& [point, version] : there) pieces.push_back(dump_json(point));
  EIDETIC_CHECK(write_pieces("POST", path(table, "/points/delete"), R"({"points":[)", "]}", pieces));
  EIDETIC_CHECK(touch(table));
  return there.size();
}

Result<std::uint64_t> QdrantStore::erase_without(std::string_view table, const VectorField& field) {
  const Json has = Json::array({{{"has_vector", field.name}}});
  EIDETIC_TRY(const auto gone, count_where(table, Json::array(), has));
  if (gone == 0) return 0;
  const Json body = {{"filter", {{"must_not", has}}}};
  EIDETIC_CHECK(client_.write("POST", path(table, "/points/delete"), dump_json(body)));
  EIDETIC_CHECK(touch(table));
  return gone;
}

Result<std::vector<std::optional<Item>>> QdrantStore::get(std::string_view table, std::span<const std::string> ids,
                                                          const VectorField* field) {
  std::map<std::string, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < ids.size(); ++i) places[ids[i]].push_back(i);
  std::vector<std::optional<Item>> items(ids.size());
  const auto points = point_ids(ids);
  for (std::size_t at = 0; at < points.size(); at += kMostPieces) {
    const auto some = std::span(points).subspan(at, std::min(kMostPieces, points.size() - at));
    const std::string body = fmt::format(R"({{"ids":{},{}}})", dump_json(some), qdrant_item_wishes(field));
    EIDETIC_TRY(const Json answer, client_.read(path(table, "/points"), body));
    for (const Json& point : answer) {
      EIDETIC_TRY(const Item item, qdrant_item(point, field));
      for (const std::size_t place : places[item.id]) items[place] = item;
    }
  }
  return items;
}

Result<ScrollPage> QdrantStore::scroll(std::string_view table, std::string_view cursor, std::uint32_t limit,
                                       const VectorField* field) {
  const std::string from = cursor.empty() ? "" : fmt::format(R"("offset":{},)", dump_json(cursor));
  const std::string body = fmt::format(R"({{"limit":{},{}{}}})", limit, from, qdrant_item_wishes(field));
  auto answer = client_.read(path(table, "/points/scroll"), body);
  if (!answer && answer.error().code == ErrorCode::conflict && !from.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no cursor of a list in {}", cursor, describe()));
  }
  EIDETIC_CHECK(answer);
  ScrollPage page{.items = {}, .next = qdrant_text(*answer, "next_page_offset")};
  for (const Json& point : qdrant_at(*answer, "points")) {
    EIDETIC_TRY(auto item, qdrant_item(point, field));
    page.items.push_back(std::move(item));
  }
  return page;
}

Result<std::vector<Item>> QdrantStore::without(std::string_view table, const VectorField& field, std::uint64_t after,
                                               std::uint32_t limit) {
  const Json filter = {{"must_not", Json::array({{{"has_vector", field.name}}})}};
  const QdrantStart start = qdrant_start(after + 1);
  const Json order = {{"key", "version"}, {"direction", "asc"}, {"start_from", start.from}};
  std::vector<Item> items;
  for (std::size_t page = limit + start.before;; page *= 2) {
    const std::string body = fmt::format(R"({{"limit":{},"order_by":{},"filter":{},{}}})", page, dump_json(order),
                                         dump_json(filter), qdrant_item_wishes(nullptr));
    EIDETIC_TRY(const Json answer, client_.read(path(table, "/points/scroll"), body));
    items.clear();
    const Json& points = qdrant_at(answer, "points");
    for (const Json& point : points) {
      EIDETIC_TRY(auto item, qdrant_item(point, nullptr));
      if (item.version > after && items.size() < limit) items.push_back(std::move(item));
    }
    // More before them than there can be of different versions.
    if (items.size() == limit || points.size() < page) return items;
  }
}

}  // namespace eidetic
