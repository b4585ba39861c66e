// A search structure over vectors. Derived and disposable: the catalog holds the truth, an index can always be rebuilt.
//
// Full-precision vectors live once, in a VectorStore, by row; an index over a store keeps only what it searches with
// (int8 codes, a graph) and computes every score it returns again from the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/row_set.h"
#include "eidetic/space.h"

namespace eidetic {

class ThreadPool;
class VectorStore;

struct Neighbor {
  Row row = 0;
  double similarity = 0;  // see Metric; from full precision
  double distance = 0;
};

// How deep a search goes, of 0s as deep as the index does by default. Each counts for the kinds it is said of.
struct SearchDepth {
  std::uint32_t ef = 0;       // HNSW: candidates kept during the walk, up to kMaxEf
  std::uint32_t nprobe = 0;   // IVF: cells visited, up to kMaxNprobe; more where they hold fewer than k
  std::uint32_t rescore = 0;  // codes: candidates scored again from full precision, up to kMaxEf
  friend bool operator==(const SearchDepth&, const SearchDepth&) = default;
};

// What a search did, for people who want to see how an index works. Distances and similarities are those of Neighbor,
// estimated from codes.
struct SearchTrace {
  // A row of a graph that was compared with the query, coming from another; the first of all from itself.
  struct Step {
    Row row = 0;
    Row from = 0;
    std::uint32_t layer = 0;  // 0: the lowest, which holds all rows
    double similarity = 0;
  };
  // A cell that was looked through.
  struct Visit {
    std::uint32_t cell = 0;
    double distance = 0;     // of its centroid from the query, in the space that is searched (see Projection)
    std::uint64_t rows = 0;  // in it, dead ones too
  };
  // A row that was scored again from full precision. The best of them are what the search found.
  struct Candidate {
    Row row = 0;
    double estimate = 0;  // similarity by codes
    double similarity = 0;
  };
  std::vector<Step> steps;            // in the order of the walk
  std::vector<Visit> visits;          // in the order of their visit
  std::vector<Candidate> candidates;  // best estimate first
  bool scanned = false;  // all rows that could be found were scored in full: they are few, or a walk found too little
};

struct SearchParams {
  std::uint32_t k = 10;  // 1 to kMaxK
  // HNSW: candidates kept during the walk, up to kMaxEf, of no fewer than there are rows all are scored; 0: the index's
  // default
  std::uint32_t ef = 0;
  std::uint32_t nprobe = 0;      // IVF: cells visited; 0: the index's default
  std::uint32_t rescore = 0;     // candidates scored again from full precision; 0: the index's default
  SearchTrace* trace = nullptr;  // where set, filled; for one query at a time
  // Where set, nothing else is found. Where these are few, each is scored in full, whatever the kind of the index.
  const RowSet* among = nullptr;
  std::span<const Row> without = {};  // in rising order; not found
};
inline constexpr std::uint32_t kMaxK = 10'000;
inline constexpr std::uint32_t kMaxEf = 100'000;
inline constexpr std::uint32_t kMaxNprobe = 1U << 18;

// How an index came by what it searches by: projection, centroids, code words.
struct TrainingReport {
  std::uint64_t rows = 0;         // that there were to learn from; 0: nothing was learnt
  std::uint64_t sampled = 0;      // those of them that were looked at
  double explained_variance = 1;  // the share that a PCA or OPQ keeps, on the sample; see Projection
  double seconds = 0;
};

struct IndexStats {
  std::string kind;                // factory string of what it is: "Flat", "HNSW16"
  std::uint64_t rows = 0;          // live rows
  std::uint64_t removed = 0;       // rows removed but still taking room
  Row end = 0;                     // one above the highest row added: what add() goes on from after load_index
  std::uint64_t memory_bytes = 0;  // resident, beside the store's full-precision file
  TrainingReport training = {};
};

// How an index is built up, as of one moment.
struct IndexAnatomy {
  struct Cell {
    std::uint64_t rows = 0;    // live ones
    double mean_distance = 0;  // of them from the centroid, in the space that is searched
    double radius = 0;         // the largest of these
    Vector centroid;           // in the space that is searched
  };
  struct Layer {
    std::uint64_t rows = 0;
    double mean_links = 0;  // a row
  };
  struct Node {
    struct Link {
      Row to = 0;
      std::uint32_t layer = 0;
    };
    Row row = 0;
    std::uint32_t layer = 0;  // the highest that it is in; it is in all below too
    std::vector<Link> links;
  };
  std::string kind;
  std::uint32_t dimensions = 0;             // of the space that is searched
  std::vector<Cell> cells = {};             // of an index with cells
  std::vector<std::uint32_t> cell_of = {};  // of an index with cells: by row; kNoCell where a row is not there
  std::vector<Layer> layers = {};           // of a graph, the lowest first
  std::vector<Node> nodes = {};             // of a graph's highest layers, as many as have at most 2,000 rows
};
inline constexpr std::uint32_t kNoCell = UINT32_MAX;

// Thread rule: train comes before all else. Then search, stats and save may run at any time from any thread; add and
// remove are called by one thread at a time (they may run beside searches).
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;

  // Learns what this kind of index searches by from these live rows of the store, all or a sample of them; kinds that
  // learn nothing do nothing. Once, before the first add. invalid_argument: fewer than least_training_rows.
  [[nodiscard]] virtual Result<void> train(std::span<const Row> rows) = 0;
  // Indexes rows that are in the store, in rising order: a row not above all added before it is an invalid_argument,
  // and nothing of the call is added.
  [[nodiscard]] virtual Result<void> add(std::span<const Row> rows) = 0;
  // Takes rows out; they never come back from a search. Unknown rows are passed over.
  virtual void remove(std::span<const Row> rows) = 0;
  // The nearest live rows, best first, equal similarities by row; exactly min(k, live rows that may be found) of them.
  // `query`: as many floats as the store has dimensions. Zero (under cosine) or non-finite: invalid_argument.
  [[nodiscard]] virtual Result<std::vector<Neighbor>> search(std::span<const float> query,
                                                             const SearchParams& params) const = 0;
  // The same for many queries, one result each: faster than one after the other, as they share what is read of the
  // index, and all threads of the pool.
  [[nodiscard]] virtual std::vector<Result<std::vector<Neighbor>>> search(
      std::span<const std::span<const float>> queries, const SearchParams& params) const = 0;
  // Writes a checksummed snapshot: temporary file, fsync, rename.
  [[nodiscard]] virtual Result<void> save(const std::filesystem::path& file) const = 0;
  [[nodiscard]] virtual IndexStats stats() const = 0;
  // Takes a look at every row: seconds for millions.
  [[nodiscard]] virtual IndexAnatomy anatomy() const = 0;
};

struct IndexOptions {
  // Where one is given, its threads take in rows that are added a hundred or more at a time, answer many queries at
  // once, and share one exact search that takes milliseconds. It must outlive the index. Calls from a job of the same
  // pool are fine.
  ThreadPool* pool = nullptr;
  // Where set and true, training gives up, with an unavailable.
  const std::atomic<bool>* stop = nullptr;
};

// Factory strings, spelt as FAISS does:
//   Flat                exact: recall 1
//   HNSW<M>[:<E>]       a graph of M links a row (4 to 64), chosen among E rows (4 to 4,096, by default 128)
//   IVF<n>,<code>       n cells, of which a search visits some; n up to 262,144
//   <code>              Flat; SQ8, 7 bits a component; PQ<m>[x<bits>], a product code of m segments of 4 to 16 bits
//   each,
//                       by default 8
//   PCA<d>,… OPQ<m>,…   what is searched in is projected to d dimensions, or turned for a product code of m segments
//   OPQ<m>_<d>,…        both
// Whatever the index keeps, scores are computed from full precision.
//
// The string as IndexStats::kind spells it. Anything else: invalid_argument naming the part and the nearest that is
// understood.
[[nodiscard]] Result<std::string> check_factory(std::string_view factory);
// The same for vectors of so many dimensions. A PCA that would keep all of them falls away. invalid_argument:
// dimensions that do not divide into the segments; unsupported: too many for a projection.
[[nodiscard]] Result<std::string> check_factory(std::string_view factory, std::uint32_t dimensions);
// The fewest vectors that such an index can be learnt from; 0: it learns nothing. Errors as check_factory.
[[nodiscard]] Result<std::uint64_t> least_training_rows(std::string_view factory);

// An empty index over `store`, to be trained and then filled with add(). Errors as check_factory.
[[nodiscard]] Result<std::unique_ptr<VectorIndex>> make_index(std::string_view factory,
                                                              std::shared_ptr<const VectorStore> store,
                                                              const IndexOptions& options = {});
// A snapshot written by save(), over the store it was made from. Rows that died since are removed; live rows from
// stats().end on are to be added. Damaged, truncated, of another format version, or not of this store: corrupt (the
// caller rebuilds); hostile files included.
[[nodiscard]] Result<std::unique_ptr<VectorIndex>> load_index(const std::filesystem::path& file,
                                                              std::shared_ptr<const VectorStore> store,
                                                              const IndexOptions& options = {});

}  // namespace eidetic
