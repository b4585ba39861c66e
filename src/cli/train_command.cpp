// eidetic train [PATH…] -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/training_json.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "training/run.h"

namespace eidetic {
namespace {

struct TrainArguments {
  TrainRequest request;
  IndexRequest index;
  std::string split = "within";
};

// Pictures that are given are indexed first, so that a folder is enough to begin with.
Result<void> index_first(Engine& engine, const TrainArguments& arguments, const std::stop_token& stop) {
  if (arguments.index.paths.empty()) return {};
  const std::string& name = arguments.request.collection;
  const bool created = !engine.describe(name);
  if (created) EIDETIC_CHECK(engine.create(name, {.model = arguments.request.trunk}));
  Progress bar("indexing", "images");
  const auto indexed = engine.index(
      name, arguments.index,
      [&](const IndexProgress& now) {
        bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
      },
      stop);
  // A collection that was made for nothing, say for a folder that is not there, does not stay.
  if (!indexed && created) (void)engine.drop(name);
  EIDETIC_CHECK(indexed);
  return {};
}

// A bar while features are made, then a line an epoch.
class Telling {
 public:
  explicit Telling(bool lines) : lines_(lines) {}

  void operator()(const TrainProgress& now) {
    if (now.stage == "features") {
      if (!bar_) bar_.emplace("features", "images");
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
      bar_->update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = passed.count()});
      return;
    }
    bar_.reset();
    if (!lines_ || !now.epoch) return;
    const auto& epoch = *now.epoch;
    fmt::print("epoch {:>4} of {}  loss {:<10.5g} MAP@R {:.4f}  P@1 {:.4f}  {:.1f} s\n", epoch.number, now.total,
               epoch.loss, epoch.held_out.map_at_r, epoch.held_out.p_at_1, epoch.seconds);
    (void)std::fflush(stdout);
  }
  void clear() { bar_.reset(); }

 private:
  bool lines_;
  std::optional<Progress> bar_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// `place`: where its page is.
void print_report(const TrainReport& report, const std::string& place) {
  Table table({{.title = "measure"},
               {.title = "trunk alone", .right_aligned = true},
               {.title = "with the head", .right_aligned = true}});
  for (const auto& [name, measure] : kRetrievalMeasures) {
    const auto cell = [&](const RetrievalMeasures& mean, const RetrievalMeasures& margin) {
      return fmt::format("{:.4f} ± {:.4f}", mean.*measure, margin.*measure);
    };
    table.add({std::string(name), cell(report.before, report.before_margin), cell(report.after, report.after_margin)});
  }
  table.print();
  fmt::print(
      "model {}: learnt from {} pictures of {} classes, {} held out, best after epoch {}, in {:.1f} s\n"
      "report: {}\nuse it: eidetic index FOLDER -c NAME --model {}\n",
      report.name, report.learnt, report.classes, report.held_out, report.best_epoch, report.seconds, printable(place),
      report.name);
}

Result<int> run_train(const Session& session, TrainArguments arguments) {
  EIDETIC_TRY(arguments.request.split, parse_split(arguments.split));
  EIDETIC_CHECK(head_options(arguments.request));
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_CHECK(index_first(*engine, arguments, interruption.token()));
  Telling telling(!session.globals.json);
  const auto report =
      engine->train_model(arguments.request, [&](const TrainProgress& now) { telling(now); }, interruption.token());
  telling.clear();
  EIDETIC_CHECK(report);
  if (session.globals.json) {
    Json json = to_json(*report);
    json["errors"] = to_json(std::span(report->errors));
    print_json(json);
  } else {
    print_item_errors(report->errors);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is learnt is kept, and the same command goes on from there");
  }
  if (!session.globals.json) {
    EIDETIC_TRY(const auto remote, remote_options(session.globals));
    print_report(*report, remote ? fmt::format("{}/v1/trainings/{}/report.html", remote->url, report->name)
                                 : (report->folder / "report.html").native());
  }
  return report->failed > 0 ? kSomeFailed : kDone;
}

}  // namespace

void add_train_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("train", "Learn a model from the labels of a collection's pictures")->fallthrough();
  auto arguments = std::make_shared<TrainArguments>();
  auto& [request, index, split] = *arguments;
  app->add_option("PATH", index.paths, "folders and files that are indexed into the collection first")->type_name("");
  app->add_option("-c,--collection", request.collection, "collection to learn from; made when it is not there")
      ->type_name("NAME")
      ->required();
  app->add_option("--label", request.label, "metadata field whose equal values are alike (default: @folder)")
      ->type_name("FIELD");
  app->add_option("--meta", index.metadata_file, "of PATH: CSV or JSON lines with the metadata")->type_name("FILE");
  app->add_option("--name", request.name, "of the new model (default: metric_project)")->type_name("NAME");
  app->add_option("--trunk-model", request.trunk, "model whose features are learnt from (default: default)")
      ->type_name("BUNDLE");
  app->add_option("--input-size", request.input_size,
                  "longer side of the pictures as the trunk gets them, in pixels (default: 0, as its bundle says)")
      ->type_name("N");
  app->add_option("--embedder-layers", request.layers, "outputs of the head's layers (default: 1024,1024,1024)")
      ->type_name("N,…")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--split", request.learnt, "share of the pictures that is learnt from (default: 0.7)")
      ->type_name("SHARE");
  app->add_option("--split-by", split,
                  "within: hold out a part of each class; classes: whole classes (default: within)")
      ->type_name("WHAT");
  app->add_option("--group", request.group, "metadata field: equal values are never learnt from and held out both")
      ->type_name("FIELD");
  app->add_option("--views", request.views, "of each picture: itself and crops of it, mirrored or not (default: 1)")
      ->type_name("N");
  app->add_option("--loss", request.loss,
                  "circle, triplet, multi_similarity, proxy_anchor, arcface, contrastive (default: circle)")
      ->type_name("NAME");
  app->add_option("--margin", request.margin, "of the loss (default: the loss's own)")->type_name("X");
  app->add_option("--scale", request.scale, "of the loss (default: the loss's own)")->type_name("X");
  app->add_option("--miner", request.miner, "none, multi_similarity, semi_hard, hard (default: multi_similarity)")
      ->type_name("NAME");
  app->add_option("--batch-size", request.batch_size, "pictures of a step (default: 8)")->type_name("N");
  app->add_option("--sampler-m", request.per_class, "of each class in a batch; 0: whatever their class (default: 2)")
      ->type_name("N");
  app->add_option("--epochs", request.epochs, "rounds over the pictures (default: 10)")->type_name("N");
  app->add_option("--lr", request.learning_rate, "learning rate (default: 1e-05)")->type_name("X");
  app->add_option("--weight-decay", request.weight_decay, "weight decay (default: 0.0001)")->type_name("X");
  app->add_option("--optimizer", request.optimizer, "adam, adamw (default: adam)")->type_name("NAME");
  app->add_option("--warmup", request.warmup_epochs, "epochs in which the learning rate rises (default: 0)")
      ->type_name("X");
  app->add_option("--schedule", request.schedule, "of the learning rate: constant, cosine (default: constant)")
      ->type_name("NAME");
  app->add_option("--patience", request.patience,
                  "end after so many epochs without a better MAP@R; 0: never (default: 0)")
      ->type_name("N");
  app->add_option("--seed", request.seed, "of all that is drawn (default: 1)")->type_name("N");
  app->add_option("-o,--output", request.output,
                  "folder of features, checkpoint, logs and report (default: NAME-training)")
      ->type_name("FOLDER");
  app->callback([=, &session] { session.command = [=, &session] { return run_train(session, *arguments); }; });
}

}  // namespace eidetic
