// What a change of a collection's model is made with; the verbs stand in core_migration.cpp.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/embedder.h"
#include "eidetic/engine.h"

#include "base/threads.h"
#include "engine/regions.h"
#include "engine/settings.h"
#include "engine/stages.h"

namespace eidetic {

// What a request comes to.
struct ModelChange {
  bool made = false;       // the collection is of that model already, the one before is kept
  bool begin = false;      // nothing is made of it yet
  bool back = false;       // to the model before
  std::string model = {};  // as settings keep it
  std::shared_ptr<const Embedder> embedder = {};
};

// The vectors of a space while they are made.
struct SpaceFilling {
  std::string collection;
  const Embedder& embedder;
  RegionPlan plan;
  MigrationReport& report;
  const std::function<void(const IndexProgress&)>& progress;
  std::uint64_t total = 0;  // items, when it began
  std::uint64_t after = 0;  // what has been tried
  Stopwatch watch = {};
};

// What is learnt of a space, in place of what was learnt of another one.
struct LearntAnew {
  std::vector<std::string> instead_of;  // attachments
  std::vector<ClassifierSetting> classifiers = {};
  std::optional<CalibrationSetting> calibration = {};
  std::vector<std::pair<std::string, std::vector<std::byte>>> attachments = {};
  std::vector<std::string> notes = {};  // what could not be
};

// A step that needs vectors of another model, and there are none.
[[nodiscard]] std::unexpected<Error> nothing_to(std::string_view what, std::string_view collection);
[[nodiscard]] std::unexpected<Error> already_of(std::string_view collection, const std::string& model);

// Of so many searches in both spaces, each with an item that has vectors of both: everything but the reports.
[[nodiscard]] Result<MigrationComparison> compare_spaces(Backend& backend, const CollectionSpec& collection,
                                                         const CompareRequest& request);

// Which collections change their model now: one run a collection. Thread-safe.
class MigrationRuns {
 public:
  class Run {
   public:
    Run(MigrationRuns& home, std::string name, std::stop_source stop)
        : home_(&home), name_(std::move(name)), stop_(std::move(stop)) {}
    Run(Run&& other) noexcept
        : home_(std::exchange(other.home_, nullptr)), name_(std::move(other.name_)), stop_(other.stop_) {}
    Run& operator=(Run&&) = delete;
    ~Run();

    [[nodiscard]] std::stop_source& stop() noexcept { return stop_; }

   private:
    MigrationRuns* home_;
    std::string name_;
    std::stop_source stop_;
  };

  // unavailable: there is one.
  [[nodiscard]] Result<Run> begin(std::string_view collection);
  // Asks a run to stop, and waits until it has ended.
  void stop(std::string_view collection);

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, std::stop_source, std::less<>> runs_;
};

// Calls `sweep` at once, when it is woken, and at the time that it gives back (milliseconds since 1970), once an hour
// at least; on a thread of its own, which the destructor joins.
class GraceKeeper {
 public:
  explicit GraceKeeper(std::function<std::int64_t()> sweep);
  GraceKeeper(const GraceKeeper&) = delete;
  GraceKeeper& operator=(const GraceKeeper&) = delete;
  ~GraceKeeper();

  void wake();

 private:
  void run();

  const std::function<std::int64_t()> sweep_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::unique_ptr<ThreadPool> pool_;  // last: joins before the rest goes
};

}  // namespace eidetic
