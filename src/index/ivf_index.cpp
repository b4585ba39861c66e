#include "index/ivf_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/threads.h"
#include "index/kmeans.h"
#include "index/snapshot.h"
#include "index/training.h"
#include "index/vector_math.h"
#include "index/wanted_rows.h"

namespace eidetic {
namespace {

constexpr std::size_t kPortionRows = 1024;  // added between two moments in which a snapshot can be taken
constexpr unsigned kCellIterations = 10;
constexpr unsigned kQuantiserIterations = 10;
// Defaults: a few more cells than the nearest, and enough candidates to make up for what codes blur.
constexpr std::size_t kDefaultProbes = 8;
constexpr std::size_t kDefaultProbeShare = 32;
constexpr std::size_t kProductDepth = 10;  // times k
constexpr std::size_t kLeastProductDepth = 100;
constexpr std::size_t kByteDepth = 2;
constexpr std::size_t kLeastByteDepth = 16;
// Reading one row's vector takes as long as scanning the codes of so many.
constexpr double kFew = 1.0 / 16;

std::unique_ptr<RowCodes> codes_of(const IndexPlan& plan, std::uint32_t dimensions, Metric metric) {
  if (plan.code == IndexPlan::Code::product) {
    return std::make_unique<ProductCodes>(dimensions, plan.segments, plan.bits,
                                          metric == Metric::dot ? Metric::dot : Metric::euclidean);
  }
  if (plan.code == IndexPlan::Code::bytes) return std::make_unique<ByteRowCodes>(dimensions, metric);
  return std::make_unique<FlatCodes>(dimensions, metric);
}

// At most `count` of the rows, evenly spread.
Matrix every_nth(Matrix vectors, std::uint64_t count) {
  if (vectors.rows() <= count) return vectors;
  Matrix few(count, vectors.columns());
  for (std::size_t i = 0; i < count; ++i) std::ranges::copy(vectors[i * vectors.rows() / count], few[i].begin());
  return few;
}

}  // namespace

IvfIndex::IvfIndex(const IndexPlan& plan, Projection projection, std::shared_ptr<const VectorStore> store,
                   const IndexOptions& options)
    : plan_(plan),
      store_(std::move(store)),
      options_(options),
      projection_(std::move(projection)),
      codes_(codes_of(plan, projection_.dimensions(), projection_.metric())),
      lists_(plan.cells) {}

Result<std::unique_ptr<IvfIndex>> IvfIndex::make(const IndexPlan& plan, std::shared_ptr<const VectorStore> store,
                                                 const IndexOptions& options) {
  EIDETIC_TRY(Projection projection, Projection::of(plan, store->dimensions(), store->metric()));
  return std::unique_ptr<IvfIndex>(new IvfIndex(plan, std::move(projection), std::move(store), options));
}

// --- training ---

Matrix IvfIndex::bases(std::span<const std::uint32_t> cells) const {
  if (!residual()) return {};
  Matrix bases(cells.size(), centroids_.columns());
  for (std::size_t i = 0; i < cells.size(); ++i) std::ranges::copy(centroids_[cells[i]], bases[i].begin());
  return bases;
}

Result<void> IvfIndex::train(std::span<const Row> rows) {
  if (!plan_.needs_training()) return {};
  Training training(plan_, rows);
  EIDETIC_TRY(Matrix sample, training.sample(*store_));
  EIDETIC_CHECK(projection_.train(sample, options_));
  if (!projection_.identity()) sample = projection_.apply(sample);

  std::vector<std::uint32_t> cells(sample.rows());
  if (plan_.cells > 1) {
    centroids_ =
        kmeans(sample, plan_.cells, {.iterations = kCellIterations, .pool = options_.pool, .stop = options_.stop});
    half_squares_ = half_squares(centroids_);
    cells = assign(sample, centroids_, options_.pool);
  }
  if (plan_.code == IndexPlan::Code::product) {
    const Matrix base = bases(cells);
    for (std::size_t i = 0; i < base.values().size(); ++i) sample.values()[i] -= base.values()[i];
    sample = every_nth(std::move(sample), plan_.quantiser_rows());
    static_cast<ProductCodes&>(*codes_).quantizer().train(sample, kQuantiserIterations, false, options_);
  }
  EIDETIC_TRY(training_, training.report(projection_, options_));
  return {};
}

// --- adding ---

Result<void> IvfIndex::add(std::span<const Row> rows) {
  EIDETIC_CHECK(states_.check_new(rows, *store_));
  EIDETIC_CHECK(check_trained(plan_, training_));
  while (!rows.empty()) {
    const auto portion = rows.first(std::min(kPortionRows, rows.size()));
    rows = rows.subspan(portion.size());
    EIDETIC_CHECK(add_portion(portion));
  }
  return {};
}

Result<void> IvfIndex::add_portion(std::span<const Row> rows) {
  Matrix vectors = store_->gathered(rows);
  if (!projection_.identity()) vectors = projection_.apply(vectors);
  std::vector<std::uint32_t> cells(rows.size());
  if (plan_.cells > 1) {
    cells = assign(vectors, centroids_, options_.pool);
  }
  const std::scoped_lock lock(write_mutex_);
  std::vector<Slot> slots;
  slots.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EIDETIC_CHECK(states_.reserve(rows[i]));
    EIDETIC_TRY(const Slot slot,
                lists_.append(cells[i], rows[i], [this](Block block) { return codes_->reserve(block); }));
    slots.push_back(slot);
  }
  codes_->encode(slots, vectors, bases(cells), options_.pool);
  for (const Row row : rows) states_.publish(row);
  return {};
}

// --- searching ---

// The cells, the most promising first. Few of many are visited, so they are not sorted: a heap gives one after another.
class IvfIndex::Order {
 public:
  Order(const IvfIndex& index, std::span<const float> query) : products_(index.plan_.cells), cells_(products_.size()) {
    std::iota(cells_.begin(), cells_.end(), 0U);
    if (cells_.size() <= 1) return;
    eidetic::products({query, query.size()}, index.centroids_, products_);
    scores_ = products_;
    const bool by_product = index.projection_.metric() == Metric::dot;
    for (std::size_t i = 0; i < scores_.size() && !by_product; ++i) scores_[i] -= index.half_squares_[i];
    std::ranges::make_heap(cells_, Later{scores_});
  }

  [[nodiscard]] bool empty() const noexcept { return cells_.empty(); }
  std::uint32_t next() {
    if (cells_.size() > 1) std::ranges::pop_heap(cells_, Later{scores_});
    const std::uint32_t cell = cells_.back();
    cells_.pop_back();
    return cell;
  }
  // Of a cell's centroid with the query.
  [[nodiscard]] float product(std::uint32_t cell) const noexcept { return products_[cell]; }

 private:
  struct Later {
    const std::vector<float>& scores;
    bool operator()(std::uint32_t a, std::uint32_t b) const noexcept {
      return scores[a] != scores[b] ? scores[a] < scores[b] : a > b;
    }
  };

  std::vector<float> products_;
  std::vector<float> scores_;
  std::vector<std::uint32_t> cells_;
};

std::size_t IvfIndex::depth(const SearchParams& params) const noexcept {
  if (exact()) return params.k;
  if (params.rescore != 0) return std::max(params.k, params.rescore);
  const std::size_t k = params.k;
  if (plan_.code == IndexPlan::Code::product || !projection_.identity()) {
    return std::max(kProductDepth * k, kLeastProductDepth);
  }
  return std::max(kByteDepth * k, kLeastByteDepth);
}

// Where only a share of the rows is wanted, as many of these lie in so many times the cells.
std::size_t IvfIndex::probes(const SearchParams& params, double share) const noexcept {
  const std::size_t usual =
      params.nprobe != 0 ? params.nprobe : std::max<std::size_t>(kDefaultProbes, plan_.cells / kDefaultProbeShare);
  const double all = static_cast<double>(usual) / std::max(share, 1e-9);
  return static_cast<std::size_t>(std::min(all, static_cast<double>(plan_.cells)));
}

Result<std::vector<Neighbor>> IvfIndex::search(std::span<const float> query, const SearchParams& params) const {
  EIDETIC_CHECK(check_params(params));
  EIDETIC_TRY(const ExactScore score, ExactScore::of(query, *store_));
  if (states_.end() == 0) return std::vector<Neighbor>{};
  // Of rows that come in from now on, codes may be read half written: they are not wanted yet.
  const WantedRows wanted(params, states_);
  const std::size_t probes = this->probes(params, wanted.share());
  const double visited = static_cast<double>(probes) / plan_.cells;
  if (wanted.share() <= kFew * visited) return wanted.nearest(score, params);
  std::vector<float> projected(projection_.dimensions());
  projection_.apply(score.prepared(), projected);
  Order order(*this, projected);
  const double square = params.trace != nullptr ? dot_product(projected, projected) : 0;
  Candidates candidates(depth(params), [&](Slot slot) {
    const auto row = lists_.row(slot);
    return row && wanted.contains(*row) ? row : std::nullopt;
  });
  const auto scan = codes_->scan(projected);
  for (std::size_t i = 0; !order.empty() && (i < probes || candidates.taken() < params.k); ++i) {
    const std::uint32_t cell = order.next();
    scan->enter(residual() ? order.product(cell) : 0);
    if (params.trace != nullptr && plan_.cells > 1) {
      const double to_cell = square - 2 * static_cast<double>(order.product(cell) - half_squares_[cell]);
      params.trace->visits.push_back(
          {.cell = cell, .distance = std::sqrt(std::max(0.0, to_cell)), .rows = lists_.size(cell)});
    }
    lists_.runs(cell, [&](Block first, Block count) { scan->run(first, count, candidates); });
  }
  const std::vector<Candidate> best = candidates.best();
  for (std::size_t i = 0; i < best.size() && params.trace != nullptr; ++i) {
    params.trace->candidates.push_back({.row = best[i].row,
                                        .estimate = score.similarity(outer_score(best[i].upper, square)),
                                        .similarity = score.similarity(score(best[i].row).score)});
  }
  return rescore(score, best, params.k, exact());
}

double IvfIndex::outer_score(float scan, double square) const noexcept {
  const double distance = square - 2 * static_cast<double>(scan);  // squared, where the scan's scores stand for one
  if (store_->metric() == Metric::euclidean) return -distance;
  const bool of_distances = projection_.metric() == Metric::euclidean || plan_.code == IndexPlan::Code::product;
  return store_->metric() == Metric::cosine && of_distances ? 1 - distance / 2 : static_cast<double>(scan);
}

// --- state ---

IndexAnatomy IvfIndex::anatomy() const {
  IndexAnatomy anatomy = {.kind = plan_.to_string(), .dimensions = projection_.dimensions()};
  if (plan_.cells <= 1 || centroids_.rows() == 0) return anatomy;
  anatomy.cells.resize(plan_.cells);
  anatomy.cell_of.assign(states_.end(), kNoCell);
  std::vector<float> vector(projection_.dimensions());
  for (std::uint32_t cell = 0; cell < plan_.cells; ++cell) {
    IndexAnatomy::Cell& said = anatomy.cells[cell];
    said.centroid.assign(centroids_[cell].begin(), centroids_[cell].end());
    lists_.runs(cell, [&](Block first, Block count) {
      for (auto slot = static_cast<Slot>(first * kBlockRows); slot < (first + count) * kBlockRows; ++slot) {
        const auto row = lists_.row(slot);
        if (!row || *row >= anatomy.cell_of.size() || !states_.live(*row)) continue;
        projection_.apply(store_->vector(*row), vector);
        const double distance = std::sqrt(squared_distance(vector, said.centroid));
        anatomy.cell_of[*row] = cell;
        said.mean_distance += (distance - said.mean_distance) / static_cast<double>(++said.rows);
        said.radius = std::max(said.radius, distance);
      }
    });
  }
  return anatomy;
}

IndexStats IvfIndex::stats() const {
  const std::scoped_lock lock(write_mutex_);
  return {.kind = plan_.to_string(),
          .rows = states_.live_count(),
          .removed = states_.removed_count(),
          .end = states_.end(),
          .memory_bytes = codes_->memory_bytes(lists_.blocks()) + lists_.memory_bytes() + states_.end() +
                          centroids_.values().size_bytes(),
          .training = training_};
}

Result<void> IvfIndex::save(const std::filesystem::path& file) const {
  const std::scoped_lock lock(write_mutex_);
  const Row end = states_.end();
  return write_snapshot(file, kSnapshot, *store_, end, [&](CheckedWriter& out) {
    write_plan(out, plan_, training_);
    projection_.save(out);
    out.bytes(std::as_bytes(centroids_.values()));
    if (plan_.code == IndexPlan::Code::product) static_cast<ProductCodes&>(*codes_).quantizer().save(out);
    states_.save(out, end);
    for (std::size_t cell = 0; cell < lists_.cells(); ++cell) {
      out.value(std::uint64_t{lists_.size(cell)});
      lists_.runs(cell, [&](Block first, Block count) {
        for (Block block = first; block < first + count; ++block) {
          for (Slot lane = 0; lane < kBlockRows; ++lane) {
            const auto row = lists_.row(block * static_cast<Slot>(kBlockRows) + lane);
            out.value(row.value_or(0));
          }
          codes_->save(out, block);
        }
      });
    }
  });
}

Result<std::unique_ptr<VectorIndex>> IvfIndex::load(CheckedReader& in, Row end,
                                                    std::shared_ptr<const VectorStore> store,
                                                    const IndexOptions& options) {
  const auto refuse = [] { return fail(ErrorCode::corrupt, "does not hold what it says"); };
  TrainingReport training;
  const auto plan = read_plan(in, *store, IndexPlan::Structure::cells, training);
  if (!plan) return refuse();
  EIDETIC_TRY(auto index, make(*plan, std::move(store), options));
  index->training_ = training;
  EIDETIC_TRY(const bool good, index->read(in, end));
  if (!good) return refuse();
  return index;
}

Result<bool> IvfIndex::read(CheckedReader& in, Row end) {
  if (!projection_.load(in)) return false;
  if (plan_.cells > 1) {
    centroids_ = Matrix(plan_.cells, projection_.dimensions());
    if (!in.read(centroids_.values()) || !all_finite(centroids_.values())) return false;
    half_squares_ = half_squares(centroids_);
  }
  if (plan_.code == IndexPlan::Code::product && !static_cast<ProductCodes&>(*codes_).quantizer().load(in)) return false;
  EIDETIC_TRY(const bool states, states_.load(in, end));
  if (!states) return false;
  std::vector<bool> placed(end);
  for (std::size_t cell = 0; cell < lists_.cells(); ++cell) {
    const auto size = in.value<std::uint64_t>();
    for (std::uint64_t first = 0; first < size; first += kBlockRows) {
      std::array<Row, kBlockRows> rows{};
      if (!in.read(std::span<Row>(rows))) return false;
      Block block = 0;
      for (const Row row : std::span(rows).first(std::min<std::uint64_t>(kBlockRows, size - first))) {
        if (row >= end || placed[row] || !states_.present(row)) return false;
        placed[row] = true;
        EIDETIC_TRY(const Slot slot, lists_.append(cell, row, [this](Block made) { return codes_->reserve(made); }));
        block = slot / static_cast<Slot>(kBlockRows);
      }
      if (!codes_->load(in, block)) return false;
    }
  }
  for (Row row = 0; row < end; ++row) {
    if (states_.present(row) && !placed[row]) return false;
  }
  return in.complete();
}

}  // namespace eidetic
