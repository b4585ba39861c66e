// How long the stages of the way from a path to a stored vector work.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace eidetic {

enum class Stage { list, check, read, decode, augment, preprocess, inference, classify, search, verify, commit };
inline constexpr std::size_t kStages = 11;
inline constexpr std::array<std::string_view, kStages> kStageNames = {
    "list", "check", "read", "decode", "augment", "preprocess", "inference", "classify", "search", "verify", "commit"};

// Seconds and items of each stage. One a thread, added up at the end.
class StageTimes {
 public:
  struct Counter {
    std::uint64_t items = 0;
    double seconds = 0;
  };

  void add(Stage stage, double seconds, std::uint64_t items = 1) noexcept {
    auto& counter = counters_[static_cast<std::size_t>(stage)];
    counter.items += items;
    counter.seconds += seconds;
  }
  void add(const StageTimes& other) noexcept {
    for (std::size_t i = 0; i < kStages; ++i) {
      add(static_cast<Stage>(i), other.counters_[i].seconds, other.counters_[i].items);
    }
  }
  [[nodiscard]] const Counter& operator[](Stage stage) const noexcept {
    return counters_[static_cast<std::size_t>(stage)];
  }

 private:
  std::array<Counter, kStages> counters_;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const noexcept {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace eidetic
