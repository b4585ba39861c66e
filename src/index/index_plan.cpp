#include "index/index_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "index/hnsw_graph.h"
#include "index/vector_store.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kMinCells = 2;
constexpr std::uint32_t kMaxCells = 1U << 18;
constexpr std::uint32_t kMaxSegments = 4096;
constexpr std::uint32_t kMinBits = 4;
constexpr std::uint32_t kMaxBits = 16;
// What learning may cost: half the vectors a centroid that FAISS takes at most, a quarter of those for code words.
constexpr std::uint64_t kMostRowsEach = 128;
constexpr std::uint64_t kMostProjectionRows = 65'536;
constexpr std::uint64_t kMostQuantiserRows = 16'384;

const std::vector<std::string> kStructures = {"Flat", "HNSW16", "HNSW32", "IVF100", "PQ8", "SQ8"};
const std::vector<std::string> kCodes = {"Flat", "SQ8", "PQ8", "PQ16"};

class Parser {
 public:
  explicit Parser(std::string_view factory) : factory_(factory) {}

  Result<IndexPlan> run() {
    IndexPlan plan;
    std::string_view part = next();
    if (part.starts_with("PCA") || part.starts_with("OPQ")) {
      EIDETIC_CHECK(projection(part, plan));
      if (done_) {
        return refuse(fmt::format("'{}' is a projection, and wants an index behind it, like '{},Flat'", part, part));
      }
      part = next();
    }
    EIDETIC_CHECK(structure(part, plan));
    if (!done_) return refuse(fmt::format("nothing can follow '{}', but '{}' does", part, rest_));
    return plan;
  }

 private:
  std::string_view next() {
    const auto comma = rest_.find(',');
    const std::string_view part = rest_.substr(0, comma);
    done_ = comma == std::string_view::npos;
    rest_ = done_ ? std::string_view() : rest_.substr(comma + 1);
    return part;
  }

  [[nodiscard]] std::unexpected<Error> refuse(const std::string& why) const {
    return fail(ErrorCode::invalid_argument, fmt::format("index '{}': {}", factory_, why));
  }

  Result<std::uint32_t> number(std::string_view part, std::string_view text, std::string_view what, std::uint32_t least,
                               std::uint32_t most, std::string_view example) const {
    std::uint32_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || rest != text.data() + text.size()) {
      return refuse(fmt::format("'{}' is no {}: {} to {} are possible, as in '{}'", text, what, least, most, example));
    }
    if (value < least || value > most) {
      return refuse(fmt::format("{} {} in '{}': {} to {} are possible, the nearest is {}", what, value, part, least,
                                most, std::clamp(value, least, most)));
    }
    return value;
  }

  Result<void> projection(std::string_view part, IndexPlan& plan) const {
    const std::string_view numbers = part.substr(3);
    if (part.starts_with("PCA")) {
      plan.projection = IndexPlan::Projection::pca;
      EIDETIC_TRY(plan.projected,
                  number(part, numbers, "number of dimensions", 1, VectorStore::kMaxDimensions, "PCA64,Flat"));
      return {};
    }
    plan.projection = IndexPlan::Projection::opq;
    const auto underscore = numbers.find('_');
    EIDETIC_TRY(plan.opq_segments,
                number(part, numbers.substr(0, underscore), "number of segments", 1, kMaxSegments, "OPQ8,PQ8"));
    if (underscore == std::string_view::npos) return {};
    EIDETIC_TRY(plan.projected, number(part, numbers.substr(underscore + 1), "number of dimensions", 1,
                                       VectorStore::kMaxDimensions, "OPQ8_64,PQ8"));
    if (plan.projected % plan.opq_segments != 0) return refuse(not_divisible(part, plan.projected, plan.opq_segments));
    return {};
  }

  Result<void> structure(std::string_view part, IndexPlan& plan) {
    if (part.starts_with("HNSW")) return graph(part, plan);
    plan.cells = 1;
    if (!part.starts_with("IVF")) return code(part, kStructures, plan);
    plan.structure = IndexPlan::Structure::cells;
    EIDETIC_TRY(plan.cells, number(part, part.substr(3), "number of cells", kMinCells, kMaxCells, "IVF100,Flat"));
    if (done_)
      return refuse(fmt::format("'{}' wants to know how vectors are kept: '{},Flat', '{},SQ8' or '{},PQ8'", part, part,
                                part, part));
    return code(next(), kCodes, plan);
  }

  Result<void> graph(std::string_view part, IndexPlan& plan) const {
    plan.structure = IndexPlan::Structure::graph;
    const std::string_view numbers = part.substr(4);
    const auto colon = numbers.find(':');
    EIDETIC_TRY(plan.links, number(part, numbers.substr(0, colon), "number of links", HnswGraph::kMinLinks,
                                   HnswGraph::kMaxLinks, "HNSW16"));
    plan.expansion = HnswGraph::kDefaultExpansion;
    if (colon == std::string_view::npos) return {};
    EIDETIC_TRY(plan.expansion, number(part, numbers.substr(colon + 1), "expansion", HnswGraph::kMinExpansion,
                                       HnswGraph::kMaxExpansion, "HNSW16:200"));
    return {};
  }

  Result<void> code(std::string_view part, const std::vector<std::string>& known, IndexPlan& plan) const {
    if (part == "Flat") {
      // Reduced vectors are scanned as bytes; only where nothing is reduced is there something exact to keep.
      if (plan.structure == IndexPlan::Structure::flat && plan.projection == IndexPlan::Projection::none) {
        plan.cells = 0;
        return {};
      }
      plan.structure = IndexPlan::Structure::cells;
      return {};
    }
    plan.structure = IndexPlan::Structure::cells;
    if (part == "SQ8") {
      plan.code = IndexPlan::Code::bytes;
      return {};
    }
    if (!part.starts_with("PQ")) {
      return refuse(
          fmt::format("'{}' is not known{}; there are {}", part, did_you_mean(part, known),
                      plan.cells > 1 || known.size() == kCodes.size()
                          ? "Flat, SQ8, PQ<segments> and PQ<segments>x<bits>"
                          : "Flat, HNSW<links>, IVF<cells>,…, PQ<segments> and SQ8, each with PCA<dimensions>, "
                            "or OPQ<segments>, in front if wanted"));
    }
    plan.code = IndexPlan::Code::product;
    const std::string_view numbers = part.substr(2);
    const auto times = numbers.find('x');
    EIDETIC_TRY(plan.segments, number(part, numbers.substr(0, times), "number of segments", 1, kMaxSegments, "PQ8"));
    if (times == std::string_view::npos) return {};
    EIDETIC_TRY(plan.bits, number(part, numbers.substr(times + 1), "number of bits", kMinBits, kMaxBits, "PQ8x4"));
    return {};
  }

 public:
  static std::string not_divisible(std::string_view part, std::uint32_t dimensions, std::uint32_t segments) {
    std::uint32_t nearest = 1;
    for (std::uint32_t i = 1; i <= std::min(dimensions, kMaxSegments); ++i) {
      const auto apart = [segments](std::uint32_t value) {
        return std::abs(static_cast<int>(value) - static_cast<int>(segments));
      };
      if (dimensions % i == 0 && apart(i) <= apart(nearest)) nearest = i;
    }
    return fmt::format("{} dimensions do not divide into the {} segments of '{}', the nearest number is {}", dimensions,
                       segments, part, nearest);
  }

 private:
  std::string_view factory_;
  std::string_view rest_ = factory_;
  bool done_ = false;
};

}  // namespace

std::string IndexPlan::to_string() const {
  std::string text;
  if (projection == Projection::pca) text = fmt::format("PCA{},", projected);
  if (projection == Projection::opq) {
    text = projected != 0 ? fmt::format("OPQ{}_{},", opq_segments, projected) : fmt::format("OPQ{},", opq_segments);
  }
  if (structure == Structure::flat) return text + "Flat";
  if (structure == Structure::graph) {
    text += fmt::format("HNSW{}", links);
    return expansion == HnswGraph::kDefaultExpansion ? text : text + fmt::format(":{}", expansion);
  }
  if (cells > 1) text += fmt::format("IVF{},", cells);
  if (code == Code::flat) return text + "Flat";
  if (code == Code::bytes) return text + "SQ8";
  text += fmt::format("PQ{}", segments);
  return bits == 8 ? text : text + fmt::format("x{}", bits);
}

std::uint64_t IndexPlan::least_rows() const noexcept {
  std::uint64_t least = projection == Projection::none ? 0 : 2;
  if (projection == Projection::opq) least = std::uint64_t{1} << 8;
  if (cells > 1) least = std::max<std::uint64_t>(least, cells);
  if (code == Code::product) least = std::max(least, std::uint64_t{1} << bits);
  return least;
}

std::uint64_t IndexPlan::most_rows() const noexcept {
  std::uint64_t most = projection == Projection::none ? 0 : kMostProjectionRows;
  if (cells > 1) most = std::max(most, kMostRowsEach * cells);
  if (code == Code::product) most = std::max(most, quantiser_rows());
  return most;
}

std::uint64_t IndexPlan::quantiser_rows() const noexcept {
  constexpr std::uint64_t kLeastEach = 8;
  return std::max(kMostQuantiserRows, kLeastEach << bits);
}

Result<IndexPlan> parse_index_plan(std::string_view factory) { return Parser(factory).run(); }

Result<IndexPlan> plan_index(std::string_view factory, std::uint32_t dimensions) {
  EIDETIC_TRY(IndexPlan plan, parse_index_plan(factory));
  if (plan.projected >= dimensions && plan.projection == IndexPlan::Projection::pca) {
    // Keeping all dimensions is no reduction.
    const std::string_view rest = factory.substr(factory.find(',') + 1);
    EIDETIC_TRY(plan, parse_index_plan(rest));
  }
  if (plan.projected > dimensions) {
    return fail(ErrorCode::invalid_argument, fmt::format("index '{}': OPQ to {} dimensions, but the vectors have {}",
                                                         factory, plan.projected, dimensions));
  }
  const std::uint32_t inner = plan.inner_dimensions(dimensions);
  for (const std::uint32_t segments : {plan.opq_segments, plan.segments}) {
    if (segments == 0 || inner % segments == 0) continue;
    std::string part = fmt::format("{}PQ{}", segments == plan.segments ? "" : "O", segments);
    if (segments == plan.segments && plan.bits != 8) part += fmt::format("x{}", plan.bits);
    return fail(ErrorCode::invalid_argument,
                fmt::format("index '{}': {}", factory, Parser::not_divisible(part, inner, segments)));
  }
  return plan;
}

}  // namespace eidetic
