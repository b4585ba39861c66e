// The jobs of one owner on a pool that it shares with others. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/threads.h"

namespace eidetic {

class Jobs {
 public:
  // `pool` must outlive this.
  explicit Jobs(ThreadPool& pool);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs() { close(); }

  void post(std::function<void()> job);
  // Waits for the job that runs, drops those that have not begun and all later ones. Not to be called from a job.
  void close();
  // True from close() on; long jobs look at it and end early.
  [[nodiscard]] const std::atomic<bool>& closing() const noexcept;

 private:
  struct State;
  struct Ending;
  ThreadPool& pool_;
  std::shared_ptr<State> state_;  // also held by jobs that wait in the pool when this is gone
};

}  // namespace eidetic
