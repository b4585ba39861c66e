// Where collections live and are searched. The embedded one (SQLite + our own indexes) is the reference; every
// implementation passes the same contract tests (src/backend/contract_test.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/filter.h"
#include "eidetic/inspection.h"
#include "eidetic/item.h"
#include "eidetic/space.h"
#include "eidetic/vector_index.h"

namespace eidetic {

struct CollectionSpec {
  std::string name;  // 1 to 64 of [A-Za-z0-9_-.], not starting with a dot
  Space space;
  std::string index = "auto";  // "auto" or a factory string (see check_factory)
  std::string settings =
      "{}";               // JSON object kept with the collection for its owner (the engine); never interpreted here
  std::uint64_t era = 0;  // how often its space was switched
};

// What is being done, or was done, about a change of the model: see Engine::migrate.
struct MigrationInfo {
  // embedding: vectors of the new model are made, or were before that was stopped. ready: there is one of every item
  // that can have one, and it may be switched. switched: the collection is of the new model, and the one before is
  // kept.
  enum class State { embedding, ready, switched };
  std::string
      model;  // whose vectors are kept beside those that are searched: the new one, and once switched the old one
  std::string hash;  // of its space
  State state = State::embedding;
  std::uint64_t total = 0, done = 0;    // items there are, and those with a vector of that model
  std::uint64_t failed = 0;             // items that could not be embedded when it was last tried
  std::int64_t until_ms = 0;            // once switched: since 1970; then the vectors of the old model go
  std::vector<std::string> notes = {};  // once switched: what the collection had learnt and lost, for people
};

// "embedding", "ready", "switched".
[[nodiscard]] std::string_view to_string(MigrationInfo::State state) noexcept;
[[nodiscard]] Result<MigrationInfo::State> parse_migration_state(std::string_view name);

struct CollectionInfo {
  CollectionSpec spec;
  std::uint64_t items = 0;
  std::uint64_t sequence = 0;      // rises with every committed batch
  std::string backend = {};        // where it lives: "embedded", or the URL of a search engine; the engine's too
  std::string index_kind;          // what answers searches now: "Flat", "HNSW16"
  std::string index_building;      // what is being built in the background; empty: nothing
  TrainingReport index_training;   // of what answers now
  std::string index_note;          // what a person should know of the index; empty: nothing
  SearchDepth search = {};         // where a query does not say; the engine's, a backend leaves it alone
  std::string regions = {};        // what parts are made of, see parse_regions; the engine's too. Empty: none are made
  std::string description = {};    // what is in it, for people; the engine's too
  std::string source = {};         // where it comes from; the engine's too
  std::uint64_t memory_bytes = 0;  // of the index
  std::uint64_t disk_bytes = 0;    // of vectors and snapshots (the catalog is shared)
  std::uint64_t parts = 0;         // vectors of parts of items; they are in memory_bytes and disk_bytes
  std::int64_t created_ms = 0;     // since 1970
  std::optional<MigrationInfo> migration = {};  // the engine's too
};

// A second space that a collection's items have vectors in, or get them, beside the one that is searched.
struct OtherSpace {
  Space space;
  std::uint64_t vectors = 0;  // how many items have one
};

inline constexpr std::size_t kMaxAttachmentBytes = std::size_t{256} << 20;

struct VectorQuery {
  Vector vector;
  std::uint32_t k = 10;                  // 1 to kMaxK
  std::vector<std::string> exclude_ids;  // never returned; k hits come back all the same
  SearchDepth depth = {};
  Filter filter = {};  // only items that pass are returned, k where so many do
  bool parts = false;  // items are as near as the nearest of their own vector and those of their parts
};

struct ScrollPage {
  std::vector<Item> items;  // without vectors unless asked for
  std::string next;         // cursor of the next page; empty: this was the last
};

// Items in another order than by id, those that pass a filter.
struct SortedRequest {
  Filter filter = {};
  // A field, spelt as in a filter. Numbers come first, then strings, false and true, other values; items without the
  // field come last, either way. Equal ones in the order of their adding. Of a list, the entry that comes first counts.
  // "@random", or "@random:SEED" with a whole number: in an order that chance chooses, the same for the same seed, in
  // which items that come or go leave the others as they are.
  std::string field;
  bool descending = false;
  std::string cursor = {};  // ScrollPage::next of the page before
  std::uint32_t limit = 100;
};

struct FacetRequest {
  std::vector<std::string> fields;  // 1 to kMaxFacetFields, spelt as in a filter
  Filter filter = {};               // counted are the items that pass
  std::uint32_t limit = 20;         // values of each field, up to kMaxFacetValues
};
inline constexpr std::size_t kMaxFacetFields = 100;
inline constexpr std::uint32_t kMaxFacetValues = 10'000;

// What a field holds, in the items that were asked for.
struct Facet {
  struct Value {
    std::string value;  // as JSON
    std::uint64_t items = 0;
  };
  std::string field;
  std::uint64_t items = 0;               // all that pass
  std::uint64_t without = 0;             // that do not have the field, or null
  std::uint64_t distinct = 0;            // values there are; an item with a list counts for each of its entries
  std::vector<Value> values;             // the most frequent, most frequent first
  std::optional<double> least, largest;  // of the numbers among them
};

// Which items are near each other.
struct NearRequest {
  std::uint32_t k = 10;       // nearest others of each item, 1 to kMaxNearNeighbors
  double min_similarity = 0;  // pairs below it are left out
  Filter filter = {};         // only items that pass, as of the start
  SearchDepth depth = {};
};
inline constexpr std::uint32_t kMaxNearNeighbors = 1000;

struct NearPairs {
  struct Pair {
    std::uint32_t a = 0, b = 0;  // places in `ids`, a < b
    float similarity = 0;
  };
  std::vector<std::string> ids;  // of the items that are in a pair, in rising order
  std::vector<Pair> pairs;       // each once, by a and b
  std::uint64_t items = 0;       // that were looked at
};

// The settings that a collection gets, made of what it is now. Called again where another process changed it meanwhile,
// so that no change is lost; it calls no backend itself. An error changes nothing and is the answer.
using EditSettings = std::function<Result<std::string>(const CollectionSpec& now)>;
// These, whatever they were.
[[nodiscard]] EditSettings settings_are(std::string settings);

// The name by which a collection is read in its other space.
[[nodiscard]] std::string other_space_name(std::string_view collection);

// Thread-safe: any call from any thread. Writes are durable when they return: they survive kill -9 and power loss.
// Unknown collections: not_found, on every call that names one (drop included).
class Backend {
 public:
  virtual ~Backend() = default;

  // already_exists when the name is taken; invalid_argument for a bad name, index or space.
  [[nodiscard]] virtual Result<void> create(const CollectionSpec& spec) = 0;
  [[nodiscard]] virtual Result<void> drop(std::string_view collection) = 0;
  [[nodiscard]] virtual Result<std::vector<CollectionInfo>> list() = 0;  // by name
  [[nodiscard]] virtual Result<CollectionInfo> describe(std::string_view collection) = 0;
  // The part of describe() that takes no look at what is stored: microseconds.
  [[nodiscard]] virtual Result<CollectionSpec> spec(std::string_view collection) = 0;
  // Changes the collection's settings object. invalid_argument: it would be none.
  [[nodiscard]] virtual Result<void> configure(std::string_view collection, const EditSettings& edit) = 0;
  // Bytes that the collection's owner keeps with it under a name, beside the settings; gone with it. Replaces what has
  // that name; no bytes: takes it away. invalid_argument beyond kMaxAttachmentBytes.
  [[nodiscard]] virtual Result<void> attach(std::string_view collection, std::string_view name,
                                            std::span<const std::byte> content) = 0;
  [[nodiscard]] virtual Result<std::optional<std::vector<std::byte>>> attachment(std::string_view collection,
                                                                                 std::string_view name) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> attachments(std::string_view collection) = 0;  // names
  // Builds the index anew, in the background, from the vectors as they are now: of the kind that is given ("auto" or a
  // factory string), which is the collection's from now on, or where it is empty, of the collection's. Searches go on
  // with the old index until the new one is there. invalid_argument: as in create.
  [[nodiscard]] virtual Result<void> reindex(std::string_view collection, std::string_view index) = 0;

  // Stores items in one transaction: one result an item, in order; a bad item (vector of other dimensions, non-finite
  // or, under cosine, zero; bad id; metadata no JSON object) fails alone. An id that is there is replaced, its parts
  // too. The outer error means that nothing of the batch was stored.
  [[nodiscard]] virtual Result<std::vector<Result<void>>> upsert(std::string_view collection,
                                                                 std::span<const Item> items) = 0;
  // Replaces uri, hash, size, time and metadata of items that are there, leaving their vectors. Unknown ids: not_found,
  // alone. One that says its version, and was stored anew since by another process, is left: that storing came later.
  [[nodiscard]] virtual Result<std::vector<Result<void>>> update(std::string_view collection,
                                                                 std::span<const Item> items) = 0;
  // Replaces the parts of items that are there, and nothing else of them: one result an item, in order. Only ids and
  // parts are looked at. Unknown ids: not_found, alone.
  [[nodiscard]] virtual Result<std::vector<Result<void>>> store_parts(std::string_view collection,
                                                                      std::span<const Item> items) = 0;
  // Item::parts, one entry an id, in order; empty where there is no such item.
  [[nodiscard]] virtual Result<std::vector<std::vector<Vector>>> parts(std::string_view collection,
                                                                       std::span<const std::string> ids) = 0;
  // Of all items.
  [[nodiscard]] virtual Result<void> drop_parts(std::string_view collection) = 0;
  // How many of the ids were there and are gone now.
  [[nodiscard]] virtual Result<std::uint64_t> erase(std::string_view collection, std::span<const std::string> ids) = 0;

  // One entry an id, in order; nullopt where there is no such item.
  [[nodiscard]] virtual Result<std::vector<std::optional<Item>>> get(std::string_view collection,
                                                                     std::span<const std::string> ids,
                                                                     bool with_vectors) = 0;
  // Items by id (bytewise), `limit` (1 to 10,000) at a time, starting after `cursor` ("" for the first page).
  [[nodiscard]] virtual Result<ScrollPage> scroll(std::string_view collection, std::string_view cursor,
                                                  std::uint32_t limit, bool with_vectors) = 0;
  // Items in the order of a field. invalid_argument: a bad field or cursor, a limit outside 1 to 10,000.
  [[nodiscard]] virtual Result<ScrollPage> sorted(std::string_view collection, const SortedRequest& request) = 0;
  // One a field, in order. invalid_argument: a bad field or limit.
  [[nodiscard]] virtual Result<std::vector<Facet>> facets(std::string_view collection, const FacetRequest& request) = 0;
  // How many items pass.
  [[nodiscard]] virtual Result<std::uint64_t> count(std::string_view collection, const Filter& filter) = 0;
  // Best first, ties by id; exactly min(k, live items that are not excluded and pass the filter).
  [[nodiscard]] virtual Result<std::vector<Hit>> search(std::string_view collection, const VectorQuery& query) = 0;
  // The same for many queries, one result each, which is faster than one after the other.
  [[nodiscard]] virtual Result<std::vector<Result<std::vector<Hit>>>> search(std::string_view collection,
                                                                             std::span<const VectorQuery> queries) = 0;

  // Each item's nearest others, of the whole collection: one pass over it, with 12 bytes of memory a pair. As exact as
  // the index is. `progress`, on the calling thread, gets items done and in all. unavailable: `stop` was asked for.
  // invalid_argument: a k out of bounds.
  [[nodiscard]] virtual Result<NearPairs> near_pairs(
      std::string_view collection, const NearRequest& request,
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress, std::stop_token stop) = 0;

  // How it works inside, for people; unsupported where that is not known here. A look at every item: seconds for
  // millions.
  [[nodiscard]] virtual Result<IndexView> inspect(std::string_view collection) = 0;
  // The same search, and what it did.
  [[nodiscard]] virtual Result<SearchWalk> walk(std::string_view collection, const VectorQuery& query) = 0;
  // request.label is left alone. invalid_argument: a request beyond its bounds.
  [[nodiscard]] virtual Result<CollectionMap> map(std::string_view collection, const MapRequest& request) = 0;

  // --- a second space beside the one that is searched, of the same items. Searches, lists and all that reads a
  // collection NAME reads it in its other space as other_space_name(NAME); nothing lists that name, and nothing can be
  // written by it. ---
  // Begins one, without vectors, in place of another one. invalid_argument: the collection's index does not fit it.
  [[nodiscard]] virtual Result<void> begin_space(std::string_view collection, const Space& space) = 0;
  [[nodiscard]] virtual Result<std::optional<OtherSpace>> other_space(std::string_view collection) = 0;
  // Items that have no vector there, by rising version (Item::version), those above `after`.
  [[nodiscard]] virtual Result<std::vector<Item>> pending(std::string_view collection, std::uint64_t after,
                                                          std::uint32_t limit) = 0;
  // Stores their vectors and parts there, of all that the collection has still in that version; how many these were.
  // unavailable: that space is not there any more.
  [[nodiscard]] virtual Result<std::uint64_t> store_pending(std::string_view collection,
                                                            std::span<const Item> items) = 0;
  // Builds its index, of the collection's kind, or brings it up to date.
  [[nodiscard]] virtual Result<void> build_space(std::string_view collection) = 0;
  // Makes it the space of the collection, with the settings that `edit` gives, and the one until then the other: at
  // once for every reader and in one transaction. Items that are pending go where `drop_pending` says so; how many.
  // unavailable: there are some, or there is no other space. The caller sees to it that nobody stores vectors made for
  // the old one.
  [[nodiscard]] virtual Result<std::uint64_t> switch_space(std::string_view collection, const EditSettings& edit,
                                                           bool drop_pending) = 0;
  [[nodiscard]] virtual Result<void> drop_space(std::string_view collection) = 0;

  // Writes what makes the next start fast (snapshots) and waits for background index builds. Nothing is lost without
  // it.
  [[nodiscard]] virtual Result<void> flush() = 0;
  // Writes a copy of the truth, as of one moment, into a folder that is there, while everything goes on; opened as this
  // backend's, the folder gives the same collections. unsupported where the truth is not on this machine.
  [[nodiscard]] virtual Result<void> backup(const std::filesystem::path& folder) = 0;
};

}  // namespace eidetic
