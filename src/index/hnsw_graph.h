// The graph of HNSW (Malkov and Yashunin, 2016) over byte codes: layers of links, each layer a sample of the one below.
// It knows rows and distances, and nothing of what is alive.
//
// Rows of equal codes would fill each other's lists of links, and those past their number be lost. So of equals only
// the first is linked like any row; each further one hangs in a chain behind it, by a link that is never chosen away.
//
// Thread rule: walk takes no lock and may run at any time, beside anything. insert may run on many threads at once, for
// different rows. reserve, links, save and load: one thread, while no insert runs. A walk beside an insert sees old
// links and new ones in any mix; each leads to a row that is complete.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"
#include "eidetic/vector_index.h"

#include "index/byte_codes.h"
#include "index/checked_file.h"
#include "index/row_space.h"

namespace eidetic {

class HnswGraph {
 public:
  static constexpr unsigned kMinLinks = 4;
  static constexpr unsigned kMaxLinks = 64;
  static constexpr unsigned kMinExpansion = 4;
  static constexpr unsigned kMaxExpansion = 4096;
  static constexpr unsigned kDefaultExpansion = 128;

  struct Near {
    float distance = 0;
    Row row = 0;
    friend bool operator<(const Near& a, const Near& b) noexcept {
      return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
    }
  };
  struct Limits {
    std::size_t ef = 0;      // rows kept
    std::size_t budget = 0;  // rows looked at before giving up
  };
  struct Walk {
    std::vector<Near> nearest;  // up to `ef` accepted rows, nearest first
    bool complete = false;      // false: the budget was spent before there were `ef`
  };
  using Accept = std::function<bool(Row)>;

  // A row has up to `links` links in each layer, and twice as many in the lowest; they are chosen among the
  // `expansion` nearest rows that are found.
  HnswGraph(std::size_t padded, Metric metric, unsigned links, unsigned expansion);
  HnswGraph(const HnswGraph&) = delete;
  HnswGraph& operator=(const HnswGraph&) = delete;
  ~HnswGraph();

  [[nodiscard]] Result<void> reserve(Row row);
  // `row` is reserved, and not in the graph.
  void insert(Row row, std::span<const float> rotated);
  // `see`, where given, is called for each row that is compared with the query: the row, the one it was reached from
  // (of the first itself), and the layer.
  using See = std::function<void(const Near& near, Row from, unsigned layer)>;
  [[nodiscard]] Walk walk(std::span<const float> rotated, const Limits& limits, const Accept& accept,
                          const See& see = {}) const;

  // By layer, the lowest first, of the rows below `end`: how many, and links in all.
  struct LayerSize {
    std::uint64_t rows = 0;
    std::uint64_t links = 0;
  };
  [[nodiscard]] std::vector<LayerSize> layers(Row end, const std::function<bool(Row)>& present) const;
  // The rows of a layer and those above it, and their links there.
  [[nodiscard]] std::vector<IndexAnatomy::Node> nodes(unsigned lowest, Row end,
                                                      const std::function<bool(Row)>& present) const;

  [[nodiscard]] std::uint64_t memory_bytes(Row end) const noexcept;
  // All links, of rows below `end`: entry row, its level; then for each row its level and, layer by layer from the
  // lowest, number of links and links; at last the next row of equal codes. Rows that are not in the graph have level 0
  // and no links.
  [[nodiscard]] std::vector<std::uint32_t> links(Row end) const;
  void save(CheckedWriter& out, Row end, std::span<const std::uint32_t> links) const;
  // False: not what save writes, whoever wrote it; the graph is good for nothing then.
  [[nodiscard]] Result<bool> load(CheckedReader& in, Row end, const std::function<bool(Row)>& present,
                                  ThreadPool* pool);

 private:
  using Link =
      std::atomic<std::uint32_t>;  // a list is a count, followed by that many rows; one spare word in the lowest
  struct Entry {
    Row row = 0;
    unsigned level = 0;
  };
  struct Scratch;
  class Lease;

  [[nodiscard]] std::uint8_t* code(Row row) const noexcept { return codes_.at(row); }
  [[nodiscard]] Link* list(Row row, unsigned level) const noexcept;
  [[nodiscard]] std::size_t capacity(unsigned level) const noexcept { return level == 0 ? 2 * links_ : links_; }
  // The next row of equal codes, plus 1; 0: none.
  [[nodiscard]] Link& equal_after(Row row) const noexcept { return lowest_.at(row)[1 + capacity(0)]; }
  [[nodiscard]] unsigned draw_level(Row row) const noexcept;
  // No entry: false.
  [[nodiscard]] bool entry(Entry& entry) const noexcept;

  [[nodiscard]] Near descend(const ByteQuery& query, const Entry& entry, unsigned level,
                             const See* see = nullptr) const;
  // The nearest rows of one layer into scratch.found, in heap order. False: the budget was spent.
  bool beam(const ByteQuery& query, const Near& start, unsigned level, const Limits& limits, const Accept* accept,
            Scratch& scratch, const See* see = nullptr) const;
  void collect_unseen(Row row, unsigned level, Scratch& scratch) const;
  // Keeps those of `candidates`, nearest first, that are nearer to the row than to any one kept before.
  void choose(std::vector<Near>& candidates, std::size_t count, Scratch& scratch) const;
  // Hangs the row behind one of `found` that has its codes; false: there is none.
  bool chain(Row row, std::span<const Near> found);
  void link(Row row, unsigned level, std::span<const Near> neighbors, Scratch& scratch);
  void add_link(Row from, const Near& to, unsigned level, Scratch& scratch);
  [[nodiscard]] Result<bool> load_row(CheckedReader& in, Row row, const std::function<bool(Row)>& present);
  [[nodiscard]] bool links_are_sound(Row first, Row last, Row end, const std::function<bool(Row)>& present) const;

  const std::size_t padded_;
  const Metric metric_;
  const unsigned links_;
  const unsigned expansion_;
  RowArray<std::uint8_t> codes_;
  RowArray<Link> lowest_;
  RowArray<Link> upper_;              // lists of layers 1 and up
  RowArray<std::uint32_t> upper_of_;  // where a row's lists in upper_ begin, one a layer
  RowArray<std::uint8_t> levels_;
  std::uint32_t upper_end_ = 0;
  std::atomic<std::uint64_t> entry_ = 0;  // level << 32 | row, plus 1; 0: the graph is empty
  std::mutex entry_mutex_;
  std::array<std::mutex, 1024> list_mutexes_;  // by row: one writer a list
  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> scratch_;  // kept from walk to walk
};

}  // namespace eidetic
