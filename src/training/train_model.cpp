#include "training/train_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/threads.h"
#include "base/training_json.h"
#include "embed/bundle.h"
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

std::string text_of(const TrainRequest& request) { return to_json(request).dump(2) + "\n"; }

FeatureRequest feature_request(const TrainRequest& request, const std::string& trunk) {
  return {.collection = request.collection,
          .label = request.label,
          .group = request.group,
          .trunk = trunk,
          .views = request.views,
          .seed = request.seed,
          .folder = request.output};
}

Division divide(const TrainRequest& request, std::span<const std::uint32_t> classes,
                std::span<const std::uint32_t> groups) {
  return request.split == TrainRequest::Split::classes ? divide_classes(classes, request.learnt, request.seed)
                                                       : divide_within(classes, groups, request.learnt, request.seed);
}

Result<ModelBundle> bundle_of(const ModelInfo& info) {
  return parse_bundle(info.bundle, info.folder, fmt::format("the model '{}'", info.name));
}

bool is_model_file(const ModelInfo& info, const fs::path& file) {
  const auto bundle = bundle_of(info);
  const auto digest = sha256_hex_of_file(file);
  return bundle && digest && bundle->sha256 == *digest;
}

std::unexpected<Error> name_taken(const TrainRequest& request) {
  return fail(ErrorCode::already_exists,
              fmt::format("there is a model '{}' already: choose another name for the one to be learnt", request.name));
}

// All that can be said before a look at items.
Result<void> check_request(Engine& engine, const TrainRequest& request) {
  EIDETIC_TRY(const auto options, head_options(request));
  EIDETIC_CHECK(check_options(options));
  EIDETIC_CHECK(check_views(request.views));
  if (!is_bundle_name(request.name)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a model: 1 to 64 letters, digits, '_', '-' or '.'", request.name));
  }
  EIDETIC_TRY(const auto info, engine.describe(request.collection));
  if (info.spec.space.model.empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("collection '{}' holds bare vectors: there are no pictures to learn from", request.collection));
  }
  if (const auto there = engine.model(request.name)) {
    const auto text = read_text(request.output / "training.json");
    const bool same = text && *text == text_of(request);
    if (!same || !is_model_file(*there, request.output / "model.onnx")) return name_taken(request);
  }
  return check_trunk(engine, request);
}

class Run {
 public:
  Run(Engine& engine, const InstallModel& install, const TrainRequest& request,
      const std::function<void(const TrainProgress&)>& progress, const std::stop_token& stop)
      : engine_(engine), install_(install), request_(request), progress_(progress), stop_(stop) {
    report_.name = request_.name;
    report_.folder = request_.output;
    report_.interrupted = true;
  }

  Result<TrainReport> go() {
    const auto start = std::chrono::steady_clock::now();
    EIDETIC_TRY(const Trunk trunk, trunk_for(engine_, request_));
    auto features = make_features(
        engine_, feature_request(request_, trunk.name),
        [&](std::uint64_t done, std::uint64_t total, std::uint64_t failed) {
          if (progress_) progress_({.stage = "features", .done = done, .total = total, .failed = failed});
        },
        stop_);
    if (!features && stop_.stop_requested()) return std::move(report_);
    EIDETIC_CHECK(features);
    report_.items = features->ids.size();
    report_.classes = features->class_names.size();
    report_.errors = std::move(features->errors);
    report_.failed = features->failed;
    EIDETIC_TRY(const auto head, learn(*features));
    if (!head) return std::move(report_);
    EIDETIC_CHECK(install(trunk, *head));
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report_.interrupted = false;
    EIDETIC_CHECK(write_page());
    EIDETIC_CHECK(write_report());  // last: who finds it complete finds all
    return std::move(report_);
  }

 private:
  [[nodiscard]] Result<void> write_report() const {
    return write_file_atomically(request_.output / "report.json", to_json(report_).dump(2) + "\n");
  }

  [[nodiscard]] Result<void> write_page() const {
    const auto thumbnail = [&](const std::string& id) {
      auto picture = engine_.thumbnail(request_.collection, id, kThumbnail);
      return picture ? std::move(picture->bytes) : std::vector<std::byte>();
    };
    return write_file_atomically(request_.output / "report.html", report_page(request_, report_, thumbnail));
  }

  void tell(std::optional<TrainEpoch> epoch) const {
    if (!progress_) return;
    progress_({.stage = "epochs", .done = report_.epochs.size(), .total = request_.epochs, .epoch = std::move(epoch)});
  }

  // Null: stopped.
  Result<std::optional<TrainedHead>> learn(const Features& features) {
    const Division division = divide(request_, features.classes, features.groups);
    report_.learnt = division.learnt.size();
    report_.held_out = division.held_out.size();
    const Part learnt(features, division.learnt, request_.views);
    const Part held_out(features, division.held_out, request_.views);
    ThreadPool pool(0);
    std::atomic<bool> stopped = false;
    const std::stop_callback on_stop(stop_, [&] { stopped = true; });
    EIDETIC_TRY(auto options, head_options(request_));
    options.pool = &pool;
    options.stop = &stopped;
    judge_trunk(features, division.held_out, request_.views, pool, report_);
    const std::string key = sha256_hex(as_bytes(features.key + dump_json(to_json(request_))));
    const fs::path file = request_.output / "checkpoint";
    auto from = read_checkpoint(file, key);
    if (from) tell_epochs(*from);
    EIDETIC_CHECK(write_report());
    tell({});
    const double started = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    auto head = train_head(learnt.examples, held_out.examples, options, std::move(from),
                           [&](const HeadCheckpoint& now) { return keep(file, key, now, started); });
    if (!head && stopped) return std::nullopt;
    EIDETIC_CHECK(head);
    judge_head(features, division.held_out, request_.views, *head, request_.seed, pool, report_);
    return *std::move(head);
  }

  void tell_epochs(const HeadCheckpoint& now) {
    report_.best_epoch = now.best_epoch;
    report_.epochs.clear();
    for (const Epoch& epoch : now.epochs) report_.epochs.push_back(told(epoch));
  }

  Result<void> keep(const fs::path& file, const std::string& key, const HeadCheckpoint& now, double started) {
    EIDETIC_CHECK(write_checkpoint(file, key, now));
    tell_epochs(now);
    EIDETIC_CHECK(write_file_atomically(request_.output / "epochs.csv", epochs_csv(report_)));
    EIDETIC_CHECK(
        write_file_atomically(request_.output / "events.out.tfevents.eidetic", tensorboard_events(report_, started)));
    EIDETIC_CHECK(write_report());
    tell(report_.epochs.back());
    return {};
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
    EIDETIC_TRY(const ModelInfo info, install_(request_.name, write_bundle(bundle), file));
    // One that was described alike, but learnt otherwise, may have come there meanwhile.
    if (!is_model_file(info, file)) return name_taken(request_);
    report_.model = info.folder;
    return {};
  }

  Engine& engine_;
  const InstallModel& install_;
  const TrainRequest& request_;
  const std::function<void(const TrainProgress&)>& progress_;
  const std::stop_token& stop_;
  TrainReport report_;
};

}  // namespace

Result<void> begin_training(const TrainRequest& request) {
  EIDETIC_CHECK(make_directories(request.output));
  const auto file = request.output / "training.json";
  const auto there = read_text(file);
  if (there && *there == text_of(request)) return {};
  for (const auto name : kTrainingFiles) {
    std::error_code error;
    fs::remove(request.output / name, error);
    if (error) return system_error("cannot delete", request.output / name, error.value());
  }
  return write_file_atomically(file, text_of(request));
}

Result<TrainRequest> read_training(const fs::path& folder) {
  const auto file = folder / "training.json";
  EIDETIC_TRY(const auto text, read_text(file));
  EIDETIC_TRY(const Json json, parse_json_object(text, file.native()));
  EIDETIC_TRY(auto reader, JsonReader::of(json, file.native()));
  EIDETIC_TRY(auto request, read_train_request(reader));
  request.output = folder;
  return request;
}

Result<TrainReport> read_report(const fs::path& folder) {
  const auto file = folder / "report.json";
  const auto text = read_text(file);
  if (!text && text.error().code == ErrorCode::not_found) {
    TrainReport nothing;
    nothing.folder = folder;
    nothing.interrupted = true;
    return nothing;
  }
  EIDETIC_CHECK(text);
  EIDETIC_TRY(const Json json, parse_json_object(*text, file.native()));
  return read_train_report(json, file.native());
}

Result<void> check_training(Engine& engine, const TrainRequest& request) {
  EIDETIC_CHECK(check_request(engine, request));
  EIDETIC_TRY(const auto labelled, labelled_classes(engine, feature_request(request, request.trunk)));
  const Division division = divide(request, labelled.classes, labelled.groups);
  const auto classes_of = [&](const std::vector<std::uint32_t>& items) {
    std::vector<std::uint32_t> classes;
    for (const std::uint32_t item : items) classes.push_back(labelled.classes[item]);
    return classes;
  };
  EIDETIC_CHECK(check_classes(classes_of(division.learnt), "to learn from"));
  return check_classes(classes_of(division.held_out), "held out");
}

Result<TrainReport> train_model(Engine& engine, const InstallModel& install, const TrainRequest& request,
                                const std::function<void(const TrainProgress&)>& progress,
                                const std::stop_token& stop) {
  EIDETIC_CHECK(check_request(engine, request));
  EIDETIC_CHECK(make_directories(request.output));
  const auto lock = FileLock::acquire(request.output / ".lock");
  if (!lock) return std::unexpected(lock.error());
  EIDETIC_CHECK(begin_training(request));
  if (engine.model(request.name)) {
    EIDETIC_TRY(auto report, read_report(request.output));
    if (!report.interrupted) return report;
  }
  return Run(engine, install, request, progress, stop).go();
}

}  // namespace eidetic
