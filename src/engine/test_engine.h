// For tests of the whole engine: results that have to be there, and waiting for what goes on in the background.
#pragma once

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "eidetic/engine.h"

#include "base/file.h"
#include "engine/test_pictures.h"

namespace eidetic {

template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}
inline void need(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

// Whether it comes true, some time: only a test that fails waits for long.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  constexpr auto kLongest = std::chrono::seconds(60);
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

inline std::vector<std::byte> picture_bytes(unsigned seed) {
  const auto ppm = draw_ppm(seed);
  const auto bytes = as_bytes(ppm);
  return {bytes.begin(), bytes.end()};
}

// The job as it is when it has ended.
inline JobInfo ended(Engine& engine, const std::string& id) {
  JobInfo info;
  const bool over = eventually([&] {
    info = need(engine.job(id));
    return info.state != JobState::queued && info.state != JobState::running;
  });
  if (!over) throw std::runtime_error("the job does not end");
  return info;
}

}  // namespace eidetic
