#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <memory>

namespace eidetic {

ThreadPool::ThreadPool(unsigned threads) {
  const unsigned count = threads == 0 ? available_cores() : threads;
  threads_.reserve(count);
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::future<void> ThreadPool::post(std::function<void()> job) {
  std::packaged_task<void()> task(std::move(job));
  auto done = task.get_future();
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(task));
  }
  wake_.notify_one();
  return done;
}

void ThreadPool::run() {
  while (true) {
    std::packaged_task<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void ThreadPool::parallel_for(std::size_t count, const std::function<void(std::size_t)>& work) {
  // Shared with helper jobs that may start only after this call has returned: they find nothing left and touch no
  // `work`.
  struct Shared {
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> done = 0;
    std::mutex mutex;
    std::condition_variable finished;
  };
  const auto shared = std::make_shared<Shared>();
  const auto drain = [shared, count, &work] {
    std::size_t finished = 0;
    for (std::size_t i = shared->next++; i < count; i = shared->next++) {
      work(i);
      ++finished;
    }
    if (finished > 0 && shared->done.fetch_add(finished) + finished == count) {
      const std::scoped_lock lock(shared->mutex);
      shared->finished.notify_all();
    }
  };
  const std::size_t helpers = count > 1 ? std::min<std::size_t>(size(), count - 1) : 0;
  for (std::size_t i = 0; i < helpers; ++i) post(drain);
  drain();
  std::unique_lock lock(shared->mutex);
  shared->finished.wait(lock, [&] { return shared->done == count; });
}

unsigned available_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace eidetic
