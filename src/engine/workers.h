// The worker side of indexing: reads pictures, tells the unchanged ones by their hash, embeds the others.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/threads.h"
#include "engine/pictures.h"
#include "engine/plan.h"
#include "engine/stages.h"

namespace eidetic {

// What became of one task.
struct IndexOutcome {
  std::string uri;
  // With a vector: to be stored; without: the same picture as stored, its facts to be updated. Its metadata is open.
  Result<Item> item;
  SaidMetadata said;
};

// Runs tasks on threads of its own from construction on. `tasks`, `embedder` and `regions` must outlive it. The
// destructor stops the threads after the pictures they have in hand.
class IndexWorkers {
 public:
  IndexWorkers(const std::vector<IndexTask>& tasks, const PictureEmbedder& embedder, std::span<const Crop> regions,
               unsigned threads, std::size_t queue_capacity, std::stop_token stop);
  IndexWorkers(const IndexWorkers&) = delete;
  IndexWorkers& operator=(const IndexWorkers&) = delete;
  ~IndexWorkers();

  // The next finished task, in no particular order; nullopt when all are done, or those begun before a stop.
  [[nodiscard]] std::optional<IndexOutcome> next() { return queue_.pop(); }
  // What all threads have added up to; complete once next() has given nullopt.
  [[nodiscard]] StageTimes times() const;

 private:
  void run();
  [[nodiscard]] IndexOutcome process(const IndexTask& task, StageTimes& times) const;
  [[nodiscard]] Result<Item> make_item(const IndexTask& task, std::optional<Json>& exif, StageTimes& times) const;

  const std::vector<IndexTask>& tasks_;
  const PictureEmbedder& embedder_;
  const std::span<const Crop> regions_;
  const std::stop_token stop_;
  BoundedQueue<IndexOutcome> queue_;
  std::atomic<std::size_t> next_task_ = 0;
  std::atomic<unsigned> working_;
  mutable std::mutex mutex_;  // of times_
  StageTimes times_;
  ThreadPool pool_;  // last: its destructor joins before the rest goes
};

}  // namespace eidetic
