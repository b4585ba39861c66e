// Long loops over rows or blocks, on all threads where there is a pool.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "base/threads.h"

namespace eidetic {

// part(first, end) for every `portion` of 0 to count, until one gives false; then false.
template <typename Part>
bool in_portions(std::size_t count, std::size_t portion, ThreadPool* pool, const Part& part) {
  std::atomic<bool> good = true;
  const std::size_t portions = (count + portion - 1) / portion;
  const auto run = [&](std::size_t i) {
    if (good && !part(i * portion, std::min(count, (i + 1) * portion))) good = false;
  };
  if (pool != nullptr && portions > 1) {
    pool->parallel_for(portions, run);
  } else {
    for (std::size_t i = 0; i < portions && good; ++i) run(i);
  }
  return good;
}

}  // namespace eidetic
