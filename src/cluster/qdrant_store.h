// Tables in Qdrant: a collection PREFIX.TABLE each, with a named vector a field, a point an item (qdrant_point.h); and
// a collection PREFIX of notes, a point each, with the payload {key, text, revision}, and of how often tables were
// written to, with {table, sequence}.
//
// A note is changed where its revision still is the one that was read: Qdrant applies a write to those points alone
// that pass a filter, all copies in one order. It does not say whether there were any, so the writer reads the note
// afterwards. A revision is therefore a list of marks, drawn at random, the newest first: who finds his own among them
// has written, though somebody else may have done so after him.
//
// The verbs stand in qdrant_store.cpp, qdrant_items.cpp, qdrant_notes.cpp, qdrant_search.cpp and qdrant_lists.cpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/document_store.h"
#include "cluster/qdrant_client.h"
#include "cluster/qdrant_facts.h"
#include "cluster/qdrant_order.h"

namespace eidetic {

class QdrantStore final : public DocumentStore {
 public:
  explicit QdrantStore(EngineHttp engine) : client_(std::move(engine)) {}

  [[nodiscard]] std::string describe() const override { return client_.name(); }
  [[nodiscard]] Result<std::string> check_index(std::string_view index, const Space& space) const override;

  [[nodiscard]] Result<std::optional<Note>> note(std::string_view key) override;
  [[nodiscard]] Result<std::optional<std::string>> write_note(std::string_view key, std::string_view text,
                                                              const std::optional<std::string>& revision) override;
  [[nodiscard]] Result<void> erase_note(std::string_view key) override;
  [[nodiscard]] Result<std::vector<std::string>> notes(std::string_view prefix) override;

  [[nodiscard]] Result<void> create_table(std::string_view table, const VectorField& field) override;
  [[nodiscard]] Result<void> drop_table(std::string_view table) override;
  [[nodiscard]] Result<void> add_field(std::string_view table, const VectorField& field) override;
  [[nodiscard]] Result<void> drop_field(std::string_view table, const VectorField& field) override;
  [[nodiscard]] Result<void> refresh(std::string_view table) override;
  [[nodiscard]] Result<TableInfo> info(std::string_view table, const VectorField& field) override;
  [[nodiscard]] Result<void> settle(std::string_view table) override;

  [[nodiscard]] Result<std::vector<Result<void>>> put(std::string_view table, const VectorField& field,
                                                      std::span<const Item> items,
                                                      std::uint64_t first_version) override;
  [[nodiscard]] Result<std::vector<Result<bool>>> put_facts(std::string_view table,
                                                            std::span<const Item> items) override;
  [[nodiscard]] Result<std::uint64_t> put_vectors(std::string_view table, const VectorField& field,
                                                  std::span<const Item> items) override;
  [[nodiscard]] Result<std::uint64_t> erase(std::string_view table, std::span<const std::string> ids) override;
  [[nodiscard]] Result<std::uint64_t> erase_without(std::string_view table, const VectorField& field) override;

  [[nodiscard]] Result<std::vector<std::optional<Item>>> get(std::string_view table, std::span<const std::string> ids,
                                                             const VectorField* field) override;
  [[nodiscard]] Result<ScrollPage> scroll(std::string_view table, std::string_view cursor, std::uint32_t limit,
                                          const VectorField* field) override;
  [[nodiscard]] Result<ScrollPage> sorted(std::string_view table, const SortedRequest& request) override;
  [[nodiscard]] Result<std::vector<Item>> without(std::string_view table, const VectorField& field, std::uint64_t after,
                                                  std::uint32_t limit) override;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view table, const Filter& filter,
                                            const VectorField* with) override;
  [[nodiscard]] Result<std::vector<Facet>> facets(std::string_view table, const FacetRequest& request) override;
  [[nodiscard]] Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view table, const VectorField& field,
                                                                     std::span<const VectorQuery> queries) override;

 private:
  // "/collections/PREFIX.TABLE", and what is behind it.
  [[nodiscard]] std::string path(std::string_view table, std::string_view rest = "") const;
  [[nodiscard]] std::string notes_path(std::string_view rest = "") const;

  // --- qdrant_store.cpp ---
  [[nodiscard]] Result<void> set_index(std::string_view table, const VectorField& field);
  // Makes the payload indexes that there are not yet.
  [[nodiscard]] Result<void> learn(std::string_view table, const std::set<QdrantIndex>& indexes);
  // The filter, its indexes made.
  [[nodiscard]] Result<QdrantFilter> prepared(std::string_view table, const Filter& filter);
  [[nodiscard]] Result<std::uint64_t> count_where(std::string_view table, Json must, Json must_not = Json::array());

  // --- qdrant_notes.cpp ---
  // Where nobody has written a note yet.
  [[nodiscard]] Result<void> create_notes();
  // Its sequence rises.
  [[nodiscard]] Result<void> touch(std::string_view table);
  [[nodiscard]] Result<std::uint64_t> sequence(std::string_view table);
  [[nodiscard]] Result<void> forget_sequence(std::string_view table);

  // --- qdrant_items.cpp ---
  // Writes bodies made of pieces, as many together as a request may hold: head + pieces joined by ',' + tail.
  [[nodiscard]] Result<void> write_pieces(std::string_view method, const std::string& path, std::string_view head,
                                          std::string_view tail, std::span<const std::string> pieces);
  // Those of the points that are there.
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>> versions(std::string_view table,
                                                                      std::span<const std::string> points);

  // --- qdrant_lists.cpp ---
  // How many items that pass have each value, numbers and strings, true and false.
  [[nodiscard]] Result<std::vector<QdrantValue>> distinct(std::string_view table, const FieldName& field, Json must);
  [[nodiscard]] Result<Facet> facet(std::string_view table, const std::string& name, const FieldName& field,
                                    const QdrantFilter& filter, std::uint64_t items, std::uint32_t limit);

  QdrantClient client_;
  std::mutex learnt_mutex_;
  std::map<std::string, std::set<QdrantIndex>, std::less<>> learnt_;  // by table
};

// "must" with one more condition, where the filter is one.
[[nodiscard]] Json qdrant_must(const QdrantFilter& filter, Json more = Json::array());

}  // namespace eidetic
