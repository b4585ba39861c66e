#include "learn/mutual_information.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace eidetic {
namespace {

using Sizes = std::vector<std::uint64_t>;

Sizes sizes_of(std::span<const std::uint32_t> groups) {
  Sizes sizes(groups.empty() ? 0 : std::ranges::max(groups) + 1);
  for (const std::uint32_t group : groups) ++sizes[group];
  return sizes;
}

double entropy(const Sizes& sizes, double items) {
  double sum = 0;
  for (const std::uint64_t size : sizes) {
    if (size > 0) sum -= static_cast<double>(size) / items * std::log(static_cast<double>(size) / items);
  }
  return sum;
}

// Logarithms of the factorials of 0 to `most`.
std::vector<double> log_factorials(std::uint64_t most) {
  std::vector<double> logs(most + 1);
  for (std::uint64_t i = 2; i <= most; ++i) logs[i] = logs[i - 1] + std::log(static_cast<double>(i));
  return logs;
}

// Sizes, and how many groups have each: groups of one size expect the same.
std::map<std::uint64_t, double> counted(const Sizes& sizes) {
  std::map<std::uint64_t, double> counts;
  for (const std::uint64_t size : sizes) {
    if (size > 0) ++counts[size];
  }
  return counts;
}

// Of groups of these sizes, filled by chance: the overlap of two is distributed hypergeometrically.
double expected_information(const Sizes& a, const Sizes& b, std::uint64_t items) {
  const auto logs = log_factorials(items);
  const auto all = static_cast<double>(items);
  double expected = 0;
  for (const auto& [size_a, times_a] : counted(a)) {
    for (const auto& [size_b, times_b] : counted(b)) {
      const std::uint64_t least = size_a + size_b > items ? size_a + size_b - items : 1;
      for (std::uint64_t both = std::max<std::uint64_t>(1, least); both <= std::min(size_a, size_b); ++both) {
        const double chance = logs[size_a] + logs[size_b] + logs[items - size_a] + logs[items - size_b] - logs[items] -
                              logs[both] - logs[size_a - both] - logs[size_b - both] -
                              logs[items - size_a - size_b + both];
        const auto shared = static_cast<double>(both);
        const double information =
            shared / all * std::log(all * shared / (static_cast<double>(size_a) * static_cast<double>(size_b)));
        expected += times_a * times_b * information * std::exp(chance);
      }
    }
  }
  return expected;
}

}  // namespace

MutualInformation mutual_information(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  const Sizes sizes_a = sizes_of(a);
  const Sizes sizes_b = sizes_of(b);
  if (counted(sizes_a).empty()) return {};
  const auto groups = [](const Sizes& sizes) {
    return std::ranges::count_if(sizes, [](auto size) { return size > 0; });
  };
  if (groups(sizes_a) == 1 && groups(sizes_b) == 1) return {.normalized = 1, .adjusted = 1};
  const auto items = static_cast<double>(a.size());
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> overlaps;
  for (std::size_t i = 0; i < a.size(); ++i) ++overlaps[{a[i], b[i]}];
  double information = 0;
  for (const auto& [pair, overlap] : overlaps) {
    const auto shared = static_cast<double>(overlap);
    information += shared / items *
                   std::log(items * shared /
                            (static_cast<double>(sizes_a[pair.first]) * static_cast<double>(sizes_b[pair.second])));
  }
  information = std::max(0.0, information);
  const double mean = (entropy(sizes_a, items) + entropy(sizes_b, items)) / 2;
  const double expected = expected_information(sizes_a, sizes_b, a.size());
  // Where both groupings are of single items, chance gives all there is.
  const double room = mean - expected;
  return {.normalized = information / mean, .adjusted = std::abs(room) < 1e-12 ? 1 : (information - expected) / room};
}

}  // namespace eidetic
