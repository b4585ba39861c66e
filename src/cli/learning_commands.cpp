// eidetic classifiers train|list|rm, eidetic calibrate
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "server/wire.h"

namespace eidetic {
namespace {

constexpr std::size_t kMaxCsvBytes = std::size_t{1} << 30;

struct TrainOptions {
  std::string collection;
  ClassifierRequest request;
  std::optional<std::string> clusters;  // "": as many as usual
  std::optional<std::string> text;      // "": the names that are usual
  std::filesystem::path csv;
};

struct NamedOptions {
  std::string collection;
  std::string classifier;
};

struct CalibrateOptions {
  std::string collection;
  CalibrationRequest request;
};

std::string percent(double share) { return fmt::format("{:.1f} %", share * 100); }

Result<std::uint32_t> parse_clusters(const std::string& text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size()) return count;
  return fail(ErrorCode::invalid_argument, fmt::format("--clusters takes a whole number, not '{}'", text));
}

Result<ClassifierRequest> build_request(const TrainOptions& options) {
  ClassifierRequest request = options.request;
  const int ways = (request.label.empty() ? 0 : 1) + (options.clusters ? 1 : 0) + (options.text ? 1 : 0) +
                   (options.csv.empty() ? 0 : 1);
  if (ways != 1) {
    return fail(ErrorCode::invalid_argument,
                "give one of --label, --clusters, --text and --classes-csv: where the classes come from");
  }
  if (options.clusters) {
    request.kind = ClassifierRequest::Kind::clusters;
    if (!options.clusters->empty()) {
      EIDETIC_TRY(request.clusters, parse_clusters(*options.clusters));
    }
  } else if (request.label.empty()) {
    request.kind = ClassifierRequest::Kind::text;
    if (options.text && !options.text->empty()) {
      for (const auto name : split(*options.text, ',')) request.classes.emplace_back(trim(name));
    }
    if (!options.csv.empty()) {
      EIDETIC_TRY(const auto bytes, read_file(options.csv, kMaxCsvBytes));
      request.csv.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  return request;
}

Result<int> run_train(const Session& session, const TrainOptions& options) {
  EIDETIC_TRY(const auto request, build_request(options));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto info, engine->train_classifier(options.collection, request));
  if (session.globals.json) {
    Json json = to_json(info);
    json["collection"] = options.collection;
    print_json(json);
    return kDone;
  }
  fmt::print("classifier '{}' of collection '{}': {} classes", info.name, options.collection, info.classes.size());
  if (info.held_out > 0) {
    fmt::print(", learnt from {} items; {} right of {} that it had not seen", info.items, percent(info.accuracy),
               info.held_out);
  }
  fmt::print("\n");
  return kDone;
}

Result<int> run_list(const Session& session, const NamedOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto all, engine->classifiers(options.collection));
  if (session.globals.json) {
    Json list = Json::array();
    for (const auto& info : all) list.push_back(to_json(info));
    print_json({{"collection", options.collection}, {"classifiers", std::move(list)}});
    return kDone;
  }
  Table table({{.title = "name"},
               {.title = "kind"},
               {.title = "label"},
               {.title = "classes", .right_aligned = true},
               {.title = "items", .right_aligned = true},
               {.title = "held out", .right_aligned = true},
               {.title = "right", .right_aligned = true}});
  for (const auto& info : all) {
    table.add({info.name, std::string(to_string(info.kind)), info.label, std::to_string(info.classes.size()),
               std::to_string(info.items), std::to_string(info.held_out),
               info.held_out > 0 ? percent(info.accuracy) : ""});
  }
  table.print();
  return kDone;
}

Result<int> run_rm(const Session& session, const NamedOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_CHECK(engine->drop_classifier(options.collection, options.classifier));
  if (session.globals.json) print_json({{"collection", options.collection}, {"removed", options.classifier}});
  return kDone;
}

Result<int> run_calibrate(const Session& session, const CalibrateOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto info, engine->calibrate(options.collection, options.request));
  if (session.globals.json) {
    print_json(to_json(info, options.collection));
    return kDone;
  }
  fmt::print("collection '{}' is calibrated by {} searches among {} items{}\n", options.collection, info.searches,
             info.items, info.labels > 0 ? fmt::format(" of {} labels", info.labels) : " without labels");
  fmt::print(
      "with --min-confidence auto ({:.2f}), {} of what is not there finds nothing, and {} of right first hits "
      "are lost\n",
      info.recommended, percent(info.refused), percent(info.lost));
  if (info.bins.empty()) return kDone;
  Table table({{.title = "first hits with confidence", .right_aligned = true},
               {.title = "are matches", .right_aligned = true},
               {.title = "searches", .right_aligned = true}});
  for (const auto& [predicted, observed, count] : info.bins) {
    if (count > 0)
      table.add({fmt::format("{:.2f}", predicted), fmt::format("{:.2f}", observed), std::to_string(count)});
  }
  table.print();
  return kDone;
}

CLI::Option* add_collection(CLI::App& app, std::string& collection) {
  return app.add_option("-c,--collection", collection, "the collection")->type_name("NAME")->required();
}

void add_train(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("train", "Learn classes, and give every item its class")->fallthrough();
  auto options = std::make_shared<TrainOptions>();
  add_collection(*app, options->collection);
  app->add_option("--label", options->request.label, "classes are what this metadata field, or @folder, says")
      ->type_name("FIELD");
  app->add_option_function<std::string>(
         "--clusters", [options](const std::string& count) { options->clusters = count; },
         "classes are clusters of what looks alike: so many, or 10")
      ->type_name("K")
      ->expected(0, 1);
  app->add_option_function<std::string>(
         "--text", [options](const std::string& names) { options->text = names; },
         "classes are words, for models with a text tower: these, separated by commas, or ten common ones")
      ->type_name("NAMES")
      ->expected(0, 1);
  app->add_option("--classes-csv", options->csv, "classes are vectors with a name: 0,1,…,511,category")
      ->type_name("FILE");
  app->add_option("--name", options->request.name, "of the classifier, and of the items' field (default: class)")
      ->type_name("NAME");
  app->add_option("--hidden", options->request.hidden, "with --label: width of a layer before the last (default: none)")
      ->type_name("N");
  app->add_option("--min-confidence", options->request.min_confidence,
                  "0 to 1: a query of less is searched for in the whole collection (default: 0.5)")
      ->type_name("P");
  app->add_option("--seed", options->request.seed, "of what is drawn (default: 1)")->type_name("N");
  app->callback([=, &session] { session.command = [=, &session] { return run_train(session, *options); }; });
}

}  // namespace

void add_classifiers_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("classifiers", "Classes that are asked for before a search")->require_subcommand(1);
  app->fallthrough();
  add_train(*app, session);
  auto* list = app->add_subcommand("list", "The classifiers of a collection")->fallthrough();
  auto listed = std::make_shared<NamedOptions>();
  add_collection(*list, listed->collection);
  list->callback([=, &session] { session.command = [=, &session] { return run_list(session, *listed); }; });
  auto* rm = app->add_subcommand("rm", "Remove a classifier, and the field that items have of it")->fallthrough();
  auto removed = std::make_shared<NamedOptions>();
  rm->add_option("CLASSIFIER", removed->classifier, "its name")->type_name("")->required();
  add_collection(*rm, removed->collection);
  rm->callback([=, &session] { session.command = [=, &session] { return run_rm(session, *removed); }; });
}

void add_calibrate_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("calibrate", "Learn how likely hits of a collection are real matches")->fallthrough();
  auto options = std::make_shared<CalibrateOptions>();
  add_collection(*app, options->collection);
  app->add_option("--label", options->request.label,
                  "equal values of this metadata field, or of @folder, make a match (default: learn without labels)")
      ->type_name("FIELD");
  app->add_option("--seed", options->request.seed, "of what is drawn (default: 1)")->type_name("N");
  app->callback([=, &session] { session.command = [=, &session] { return run_calibrate(session, *options); }; });
}

}  // namespace eidetic
