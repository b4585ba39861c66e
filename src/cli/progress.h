// A progress bar with count, rate and time left, on standard error and only when that is a terminal. Any thread, one at
// a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eidetic {

struct ProgressState {
  std::uint64_t total = 0;  // 0: not known yet
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  double seconds = 0;
};

// "indexing [####----]  512/2048  25%  940 images/s  0:02 left", at most `width` columns wide.
[[nodiscard]] std::string progress_line(std::string_view action, std::string_view unit, const ProgressState& state,
                                        std::size_t width, bool utf8);

class Progress {
 public:
  Progress(std::string action, std::string unit);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Takes the bar off the terminal, so that what follows begins on a clean line.
  ~Progress();

  // Draws at most ten times a second.
  void update(const ProgressState& state);

 private:
  std::string action_;
  std::string unit_;
  std::size_t width_ = 0;  // of the terminal; 0: draw nothing
  std::size_t drawn_ = 0;  // columns on the terminal now
  std::optional<std::chrono::steady_clock::time_point> last_;
};

}  // namespace eidetic
