// A DocumentStore over the REST interface that OpenSearch and Elasticsearch have in common. A table is an index behind
// an alias: what is written goes to the alias and requires it to be one, so that nobody who comes too late makes a
// dropped table again. What differs, how vectors are mapped and asked for, stands in opensearch.cpp and
// elasticsearch.cpp.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/document_store.h"
#include "cluster/lucene_client.h"
#include "cluster/lucene_score.h"

namespace eidetic {

// "auto", "Flat" or a graph, as a factory string says it.
struct LuceneIndex {
  bool flat = false;
  bool chosen = false;                      // not "auto"
  unsigned links = 16;                      // a document
  unsigned construction = 128;              // documents that these are chosen among
  [[nodiscard]] std::string graph() const;  // "HNSW16"
};
// `most`: dimensions that the engine can index. invalid_argument naming what is possible.
[[nodiscard]] Result<LuceneIndex> lucene_index(std::string_view index, const Space& space, std::uint32_t most,
                                               std::string_view engine);

// Below that many items an exact search of "auto" takes no longer than a graph.
inline constexpr std::uint64_t kSmallTable = 10'000;

class LuceneStore : public DocumentStore {
 public:
  [[nodiscard]] std::string describe() const override;
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

 protected:
  // `most_dimensions`: that the engine can index.
  LuceneStore(EngineHttp engine, EngineVersion least, std::uint32_t most_dimensions);

  // --- what differs ---
  // Settings of a table's index, beside those that all have.
  virtual void add_settings(Json& settings, EngineVersion version) const = 0;
  [[nodiscard]] virtual Json vector_mapping(const VectorField& field, const LuceneIndex& index) const = 0;
  // The nearest to one query, as the body of a search.
  struct Nearest {
    const VectorField& field;
    const VectorQuery& query;
    Json clauses;             // what documents have to pass
    std::uint32_t fetch = 0;  // how many to give
    bool thorough = false;    // every document is looked at, as far as this engine can be made to
  };
  struct NearestBody {
    Json body;
    Scoring scoring = Scoring::lucene;
    bool in_order = false;  // exact and by (score, id): nothing behind the last place is as near
  };
  [[nodiscard]] virtual NearestBody nearest(Nearest wanted) const = 0;
  // How many candidates a graph shall be asked for: as our own are.
  [[nodiscard]] static std::uint32_t candidates(const Nearest& wanted, std::uint32_t most);
  // Whether the search shall be made anew, as it was asked for in a way that turned out not to be there.
  [[nodiscard]] virtual bool asks_otherwise(const EngineFailure& failure) = 0;

 private:
  class Searches;
  struct Hits {
    Json documents;  // "_source", "sort" and what else was asked for of each
    std::uint64_t total = 0;
    Json aggregations;
  };
  struct Pages {
    std::vector<Item> items;
    Json next;  // what the next page begins behind; null: there is none
  };

  // Updates items that are still of the version that they were read in; one result each, false: of another. `write`
  // appends what an update action is told of one.
  [[nodiscard]] Result<std::vector<Result<bool>>> update_read(
      std::string_view table, std::span<const Item* const> items,
      const std::function<void(const Item&, std::string& lines)>& write);
  [[nodiscard]] std::string alias(std::string_view table) const;
  // As LuceneClient::demand; a table that is not there, or is not ours, is named.
  [[nodiscard]] Result<Json> demand(std::string_view table, EngineHttp::Call call, std::string_view what);
  [[nodiscard]] Error table_error(std::string_view table, Error error);
  [[nodiscard]] Result<void> check_table(std::string_view table, const VectorField* field);
  [[nodiscard]] Result<Hits> search(std::string_view table, const Json& body, std::string_view what);
  // Items as `body` asks for them, up to `limit`, in as many requests as vectors make of it.
  [[nodiscard]] Result<Pages> pages(std::string_view table, Json body, const VectorField* field, std::uint32_t limit);
  // Calls `visit` with all documents that pass, by id, some at a time; of each only how it is named and when it was
  // changed.
  [[nodiscard]] Result<void> for_each(std::string_view table, const Json& query,
                                      const std::function<Result<void>(const Json& documents)>& visit);
  [[nodiscard]] Result<std::vector<BulkOutcome>> bulk(std::string_view table, LuceneClient::Bulk bulk);
  [[nodiscard]] Result<void> outcome(std::string_view table, const BulkOutcome& outcome, const std::string& id) const;
  [[nodiscard]] Result<std::vector<Json>> documents(std::string_view table, std::span<const std::string> ids,
                                                    const Json& source, std::size_t most);
  // How many items it has, or kSmallTable where these are more, as of some seconds ago.
  [[nodiscard]] Result<std::uint64_t> rough_size(std::string_view table);

  // --- lucene_notes.cpp ---
  [[nodiscard]] std::string notes_alias() const;
  [[nodiscard]] Result<bool> has_notes();  // conflict: there is something else under that name
  [[nodiscard]] Result<void> make_notes();
  [[nodiscard]] Result<Json> note_document(std::string_view key);

  struct Size {
    std::uint64_t items = 0;
    std::chrono::steady_clock::time_point as_of;
  };
  LuceneClient client_;
  std::atomic<bool> has_notes_ = false;  // there is an index of notes, and it is ours
  std::uint32_t most_dimensions_;
  std::mutex sizes_mutex_;
  std::map<std::string, Size, std::less<>> sizes_;
};

}  // namespace eidetic
