// Milliseconds that one search by picture takes in a process that is warm: reading, decoding, inference, neighbours.
//   search_bench DATA COLLECTION PICTURE…
// Prints a JSON object: the median and the 99th percentile over the pictures, each searched once, and its threads.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "eidetic/engine.h"

int main(int count, char** arguments) {
  using namespace eidetic;
  if (count < 4) return fmt::print(stderr, "usage: search_bench DATA COLLECTION PICTURE…\n"), 2;
  const auto engine = Engine::open({.data_dir = arguments[1]});
  if (!engine) return fmt::print(stderr, "search_bench: {}\n", engine.error().message), 1;
  std::vector<double> times;
  constexpr int kWarmUp = 3;
  for (int i = -kWarmUp; i < count - 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto found = (*engine)->search(arguments[2], {.terms = {{.value = arguments[3 + std::max(i, 0)]}}});
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    if (!found) return fmt::print(stderr, "search_bench: {}\n", found.error().message), 1;
    if (i >= 0) times.push_back(taken.count());
  }
  std::ranges::sort(times);
  fmt::print("{{\"searches\": {}, \"search_ms_median\": {:.3f}, \"search_ms_p99\": {:.3f}}}\n", times.size(),
             times[times.size() / 2], times[times.size() * 99 / 100]);
}
