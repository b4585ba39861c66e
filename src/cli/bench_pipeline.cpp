// eidetic bench pipeline: each stage of indexing alone, then all together, on a folder of real pictures.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "base/threads.h"
#include "blobs/router.h"
#include "cli/bench.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/scratch_folder.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

constexpr std::size_t kChunk = 256;  // pictures held decoded at the same time

struct PipelineOptions {
  std::vector<std::string> paths;
  std::string model = "default";
  std::uint32_t batch = IndexRequest().batch;
};

// One stage that worked alone.
struct StageRate {
  std::string stage;
  std::uint64_t images = 0;
  double seconds = 0;  // of the wall clock, all threads working on this stage
  unsigned threads = 1;

  [[nodiscard]] double images_per_s() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }
};

struct PipelineReport {
  std::vector<StageRate> stages;
  double bound = 0;       // images/s that the stage times allow
  double end_to_end = 0;  // images/s of `index`
  std::uint64_t images = 0, failed = 0;
};

// Measures the stages on the same pictures, a chunk at a time.
class StageBench {
 public:
  StageBench(Engine& engine, const Embedder& embedder, unsigned threads)
      : engine_(engine), embedder_(embedder), pool_(threads) {
    decode_.min_short_side = embedder.min_short_side();
    for (const char* stage : {"read", "decode", "preprocess", "inference", "commit"}) {
      stages_.push_back({.stage = stage, .threads = threads});
    }
    stages_[kInference].threads = stages_[kPreprocess].threads = std::min(threads, embedder.parallelism());
    stages_[kCommit].threads = 1;
  }

  // Pictures that cannot be read, decoded or embedded are left out of the later stages.
  [[nodiscard]] Result<void> run(std::span<const Picture> pictures, const std::string& collection) {
    std::vector<Result<std::vector<std::byte>>> files(pictures.size());
    measure(kRead, pictures.size(), [&](std::size_t i) {
      files[i] = blobs_->read(pictures[i].uri, decode_.max_bytes);
      return files[i].has_value();
    });
    std::vector<Result<Image>> images(pictures.size());
    measure(kDecode, pictures.size(), [&](std::size_t i) {
      if (files[i]) images[i] = decode_image(*files[i], decode_);
      return files[i] && images[i];
    });
    return commit(embed(pictures, images), collection);
  }

  [[nodiscard]] const std::vector<StageRate>& stages() const { return stages_; }

 private:
  enum { kRead, kDecode, kPreprocess, kInference, kCommit };

  // work(i) for every i below count, on all threads of the pool; waits for all.
  template <typename Work>
  void spread(std::size_t count, const Work& work) {
    std::atomic<std::size_t> next = 0;
    std::vector<std::future<void>> workers;
    for (unsigned worker = 0; worker < pool_.size(); ++worker) {
      workers.push_back(pool_.post([&] {
        for (std::size_t i = next++; i < count; i = next++) work(i);
      }));
    }
    for (auto& worker : workers) worker.wait();
  }

  template <typename Work>
  void measure(std::size_t stage, std::size_t count, const Work& work) {
    std::atomic<std::uint64_t> good = 0;
    stages_[stage].seconds += seconds_of([&] { spread(count, [&](std::size_t i) { good += work(i) ? 1 : 0; }); });
    stages_[stage].images += good;
  }

  // Preprocessing and inference go together; the embedder tells their times apart.
  [[nodiscard]] std::vector<NewItem> embed(std::span<const Picture> pictures,
                                           const std::vector<Result<Image>>& images) {
    std::mutex mutex;
    std::vector<NewItem> items;
    EmbedTimings total;
    const double wall = seconds_of([&] {
      spread(images.size(), [&](std::size_t i) {
        EmbedTimings timings;
        if (!images[i] || images[i]->empty()) return;
        auto vector = embedder_.embed_image(*images[i], &timings);
        if (!vector) return;
        const std::scoped_lock lock(mutex);
        total.preprocess_ms += timings.preprocess_ms;
        total.inference_ms += timings.inference_ms;
        NewItem item;
        item.id = pictures[i].id;
        item.uri = pictures[i].uri;
        item.vector = *std::move(vector);
        items.push_back(std::move(item));
      });
    });
    const double both = std::max(1e-9, total.preprocess_ms + total.inference_ms);
    stages_[kPreprocess].seconds += wall * total.preprocess_ms / both;
    stages_[kInference].seconds += wall * total.inference_ms / both;
    stages_[kPreprocess].images += items.size();
    stages_[kInference].images += items.size();
    return items;
  }

  [[nodiscard]] Result<void> commit(const std::vector<NewItem>& items, const std::string& collection) {
    Result<std::vector<Result<PutResult>>> stored;
    stages_[kCommit].seconds += seconds_of([&] { stored = engine_.put(collection, items); });
    if (!stored) return std::unexpected(stored.error());
    stages_[kCommit].images += items.size();
    return {};
  }

  Engine& engine_;
  const Embedder& embedder_;
  const std::unique_ptr<Blobs> blobs_ = make_blobs();
  DecodeOptions decode_;
  ThreadPool pool_;
  std::vector<StageRate> stages_;
};

// What the stage times allow: read, decode, preprocess and inference share the cores, so their times add up; commits
// go on beside them.
double bound_of(const std::vector<StageRate>& stages) {
  double seconds = 0;
  double commit = 0;
  for (const StageRate& stage : stages) {
    const double each = stage.images > 0 ? stage.seconds / static_cast<double>(stage.images) : 0;
    (stage.stage == "commit" ? commit : seconds) += each;
  }
  return 1 / std::max({seconds, commit, 1e-9});
}

Result<PipelineReport> measure_pipeline(const Session& session, const PipelineOptions& options) {
  EIDETIC_TRY(const PictureList list, list_pictures(options.paths));
  if (list.pictures.empty()) return fail(ErrorCode::not_found, "no picture in the folders given");
  EIDETIC_TRY(const ScratchFolder scratch, ScratchFolder::make(session.globals));
  EIDETIC_TRY(auto folders, model_folders(session.globals));
  EIDETIC_TRY(const auto engine, Engine::open({.data_dir = scratch.path(),
                                               .model_dirs = std::move(folders),
                                               .threads = session.globals.threads,
                                               .arithmetic = session.globals.arithmetic}));
  EIDETIC_CHECK(engine->create("stages", {.model = options.model}));
  EIDETIC_CHECK(engine->create("together", {.model = options.model}));
  EIDETIC_TRY(const auto embedder, engine->embedder(options.model, Metric::cosine));

  PipelineReport report;
  const unsigned threads = session.globals.threads > 0 ? session.globals.threads : available_cores();
  StageBench bench(*engine, *embedder, threads);
  const std::span<const Picture> pictures = list.pictures;
  {
    Progress bar("measuring", "images");
    double seconds = 0;
    for (std::size_t done = 0; done < pictures.size(); done += kChunk) {
      Result<void> ran;
      const auto chunk = pictures.subspan(done, std::min(kChunk, pictures.size() - done));
      seconds += seconds_of([&] { ran = bench.run(chunk, "stages"); });
      EIDETIC_CHECK(ran);
      bar.update({.total = pictures.size(), .done = done + chunk.size(), .seconds = seconds});
    }
  }
  report.stages = bench.stages();
  report.bound = bound_of(report.stages);

  IndexRequest request;
  request.paths = options.paths;
  request.batch = options.batch;
  EIDETIC_TRY(const IndexReport indexed, engine->index("together", request));
  report.end_to_end = indexed.images_per_s;
  report.images = indexed.indexed;
  report.failed = indexed.failed;
  return report;
}

const StageRate& narrowest(const std::vector<StageRate>& stages) {
  return *std::ranges::min_element(stages, {}, &StageRate::images_per_s);
}

Json to_json(const PipelineReport& report) {
  Json stages = Json::array();
  for (const StageRate& stage : report.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"images", stage.images},
                      {"seconds", stage.seconds},
                      {"threads", stage.threads},
                      {"images_per_s", stage.images_per_s()}});
  }
  return {{"images", report.images},
          {"failed", report.failed},
          {"stages", std::move(stages)},
          {"narrowest", narrowest(report.stages).stage},
          {"bound_images_per_s", report.bound},
          {"images_per_s", report.end_to_end},
          {"share_of_bound", report.end_to_end / report.bound}};
}

Result<int> run_pipeline(const Session& session, const PipelineOptions& options) {
  EIDETIC_CHECK(refuse_server(session.globals, "bench pipeline"));
  EIDETIC_TRY(const PipelineReport report, measure_pipeline(session, options));
  if (session.globals.json) {
    print_json(to_json(report));
    return kDone;
  }
  Table table({{.title = "stage alone"},
               {.title = "images/s", .right_aligned = true},
               {.title = "ms an image and thread", .right_aligned = true},
               {.title = "threads", .right_aligned = true}});
  for (const StageRate& stage : report.stages) {
    table.add({stage.stage, fmt::format("{:.0f}", stage.images_per_s()),
               fmt::format("{:.3f}", 1000 * stage.threads / std::max(1e-9, stage.images_per_s())),
               std::to_string(stage.threads)});
  }
  table.print();
  fmt::print("narrowest: {}\n", narrowest(report.stages).stage);
  fmt::print("end to end: {:.0f} images/s, {:.0f} % of the {:.0f} that the stage times allow ({} images, {} failed)\n",
             report.end_to_end, 100 * report.end_to_end / report.bound, report.bound, report.images, report.failed);
  return kDone;
}

}  // namespace

void add_bench_pipeline(CLI::App& bench, Session& session) {
  auto* app =
      bench.add_subcommand("pipeline", "Images/s of each stage of indexing alone, and of all together")->fallthrough();
  auto options = std::make_shared<PipelineOptions>();
  app->add_option("PATH", options->paths, "files and folders to index")->type_name("")->required();
  app->add_option("--model", options->model, "bundle name, folder or file (default: default)")->type_name("BUNDLE");
  app->add_option("--batch", options->batch, "items stored together (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_pipeline(session, *options); }; });
}

}  // namespace eidetic
