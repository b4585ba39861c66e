#include "backend/jobs.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace eidetic {

struct Jobs::State {
  std::mutex mutex;
  std::condition_variable idle;
  unsigned running = 0;
  std::atomic<bool> closing = false;
};

// Counts a job out however it ends.
struct Jobs::Ending {
  State& state;
  ~Ending() {
    const std::scoped_lock lock(state.mutex);
    --state.running;
    state.idle.notify_all();
  }
};

Jobs::Jobs(ThreadPool& pool) : pool_(pool), state_(std::make_shared<State>()) {}

void Jobs::post(std::function<void()> job) {
  pool_.post([state = state_, job = std::move(job)] {
    {
      const std::scoped_lock lock(state->mutex);
      if (state->closing) return;
      ++state->running;
    }
    const Ending ending{*state};
    job();
  });
}

void Jobs::close() {
  std::unique_lock lock(state_->mutex);
  state_->closing = true;
  state_->idle.wait(lock, [this] { return state_->running == 0; });
}

const std::atomic<bool>& Jobs::closing() const noexcept { return state_->closing; }

}  // namespace eidetic
