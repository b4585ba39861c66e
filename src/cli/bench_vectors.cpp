#include "cli/bench_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "base/npy.h"
#include "cli/bench.h"
#include "index/exact_score.h"
#include "index/test_vectors.h"

namespace eidetic {
namespace {

constexpr std::uint64_t kQueries = 1000;
constexpr std::uint64_t kQueryShare = 10;  // held out by default: at most one in so many
constexpr std::uint64_t kMostQueries = 1'000'000;
constexpr std::size_t kCenters = 1000;  // of generated vectors
constexpr std::size_t kPortionRows = 1000;
constexpr std::uint32_t kPage = 10'000;

// What comes in, in order, goes into the store or among the queries.
class Divider {
 public:
  // `queries`: of a file; else as many are held out as `source` says of `total`.
  static Result<Divider> make(const BenchSource& source, std::uint64_t total, std::uint32_t dimensions, Metric metric,
                              std::optional<NpyArray> queries, const std::filesystem::path& file) {
    Divider divider;
    std::uint64_t held = 0;
    if (!queries) {
      held = source.held.value_or(std::clamp<std::uint64_t>(total / kQueryShare, 1, kQueries));
      if (held > total || (held == total && !source.members)) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} vectors to search with are held out, and there are only {}", held, total));
      }
    }
    divider.held_ = HeldOut(held, total);
    divider.keeps_ = source.members;
    divider.queries_ = Matrix(queries ? queries->shape[0] : held, dimensions);
    if (queries) std::ranges::copy(queries->values, divider.queries_.values().begin());
    EIDETIC_TRY(divider.store_, VectorStore::create(file, dimensions, metric));
    return divider;
  }

  Result<void> take(std::span<const float> vector) {
    const std::uint64_t row = taken_++;
    const bool asks = held_(row);
    if (asks) std::ranges::copy(vector, queries_[next_query_++].begin());
    if (asks && !keeps_) return {};
    const auto stored = store_->append(row, vector);
    if (stored && asks) members_.push_back(*stored);
    if (stored) return {};
    return fail(stored.error().code, fmt::format("row {}: {}", row, stored.error().message));
  }

  // Filled, closed, and opened as the next start of a program would.
  Result<BenchVectors> finish(const std::filesystem::path& file) && {
    EIDETIC_CHECK(store_->sync(1));
    const auto dimensions = store_->dimensions();
    const auto metric = store_->metric();
    store_.reset();
    Result<std::unique_ptr<VectorStore>> opened;
    BenchVectors vectors;
    vectors.open_seconds = seconds_of([&] { opened = VectorStore::open(file, dimensions, metric); });
    EIDETIC_TRY(vectors.store, std::move(opened));
    vectors.queries = std::move(queries_);
    vectors.members = std::move(members_);
    for (std::size_t i = 0; i < vectors.queries.rows(); ++i) {
      if (const auto score = ExactScore::of(vectors.queries[i], *vectors.store); !score) {
        return fail(score.error().code, fmt::format("query {}: {}", i, score.error().message));
      }
    }
    return vectors;
  }

 private:
  Divider() = default;

  std::unique_ptr<VectorStore> store_;
  Matrix queries_;
  std::vector<Row> members_;
  HeldOut held_ = {0, 1};
  bool keeps_ = false;
  std::uint64_t taken_ = 0;
  std::size_t next_query_ = 0;
};

Result<NpyArray> read_matrix(const std::filesystem::path& file) {
  EIDETIC_TRY(NpyArray array, read_npy(file));
  if (array.shape.size() == 2 && !array.values.empty() && array.shape[1] <= VectorStore::kMaxDimensions) return array;
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' holds no matrix of vectors of 1 to {} dimensions",
                                                       file.native(), VectorStore::kMaxDimensions));
}

Result<std::optional<NpyArray>> read_queries(const BenchSource& source, std::uint32_t dimensions) {
  if (source.queries.empty()) return std::nullopt;
  EIDETIC_TRY(NpyArray array, read_matrix(source.queries));
  if (array.shape[1] != dimensions) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' holds vectors of {} dimensions, but those to search in have {}",
                            source.queries.native(), array.shape[1], dimensions));
  }
  if (array.shape[0] > kMostQueries) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' holds {} vectors; {} can be searched with",
                                                         source.queries.native(), array.shape[0], kMostQueries));
  }
  return array;
}

Result<BenchVectors> of_file(const BenchSource& source, const std::filesystem::path& file) {
  EIDETIC_TRY(const NpyArray array, read_matrix(source.vectors));
  const auto dimensions = static_cast<std::uint32_t>(array.shape[1]);
  EIDETIC_TRY(auto queries, read_queries(source, dimensions));
  EIDETIC_TRY(Divider divider, Divider::make(source, array.shape[0], dimensions, source.metric.value_or(Metric::cosine),
                                             std::move(queries), file));
  for (std::size_t row = 0; row < array.shape[0]; ++row) {
    EIDETIC_CHECK(divider.take(std::span(array.values).subspan(row * dimensions, dimensions)));
  }
  return std::move(divider).finish(file);
}

Result<BenchVectors> of_collection(const Globals& globals, const BenchSource& source,
                                   const std::filesystem::path& file) {
  EIDETIC_TRY(const auto engine, open_engine(globals));
  EIDETIC_TRY(const CollectionInfo info, engine->describe(source.collection));
  if (info.items == 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("collection '{}' is empty", source.collection));
  }
  const Space& space = info.spec.space;
  EIDETIC_TRY(auto queries, read_queries(source, space.dimensions));
  EIDETIC_TRY(Divider divider,
              Divider::make(source, info.items, space.dimensions, space.metric, std::move(queries), file));
  std::string cursor;
  do {
    EIDETIC_TRY(ScrollPage page,
                engine->list(source.collection, {.cursor = cursor, .limit = kPage, .with_vectors = true}));
    for (const Item& item : page.items) EIDETIC_CHECK(divider.take(item.vector));
    cursor = std::move(page.next);
  } while (!cursor.empty());
  return std::move(divider).finish(file);
}

// Around centres, with noise as wide as the centres are apart. A portion at a time, so that what is measured is the
// store and not its source; the queries are no rows of it, so none is held out.
Result<BenchVectors> of_generator(const BenchSource& source, const std::filesystem::path& file) {
  const auto [rows, dimensions] = *source.generated;
  const TestVectors centers = random_vectors(kCenters, dimensions, 1);
  const auto around = [&](std::span<float> vector, std::size_t center) {
    for (std::size_t j = 0; j < dimensions; ++j) vector[j] += centers[center][j];
  };
  EIDETIC_TRY(auto queries, read_queries(source, dimensions));
  if (!queries && !source.members) {
    const std::uint64_t count = source.held.value_or(kQueries);
    TestVectors made = random_vectors(count, dimensions, 0);
    queries.emplace(NpyArray{.shape = {count, dimensions}, .values = {}});
    for (std::size_t i = 0; i < count; ++i) {
      around(made[i], i % kCenters);
      queries->values.insert(queries->values.end(), made[i].begin(), made[i].end());
    }
  }
  EIDETIC_TRY(Divider divider, Divider::make(source, rows, dimensions, source.metric.value_or(Metric::cosine),
                                             std::move(queries), file));
  std::mt19937_64 random(2);
  for (std::size_t first = 0; first < rows; first += kPortionRows) {
    TestVectors portion = random_vectors(std::min<std::size_t>(kPortionRows, rows - first), dimensions, first + 3);
    for (std::size_t i = 0; i < portion.size(); ++i) {
      around(portion[i], random() % kCenters);
      EIDETIC_CHECK(divider.take(std::as_const(portion)[i]));
    }
  }
  return std::move(divider).finish(file);
}

}  // namespace

Result<VectorShape> parse_shape(std::string_view text) {
  VectorShape shape;
  const char* const end = text.data() + text.size();
  const auto [times, error] = std::from_chars(text.data(), end, shape.rows);
  if (error == std::errc{} && times != end && *times == 'x') {
    const auto [rest, wrong] = std::from_chars(times + 1, end, shape.dimensions);
    if (wrong == std::errc{} && rest == end && shape.rows > 0 && shape.rows < std::uint64_t{1} << 32 &&
        shape.dimensions > 0 && shape.dimensions <= VectorStore::kMaxDimensions) {
      return shape;
    }
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no number of vectors and dimensions, like 100000x512", text));
}

Result<BenchVectors> take_vectors(const Globals& globals, const BenchSource& source,
                                  const std::filesystem::path& folder) {
  const int sources =
      (source.collection.empty() ? 0 : 1) + (source.vectors.empty() ? 0 : 1) + (source.generated ? 1 : 0);
  if (sources != 1) {
    return fail(ErrorCode::invalid_argument,
                "bench index measures one of three: -c NAME, --vectors FILE.npy or --generate ROWSxDIMENSIONS");
  }
  if (!source.queries.empty() && (source.held || source.members)) {
    return fail(ErrorCode::invalid_argument, "--queries goes with neither --query-count nor --members");
  }
  if (!source.collection.empty() && source.metric) {
    return fail(ErrorCode::invalid_argument, "--metric is for vectors of a file: a collection has its own");
  }
  const std::filesystem::path file = folder / "vectors";
  if (source.generated) return of_generator(source, file);
  return source.vectors.empty() ? of_collection(globals, source, file) : of_file(source, file);
}

}  // namespace eidetic
