// Deletes stored pictures that nothing names any more: at the start, and then once a day.
//
// One thread of its own, joined by the destructor.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/threads.h"
#include "catalog/job_store.h"
#include "catalog/picture_store.h"
#include "engine/backends.h"

namespace eidetic {

// Deletes pictures that no item of any collection and no job that waits or runs names, of those stored before
// `before_ms`; how many. What is put before its item is, has to be younger than that. None go where a place does not
// answer, or is not opened, whose items may name some.
[[nodiscard]] Result<std::uint64_t> sweep_pictures(Backends& backend, JobStore& jobs, PictureStore& pictures,
                                                   std::int64_t before_ms);

// The hashes of the stored pictures that a job's arguments name.
[[nodiscard]] std::vector<std::string> pictures_of(const JobRecord& job);

class PictureSweeper {
 public:
  // All must outlive this. `held` keeps a sweep waiting as long as another holds it.
  PictureSweeper(Backends& backend, JobStore& jobs, PictureStore& pictures, std::mutex& held);
  PictureSweeper(const PictureSweeper&) = delete;
  PictureSweeper& operator=(const PictureSweeper&) = delete;
  ~PictureSweeper();

 private:
  void run();

  Backends& backend_;
  JobStore& jobs_;
  PictureStore& pictures_;
  std::mutex& held_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::unique_ptr<ThreadPool> pool_;  // last: joins before the rest goes
};

}  // namespace eidetic
