#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "cli/terminal.h"

namespace eidetic {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr std::size_t kWidestBar = 30;

std::string duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string bar(double share, std::size_t width, bool utf8) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string text = "[";
  for (std::size_t place = 0; place < width; ++place) {
    text += place < filled ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-");
  }
  return text + "]";
}

}  // namespace

std::string progress_line(std::string_view action, std::string_view unit, const ProgressState& state, std::size_t width,
                          bool utf8) {
  const double rate = state.seconds > 0 ? static_cast<double>(state.done) / state.seconds : 0;
  std::string facts;
  double share = 0;
  if (state.total > 0) {
    share = std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total));
    facts = fmt::format("{:>{}}/{}  {:3.0f}%", state.done, std::to_string(state.total).size(), state.total,
                        std::floor(share * 100));
  } else {
    facts = fmt::format("{}", state.done);
  }
  facts += fmt::format("  {:.0f} {}/s", rate, unit);
  if (state.total > 0 && rate > 0 && state.done < state.total) {
    facts += fmt::format("  {} left", duration(static_cast<double>(state.total - state.done) / rate));
  }
  if (state.failed > 0) facts += fmt::format("  {} failed", state.failed);

  const std::size_t without_bar = action.size() + 2 + facts.size();
  std::string line(action);
  if (state.total > 0 && without_bar + 8 <= width) {
    line += ' ' + bar(share, std::min(kWidestBar, width - without_bar - 3), utf8);
  }
  return shorten(line + ' ' + facts, width, Cut::tail, ".");
}

Progress::Progress(std::string action, std::string unit)
    : action_(std::move(action)), unit_(std::move(unit)), width_(terminal_width(STDERR_FILENO)) {}

void Progress::update(const ProgressState& state) {
  if (width_ == 0) return;
  const auto now = std::chrono::steady_clock::now();
  const bool ended = state.total > 0 && state.done == state.total;
  if (last_ && now - *last_ < kInterval && !ended) return;
  last_ = now;
  // The last column stays free: a terminal that wraps would leave pieces of the bar behind.
  const std::string line = progress_line(action_, unit_, state, width_ - 1, locale_is_utf8());
  fmt::print(stderr, "\r{}", pad(line, drawn_));
  std::fflush(stderr);
  drawn_ = display_width(line);
}

Progress::~Progress() {
  if (drawn_ == 0) return;
  fmt::print(stderr, "\r{}\r", std::string(drawn_, ' '));
  std::fflush(stderr);
}

}  // namespace eidetic
