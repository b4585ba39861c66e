// The thread tools that everything parallel is built from. Work is spread by the engine's pool; the few
// threads beside it (stages of a pipeline, a wait for signals) live for one call.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace eidetic {

// A bounded queue between threads. push waits while it is full, pop while it is empty; close ends both.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // False: the queue is closed and `value` is dropped.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return closed_ || values_.size() < capacity_; });
    if (closed_) return false;
    values_.push_back(std::move(value));
    not_empty_.notify_one();
    return true;
  }
  // nullopt: the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return closed_ || !values_.empty(); });
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    not_full_.notify_one();
    return value;
  }
  // Nothing more comes in; what is there can still be taken.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    not_full_.notify_all();
    not_empty_.notify_all();
  }

 private:
  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_;
  std::condition_variable not_empty_;
  std::deque<T> values_;
  bool closed_ = false;
};

// A fixed number of threads that run jobs in the order of their posting. The destructor runs what was posted, then
// joins.
class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);  // 0: one a core
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(threads_.size()); }

  // Runs `job` on a thread of the pool. A job must not wait for jobs posted after it.
  std::future<void> post(std::function<void()> job);

  // Runs work(i) for every i below count, on the pool and on the calling thread, and returns when all are done. The
  // calling thread works too, so this makes progress even when the pool is busy, and may be called from a job.
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// One thread for each core this process may run on; at least 1.
[[nodiscard]] unsigned available_cores() noexcept;

}  // namespace eidetic
