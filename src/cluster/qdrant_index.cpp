#include "cluster/qdrant_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::array<std::uint32_t, 5> kSegmentLengths = {1, 2, 4, 8, 16};

struct Parts {
  std::string_view graph, code;  // "" where there is none
};

Parts parts_of(std::string_view index) {
  if (!index.starts_with("HNSW")) return {.graph = {}, .code = index};
  const auto comma = std::min(index.find(','), index.size());
  return {.graph = index.substr(0, comma), .code = index.substr(std::min(comma + 1, index.size()))};
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Of "PQ<m>", where Qdrant has such a code; 0: it has not.
std::uint32_t segment_length(std::string_view code, std::uint32_t dimensions) {
  const auto segments = code.starts_with("PQ") ? number_of(code.substr(2)) : std::nullopt;
  if (!segments || *segments == 0 || dimensions % *segments != 0) return 0;
  const auto length = dimensions / *segments;
  return std::ranges::find(kSegmentLengths, length) == kSegmentLengths.end() ? 0 : length;
}

std::unexpected<Error> refuse(std::string_view index, std::uint32_t dimensions) {
  std::string codes = "SQ8";
  for (const auto length : kSegmentLengths) {
    if (dimensions % length == 0) codes += fmt::format(", PQ{}", dimensions / length);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("index '{}': Qdrant has no equivalent of it; for {} dimensions there are auto, Flat, "
                          "HNSW<links> and HNSW<links>:<expansion>, and alone or after these and a comma {}",
                          index, dimensions, codes));
}

}  // namespace

Result<std::string> check_qdrant_index(std::string_view index, const Space& space) {
  if (index == "auto") return std::string(index);
  const auto [graph, code] = parts_of(index);
  std::string made;
  if (!graph.empty()) {
    EIDETIC_TRY(made, check_factory(graph));
    if (code.empty() && graph.size() == index.size()) return made;
    made += ',';
  }
  EIDETIC_TRY(const std::string checked, check_factory(code));
  if (checked == "Flat") return graph.empty() ? checked : made.substr(0, made.size() - 1);
  if (checked != "SQ8" && segment_length(checked, space.dimensions) == 0) return refuse(index, space.dimensions);
  return made + checked;
}

Json qdrant_vector_params(std::string_view index, const Space& space) {
  Json made = Json::object();
  if (index == "auto") return made;
  const auto [graph, code] = parts_of(index);
  Json& hnsw = made["hnsw_config"] = {{"m", 0}};
  if (!graph.empty()) {
    const auto numbers = split(graph.substr(4), ':');
    hnsw["m"] = number_of(numbers[0]).value_or(16);
    hnsw["ef_construct"] = numbers.size() > 1 ? number_of(numbers[1]).value_or(128) : 128;
  }
  if (code == "SQ8") made["quantization_config"] = {{"scalar", {{"type", "int8"}, {"always_ram", true}}}};
  if (const auto length = segment_length(code, space.dimensions); length != 0) {
    // A byte for so many floats.
    made["quantization_config"] = {
        {"product", {{"compression", fmt::format("x{}", length * sizeof(float))}, {"always_ram", true}}}};
  }
  return made;
}

Json qdrant_search_params(std::string_view index, const SearchDepth& depth, std::uint32_t k) {
  if (index == "Flat") return {{"exact", true}};
  Json made = Json::object();
  if (depth.ef > 0) made["hnsw_ef"] = depth.ef;
  if (const auto code = parts_of(index).code; code.starts_with("SQ") || code.starts_with("PQ")) {
    constexpr double kDefaultOversampling = 3;
    const double factor = static_cast<double>(depth.rescore) / static_cast<double>(k);
    made["quantization"] = {{"rescore", true},
                            {"oversampling", depth.rescore == 0 ? kDefaultOversampling : std::max(1.0, factor)}};
  }
  return made;
}

std::string_view qdrant_distance(Metric metric) noexcept {
  switch (metric) {
    case Metric::cosine: return "Cosine";
    case Metric::dot: return "Dot";
    case Metric::euclidean: return "Euclid";
  }
  return "";
}

}  // namespace eidetic
