#include "eidetic/space.h"

#include <fmt/format.h>

namespace eidetic {

std::string_view to_string(Metric metric) noexcept {
  switch (metric) {
    case Metric::cosine: return "cosine";
    case Metric::dot: return "dot";
    case Metric::euclidean: return "euclidean";
  }
  return "cosine";
}

Result<Metric> parse_metric(std::string_view name) {
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean}) {
    if (name == to_string(metric)) return metric;
  }
  return fail(ErrorCode::invalid_argument, fmt::format("no metric '{}': choose cosine, dot or euclidean", name));
}

std::string_view to_string(Precision precision) noexcept { return precision == Precision::bf16 ? "bf16" : "f32"; }

bool Space::matches(const Space& other) const noexcept {
  return hash == other.hash && dimensions == other.dimensions && metric == other.metric && precision == other.precision;
}

std::string Space::describe() const {
  if (model.empty()) return fmt::format("bare vectors ({} dimensions, {})", dimensions, to_string(metric));
  return fmt::format("{} ({} dimensions, {}, {}, {})", model, dimensions, to_string(metric), to_string(precision),
                     hash.substr(0, 12));
}

}  // namespace eidetic
