#include "server/lane.h"

#include <sys/resource.h>

#include <utility>

namespace eidetic {

Lane::Lane(std::string name, unsigned threads, std::size_t capacity, int niceness)
    : name_(std::move(name)), capacity_(capacity) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, niceness] { run(niceness); });
}

void Lane::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool Lane::post(Work work) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

std::size_t Lane::waiting() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

void Lane::run(int niceness) {
  // Of this thread alone on Linux; without it everything works, only less smoothly.
  if (niceness > 0) (void)::setpriority(PRIO_PROCESS, 0, niceness);
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace eidetic
