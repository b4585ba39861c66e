// Ctrl-C and SIGTERM as a stop token, for commands that end cleanly when asked to.
#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <string_view>
#include <thread>

namespace eidetic {

// Lives while such a command runs; made before the engine, whose threads must not take the signals themselves. The
// first signal asks to stop, a second one ends the process at once. Signals that the parent process had set to be
// ignored stay ignored.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
  // The signal that came; 0: none.
  [[nodiscard]] int signal() const noexcept { return signal_; }
  // The exit status of a run that a signal has stopped, which has told what becomes of its work.
  [[nodiscard]] int told(std::string_view what) const;

 private:
  void wait();

  sigset_t watched_ = {};
  sigset_t before_ = {};
  std::stop_source stop_;
  std::atomic<int> signal_ = 0;
  std::atomic<bool> ending_ = false;
  std::thread waiter_;
};

}  // namespace eidetic
