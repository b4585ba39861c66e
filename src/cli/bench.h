// What the measuring commands share.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace CLI {
class App;
}

namespace eidetic {

struct Session;

void add_bench_pipeline(CLI::App& bench, Session& session);
void add_bench_embed(CLI::App& bench, Session& session);
void add_bench_index(CLI::App& bench, Session& session);

// Seconds that work() takes.
template <typename Work>
[[nodiscard]] double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The middle one of `values`, the upper of two; 0 where there is none.
[[nodiscard]] inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace eidetic
