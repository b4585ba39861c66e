// A bounded queue of work with threads of its own. Searches, writes and long work have a lane each, so that none of
// them waits for another's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace eidetic {

// Thread-safe.
class Lane {
 public:
  using Work = std::move_only_function<void()>;

  // `niceness` above 0: the threads give way to others (setpriority(2)).
  Lane(std::string name, unsigned threads, std::size_t capacity, int niceness = 0);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() { close(); }

  // False: the queue is full or closed, and `work` is dropped.
  [[nodiscard]] bool post(Work work);
  // Runs what waits, and ends. Not to be called from its own work.
  void close();
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  void run(int niceness);

  const std::string name_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace eidetic
