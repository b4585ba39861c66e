// train_model of eidetic/training.h.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "eidetic/training.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/threads.h"
#include "train/head_training.h"
#include "train/onnx_graft.h"
#include "training/checkpoint.h"
#include "training/features.h"
#include "training/judge.h"
#include "training/run.h"
#include "training/split.h"
#include "training/trunk.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kThumbnail = 160;  // pixels, of the report's pictures

// Some of the items, with what Examples looks at.
struct Part {
  Part(const Features& features, std::span<const std::uint32_t> items, std::size_t views)
      : rows(items.size() * views, features.rows.columns()) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (std::size_t view = 0; view < views; ++view) {
        std::ranges::copy(features.rows[items[i] * views + view], rows[i * views + view].begin());
      }
      classes.push_back(features.classes[items[i]]);
    }
    examples = {.features = rows, .views = views, .classes = classes};
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() = default;

  Matrix rows;
  std::vector<std::uint32_t> classes;
  Examples examples{.features = {{}, 1}, .views = 1, .classes = {}};
};

TrainEpoch told(const Epoch& epoch) {
  return {.number = epoch.number,
          .loss = epoch.loss,
          .learning_rate = epoch.learning_rate,
          .mined = epoch.mined,
          .held_out = epoch.held_out,
          .seconds = epoch.seconds};
}

class Run {
 public:
  Run(Engine& engine, TrainRequest request, const std::function<void(const TrainProgress&)>& progress,
      std::stop_token stop)
      : engine_(engine), request_(std::move(request)), progress_(progress), stop_(std::move(stop)) {
    report_.name = request_.name;
    report_.folder = request_.output;
  }

  Result<TrainReport> go() {
    const auto start = std::chrono::steady_clock::now();
    EIDETIC_TRY(auto options, head_options(request_));
    if (engine_.model(request_.name)) {
      return fail(
          ErrorCode::already_exists,
          fmt::format("there is a model '{}' already: choose another name for the one to be learnt", request_.name));
    }
    EIDETIC_TRY(const Trunk trunk, trunk_for(engine_, request_));
    EIDETIC_CHECK(write_file_atomically(request_.output / "training.json", to_json(request_).dump(2) + "\n"));
    auto features = make_features(
        engine_,
        {.collection = request_.collection,
         .label = request_.label,
         .group = request_.group,
         .trunk = trunk.name,
         .views = request_.views,
         .seed = request_.seed,
         .folder = request_.output},
        [&](std::uint64_t done, std::uint64_t total, std::uint64_t failed) {
          if (progress_) progress_({.stage = "features", .done = done, .total = total, .failed = failed});
        },
        stop_);
    if (!features && stop_.stop_requested()) return interrupted();
    EIDETIC_CHECK(features);
    report_.items = features->ids.size();
    report_.classes = features->class_names.size();
    report_.errors = std::move(features->errors);
    report_.failed = features->failed;
    EIDETIC_TRY(const auto head, learn(*features, options));
    if (!head) return interrupted();
    judge(*features, division_.held_out, request_.views, *head, request_.seed, report_);
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EIDETIC_CHECK(write_report());
    // Last: once the model is there, so is all that is said of it, whatever ends this.
    EIDETIC_CHECK(install(trunk, *head));
    EIDETIC_CHECK(write_json());
    return std::move(report_);
  }

 private:
  Result<TrainReport> interrupted() {
    report_.interrupted = true;
    return std::move(report_);
  }

  // Null: stopped.
  Result<std::optional<TrainedHead>> learn(const Features& features, HeadTrainingOptions& options) {
    const bool whole_classes = request_.split == TrainRequest::Split::classes;
    division_ = whole_classes ? divide_classes(features.classes, request_.learnt, request_.seed)
                              : divide_within(features.classes, features.groups, request_.learnt, request_.seed);
    report_.learnt = division_.learnt.size();
    report_.held_out = division_.held_out.size();
    const Part learnt(features, division_.learnt, request_.views);
    const Part held_out(features, division_.held_out, request_.views);
    ThreadPool pool(0);
    std::atomic<bool> stopped = false;
    const std::stop_callback on_stop(stop_, [&] { stopped = true; });
    options.pool = &pool;
    options.stop = &stopped;
    const std::string key = sha256_hex(as_bytes(features.key + dump_json(to_json(request_))));
    const fs::path file = request_.output / "checkpoint";
    const double started = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    auto head = train_head(learnt.examples, held_out.examples, options, read_checkpoint(file, key),
                           [&](const HeadCheckpoint& now) { return keep(file, key, now, started); });
    if (!head && stopped) return std::nullopt;
    EIDETIC_CHECK(head);
    report_.best_epoch = head->best_epoch;
    tell_epochs(head->epochs);
    return *std::move(head);
  }

  void tell_epochs(const std::vector<Epoch>& epochs) {
    report_.epochs.clear();
    for (const Epoch& epoch : epochs) report_.epochs.push_back(told(epoch));
  }

  Result<void> keep(const fs::path& file, const std::string& key, const HeadCheckpoint& now, double started) {
    EIDETIC_CHECK(write_checkpoint(file, key, now));
    tell_epochs(now.epochs);
    EIDETIC_CHECK(write_file_atomically(request_.output / "epochs.csv", epochs_csv(report_)));
    EIDETIC_CHECK(
        write_file_atomically(request_.output / "events.out.tfevents.eidetic", tensorboard_events(report_, started)));
    if (progress_) {
      progress_({.stage = "epochs",
                 .done = report_.epochs.size(),
                 .total = request_.epochs,
                 .failed = 0,
                 .epoch = report_.epochs.back()});
    }
    return {};
  }

  Result<void> write_json() const {
    return write_file_atomically(request_.output / "report.json", to_json(report_).dump(2) + "\n");
  }
  Result<void> write_report() {
    EIDETIC_CHECK(write_json());
    const auto thumbnail = [&](const std::string& id) {
      auto picture = engine_.thumbnail(request_.collection, id, kThumbnail);
      return picture ? std::move(picture->bytes) : std::vector<std::byte>();
    };
    return write_file_atomically(request_.output / "report.html", report_page(request_, report_, thumbnail));
  }

  Result<void> install(const Trunk& from, const TrainedHead& head) {
    const ModelBundle& trunk = from.bundle;
    const fs::path file = request_.output / "model.onnx";
    EIDETIC_CHECK(graft_head(trunk.file(trunk.model), from.output, head.shape, head.parameters, file));
    ModelBundle bundle{.name = request_.name,
                       .model = "model.onnx",
                       .input = trunk.input,
                       .preprocess = trunk.preprocess,
                       .layer = std::string(kHeadOutput),
                       .description = fmt::format("{} values learnt from {} pictures of {} classes on {}",
                                                  head.shape.outputs(), report_.learnt, report_.classes, trunk.name),
                       .license = trunk.license,
                       .source = trunk.source};
    EIDETIC_TRY(const ModelInfo info, engine_.install_model(request_.name, write_bundle(bundle), file.native()));
    report_.model = info.folder;
    return {};
  }

  Engine& engine_;
  const TrainRequest request_;
  const std::function<void(const TrainProgress&)>& progress_;
  const std::stop_token stop_;
  TrainReport report_;
  Division division_;
};

}  // namespace

Result<TrainReport> train_model(Engine& engine, const TrainRequest& request,
                                const std::function<void(const TrainProgress&)>& progress, std::stop_token stop) {
  TrainRequest wanted = request;
  if (wanted.output.empty()) wanted.output = wanted.name + "-training";
  wanted.output = fs::absolute(wanted.output);
  EIDETIC_TRY(const auto info, engine.describe(wanted.collection));
  if (info.spec.space.model.empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("collection '{}' holds bare vectors: there are no pictures to learn from", wanted.collection));
  }
  EIDETIC_CHECK(make_directories(wanted.output));
  const auto lock = FileLock::acquire(wanted.output / ".lock");
  if (!lock) return std::unexpected(lock.error());
  return Run(engine, std::move(wanted), progress, std::move(stop)).go();
}

}  // namespace eidetic
