// A DocumentStore in memory, for tests of what is above the engines: exact, simple, and able to fail when told to.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/document_store.h"

namespace eidetic {

// What several processes share.
struct TestEngine {
  struct Row {
    Item item;
    std::uint64_t version = 0;
    std::map<std::string, Vector, std::less<>> vectors;
  };
  struct Table {
    std::vector<std::string> fields;
    std::map<std::string, Row, std::less<>> rows;
    std::uint64_t sequence = 0;
  };
  std::recursive_mutex mutex;
  std::map<std::string, DocumentStore::Note, std::less<>> notes;
  std::map<std::string, Table, std::less<>> tables;
  std::uint64_t revisions = 0;
  // Called before each verb with its name; an error is what the verb gives.
  std::function<Result<void>(std::string_view verb)> before = {};
};

class TestStore final : public DocumentStore {
 public:
  explicit TestStore(std::shared_ptr<TestEngine> engine) : engine_(std::move(engine)) {}

  std::string describe() const override { return "the test engine"; }
  Result<std::string> check_index(std::string_view index, const Space& /*space*/) const override {
    if (index == "auto" || index == "Flat" || index == "HNSW16") return std::string(index);
    return fail(ErrorCode::invalid_argument, fmt::format("'{}': auto, Flat and HNSW16 are possible", index));
  }

  Result<std::optional<Note>> note(std::string_view key) override {
    EIDETIC_CHECK(begin("note"));
    const std::scoped_lock lock(engine_->mutex);
    const auto found = engine_->notes.find(key);
    return found == engine_->notes.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::optional<std::string>> write_note(std::string_view key, std::string_view text,
                                                const std::optional<std::string>& revision) override {
    EIDETIC_CHECK(begin("write_note"));
    const std::scoped_lock lock(engine_->mutex);
    const auto found = engine_->notes.find(key);
    const bool there = found != engine_->notes.end();
    if (there != revision.has_value() || (there && found->second.revision != *revision)) return std::nullopt;
    const std::string next = std::to_string(++engine_->revisions);
    engine_->notes.insert_or_assign(std::string(key), Note{.text = std::string(text), .revision = next});
    return next;
  }
  Result<void> erase_note(std::string_view key) override {
    EIDETIC_CHECK(begin("erase_note"));
    const std::scoped_lock lock(engine_->mutex);
    engine_->notes.erase(std::string(key));
    return {};
  }
  Result<std::vector<std::string>> notes(std::string_view prefix) override {
    EIDETIC_CHECK(begin("notes"));
    const std::scoped_lock lock(engine_->mutex);
    std::vector<std::string> keys;
    for (const auto& [key, note] : engine_->notes) {
      if (key.starts_with(prefix)) keys.push_back(key);
    }
    return keys;
  }

  Result<void> create_table(std::string_view table, const VectorField& field) override {
    EIDETIC_CHECK(begin("create_table"));
    const std::scoped_lock lock(engine_->mutex);
    engine_->tables[std::string(table)].fields = {field.name};
    return {};
  }
  Result<void> drop_table(std::string_view table) override {
    EIDETIC_CHECK(begin("drop_table"));
    const std::scoped_lock lock(engine_->mutex);
    engine_->tables.erase(std::string(table));
    return {};
  }
  Result<void> add_field(std::string_view table, const VectorField& field) override {
    EIDETIC_CHECK(begin("add_field"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    if (std::ranges::find(found->fields, field.name) == found->fields.end()) found->fields.push_back(field.name);
    return {};
  }
  Result<void> drop_field(std::string_view table, const VectorField& field) override {
    EIDETIC_CHECK(begin("drop_field"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::erase(found->fields, field.name);
    for (auto& [id, row] : found->rows) row.vectors.erase(field.name);
    return {};
  }
  Result<void> refresh(std::string_view /*table*/) override { return begin("refresh"); }
  Result<TableInfo> info(std::string_view table, const VectorField& field) override {
    EIDETIC_CHECK(begin("info"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    return TableInfo{
        .items = found->rows.size(), .sequence = found->sequence, .kind = "test " + field.index, .note = {}};
  }
  Result<void> settle(std::string_view /*table*/) override { return begin("settle"); }

  Result<std::vector<Result<void>>> put(std::string_view table, const VectorField& field, std::span<const Item> items,
                                        std::uint64_t first_version) override {
    EIDETIC_CHECK(begin("put"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    for (const Item& item : items) {
      TestEngine::Row row{.item = facts(item), .version = first_version++, .vectors = {}};
      row.vectors[field.name] = item.vector;
      found->rows.insert_or_assign(item.id, std::move(row));
    }
    ++found->sequence;
    return std::vector<Result<void>>(items.size());
  }
  Result<std::vector<Result<bool>>> put_facts(std::string_view table, std::span<const Item> items) override {
    EIDETIC_CHECK(begin("put_facts"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::vector<Result<bool>> results;
    for (const Item& item : items) {
      const auto row = found->rows.find(item.id);
      if (row == found->rows.end()) {
        results.emplace_back(fail(ErrorCode::not_found, fmt::format("no item '{}'", item.id)));
        continue;
      }
      const bool same = item.version == 0 || item.version == row->second.version;
      if (same) row->second.item = facts(item);
      results.emplace_back(same);
    }
    ++found->sequence;
    return results;
  }
  Result<std::uint64_t> put_vectors(std::string_view table, const VectorField& field,
                                    std::span<const Item> items) override {
    EIDETIC_CHECK(begin("put_vectors"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::uint64_t stored = 0;
    for (const Item& item : items) {
      const auto row = found->rows.find(item.id);
      if (row == found->rows.end() || row->second.version != item.version) continue;
      row->second.vectors[field.name] = item.vector;
      ++stored;
    }
    return stored;
  }
  Result<std::uint64_t> erase(std::string_view table, std::span<const std::string> ids) override {
    EIDETIC_CHECK(begin("erase"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    ++found->sequence;
    std::uint64_t gone = 0;
    for (const auto& id : ids) gone += found->rows.erase(id);
    return gone;
  }
  Result<std::uint64_t> erase_without(std::string_view table, const VectorField& field) override {
    EIDETIC_CHECK(begin("erase_without"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    return std::erase_if(found->rows, [&](const auto& entry) { return !entry.second.vectors.contains(field.name); });
  }

  Result<std::vector<std::optional<Item>>> get(std::string_view table, std::span<const std::string> ids,
                                               const VectorField* field) override {
    EIDETIC_CHECK(begin("get"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::vector<std::optional<Item>> rows;
    for (const auto& id : ids) {
      const auto row = found->rows.find(id);
      rows.push_back(row == found->rows.end() ? std::nullopt : std::optional(told(row->second, field)));
    }
    return rows;
  }
  Result<ScrollPage> scroll(std::string_view table, std::string_view cursor, std::uint32_t limit,
                            const VectorField* field) override {
    EIDETIC_CHECK(begin("scroll"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    ScrollPage page;
    auto row = cursor.empty() ? found->rows.begin() : found->rows.upper_bound(cursor);
    for (; row != found->rows.end() && page.items.size() < limit; ++row) {
      page.items.push_back(told(row->second, field));
    }
    if (row != found->rows.end()) page.next = page.items.back().id;
    return page;
  }
  Result<ScrollPage> sorted(std::string_view /*table*/, const SortedRequest& /*request*/) override {
    return fail(ErrorCode::unsupported, "the test engine does not sort");
  }
  Result<std::vector<Item>> without(std::string_view table, const VectorField& field, std::uint64_t after,
                                    std::uint32_t limit) override {
    EIDETIC_CHECK(begin("without"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::vector<Item> rows;
    for (const auto& [id, row] : found->rows) {
      if (row.version > after && !row.vectors.contains(field.name)) rows.push_back(told(row, nullptr));
    }
    std::ranges::sort(rows, {}, &Item::version);
    if (rows.size() > limit) rows.resize(limit);
    return rows;
  }
  Result<std::uint64_t> count(std::string_view table, const Filter& filter, const VectorField* with) override {
    EIDETIC_CHECK(begin("count"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    return std::ranges::count_if(found->rows, [&](const auto& entry) {
      return filter.matches(entry.second.item) && (with == nullptr || entry.second.vectors.contains(with->name));
    });
  }
  Result<std::vector<Facet>> facets(std::string_view /*table*/, const FacetRequest& /*request*/) override {
    return fail(ErrorCode::unsupported, "the test engine does not count values");
  }
  Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view table, const VectorField& field,
                                                       std::span<const VectorQuery> queries) override {
    EIDETIC_CHECK(begin("search"));
    const std::scoped_lock lock(engine_->mutex);
    EIDETIC_TRY(const auto found, find(table));
    std::vector<Result<std::vector<Hit>>> results;
    for (const auto& query : queries) {
      std::vector<Hit> hits;
      for (const auto& [id, row] : found->rows) {
        const auto vector = row.vectors.find(field.name);
        const bool wanted = vector != row.vectors.end() && query.filter.matches(row.item) &&
                            std::ranges::find(query.exclude_ids, id) == query.exclude_ids.end();
        if (wanted) hits.push_back(scored(row.item, query.vector, vector->second, field.space.metric));
      }
      std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
        return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
      });
      if (hits.size() > query.k) hits.resize(query.k);
      results.emplace_back(std::move(hits));
    }
    return results;
  }

 private:
  Result<void> begin(std::string_view verb) { return engine_->before ? engine_->before(verb) : Result<void>(); }
  Result<TestEngine::Table*> find(std::string_view table) {
    const auto found = engine_->tables.find(table);
    if (found == engine_->tables.end()) return fail(ErrorCode::not_found, fmt::format("no table '{}'", table));
    return &found->second;
  }
  static Item facts(Item item) {
    item.vector.clear();
    item.parts.clear();
    return item;
  }
  static Item told(const TestEngine::Row& row, const VectorField* field) {
    Item made = row.item;
    made.version = row.version;
    if (field == nullptr) return made;
    if (const auto found = row.vectors.find(field->name); found != row.vectors.end()) made.vector = found->second;
    return made;
  }
  static Hit scored(const Item& item, const Vector& q, const Vector& x, Metric metric) {
    double dot = 0, qq = 0, xx = 0, apart = 0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const double a = q[i], b = x[i];
      dot += a * b;
      qq += a * a;
      xx += b * b;
      apart += (a - b) * (a - b);
    }
    Hit hit{.id = item.id, .uri = item.uri, .metadata = item.metadata};
    hit.similarity = metric == Metric::cosine ? dot / std::sqrt(qq * xx) : dot;
    hit.distance = 1 - hit.similarity;
    if (metric == Metric::euclidean) {
      hit.distance = std::sqrt(apart);
      hit.similarity = 1 / (1 + hit.distance);
    }
    return hit;
  }

  std::shared_ptr<TestEngine> engine_;
};

}  // namespace eidetic
