// eidetic index PATH… -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "blobs/listing.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace eidetic {
namespace {

struct IndexArguments {
  std::string collection;
  std::optional<std::string> index;
  std::optional<std::string> metric;
  std::optional<std::string> exif;
  bool skip_duplicates = false;
  bool report_duplicates = false;
  IndexRequest request;
};

std::unexpected<Error> mismatch(const CollectionInfo& info, std::string_view has, std::string_view asked) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("collection '{0}' {1}, not {2}; index into another collection, or drop it first: "
                          "eidetic collections drop {0}",
                          info.spec.name, has, asked));
}

// What a person asks of a collection that is there already must be what it is. (The engine compares the model.)
Result<void> check_existing(const CollectionInfo& info, const IndexArguments& options) {
  const Space& space = info.spec.space;
  if (options.index && *options.index != info.spec.index) {
    return mismatch(info, fmt::format("has the index '{}'", info.spec.index), fmt::format("'{}'", *options.index));
  }
  if (options.metric && *options.metric != to_string(space.metric)) {
    return mismatch(info, fmt::format("has the metric {}", to_string(space.metric)), *options.metric);
  }
  return {};
}

// True: the collection was not there and has been made.
Result<bool> ensure_collection(Engine& engine, const IndexArguments& options, const std::string& backend) {
  const auto info = engine.describe(options.collection);
  if (info) {
    EIDETIC_CHECK(check_existing(*info, options));
    return false;
  }
  if (info.error().code != ErrorCode::not_found) return std::unexpected(info.error());
  CreateOptions create{.backend = backend};
  if (!options.request.model.empty()) create.model = options.request.model;
  if (options.index) create.index = *options.index;
  if (options.metric) {
    EIDETIC_TRY(create.metric, parse_metric(*options.metric));
  }
  EIDETIC_CHECK(engine.create(options.collection, create));
  return true;
}

Json to_json(const IndexReport& report) {
  Json stages = Json::array();
  for (const StageTime& stage : report.stages) {
    stages.push_back(
        {{"stage", stage.stage}, {"items", stage.items}, {"seconds", stage.seconds}, {"threads", stage.threads}});
  }
  Json copies = Json::array();
  for (const auto& [uri, of] : report.copies) copies.push_back({{"uri", uri}, {"copy_of", to_json(of)}});
  return {{"collection", report.collection},
          {"indexed", report.indexed},
          {"skipped", report.skipped},
          {"updated", report.updated},
          {"failed", report.failed},
          {"removed", report.removed},
          {"duplicates", report.duplicates},
          {"copies", std::move(copies)},
          {"errors", to_json(std::span(report.errors))},
          {"seconds", report.seconds},
          {"images_per_s", report.images_per_s},
          {"stages", std::move(stages)},
          {"interrupted", report.interrupted}};
}

void print_copies(const IndexReport& report) {
  constexpr std::size_t kShown = 10;
  for (const auto& [uri, of] : std::span(report.copies).first(std::min(report.copies.size(), kShown))) {
    fmt::print(stderr, "  {} is a copy of '{}' ({}, {:.2f})\n", printable(display_name(uri)), printable(of.id),
               to_string(of.evidence), of.copy_score);
  }
  if (report.duplicates > kShown) fmt::print(stderr, "  and {} more\n", report.duplicates - kShown);
}

void print_report(const IndexReport& report, OnDuplicate on_duplicate, bool verbose) {
  const bool skips = on_duplicate == OnDuplicate::skip;
  std::string line = fmt::format("{}: {} indexed, {} unchanged, {} failed", report.collection, report.indexed,
                                 report.skipped - (skips ? report.duplicates : 0), report.failed);
  if (report.duplicates > 0) line += fmt::format(", {} copies {}", report.duplicates, skips ? "skipped" : "stored");
  if (report.updated > 0) line += fmt::format(", {} with new metadata", report.updated);
  if (report.removed > 0) line += fmt::format(", {} removed", report.removed);
  line += fmt::format(" in {:.1f} s", report.seconds);
  if (report.indexed > 0) line += fmt::format(" ({:.0f} images/s)", report.images_per_s);
  fmt::print("{}\n", line);
  if (!verbose) return;
  for (const StageTime& stage : report.stages) {
    fmt::print(stderr, "  {:<10} {:8} items  {:9.3f} s on {} threads\n", stage.stage, stage.items, stage.seconds,
               stage.threads);
  }
}

Result<int> run_index(const Session& session, IndexArguments options) {
  if (options.exif) {
    EIDETIC_TRY(options.request.exif, parse_exif_fields(*options.exif));
  }
  if (options.skip_duplicates && options.report_duplicates) {
    return fail(ErrorCode::invalid_argument, "either --skip-duplicates or --report-duplicates, not both");
  }
  if (options.skip_duplicates) options.request.on_duplicate = OnDuplicate::skip;
  if (options.report_duplicates) options.request.on_duplicate = OnDuplicate::report;
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const bool created, ensure_collection(*engine, options, session.globals.backend));
  const auto report = [&] {
    Progress bar("indexing", "images");
    return engine->index(
        options.collection, options.request,
        [&](const IndexProgress& now) {
          bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
        },
        interruption.token());
  }();
  if (!report) {
    // A collection that was made for nothing, say for a folder that is not there, does not stay.
    if (const auto now = engine->describe(options.collection); created && now && now->items == 0) {
      (void)engine->drop(options.collection);
    }
    return std::unexpected(report.error());
  }
  if (session.globals.json) {
    print_json(to_json(*report));
  } else {
    print_report(*report, options.request.on_duplicate, session.globals.verbose);
    print_copies(*report);
    print_item_errors(report->errors);
  }
  if (report->interrupted) {
    return interruption.told("stopped; what is indexed is kept, and the same command goes on from there");
  }
  return report->failed > 0 ? kSomeFailed : kDone;
}

}  // namespace

void add_index_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("index", "Index pictures: files, folders, s3:// prefixes, URLs")->fallthrough();
  auto options = std::make_shared<IndexArguments>();
  app->add_option("PATH", options->request.paths, "files, folders and s3:// prefixes (searched through), URLs")
      ->type_name("")
      ->required();
  app->add_option("-c,--collection", options->collection, "collection; made when it is not there")
      ->type_name("NAME")
      ->required();
  app->add_option("--model", options->request.model,
                  "model of a new collection: bundle name, folder or file (default: default)")
      ->type_name("BUNDLE");
  app->add_option("--index", options->index,
                  "index of a new collection: auto, Flat, HNSW<M> or HNSW<M>:<E> (default: auto)")
      ->type_name("KIND");
  app->add_option("--metric", options->metric, "metric of a new collection: cosine, dot or euclidean (default: cosine)")
      ->type_name("NAME");
  app->add_option(
         "--metadata", options->request.metadata_file,
         "CSV or JSON lines (or s3:// object): 'file' or 'id' names the picture, the rest becomes its metadata")
      ->type_name("FILE");
  app->add_flag("--sidecars", options->request.sidecars, "take metadata from x.jpg.json or x.json beside the pictures");
  app->add_option("--exif", options->exif, "read EXIF into the field exif: camera, or gps, which adds the place")
      ->type_name("FIELDS");
  app->add_flag("--prune", options->request.prune, "remove items of these folders and prefixes whose file is gone");
  app->add_flag("--skip-duplicates", options->skip_duplicates, "leave out new pictures that are copies of others");
  app->add_flag("--report-duplicates", options->report_duplicates, "store copies too, and name them");
  app->add_option("--batch", options->request.batch, "items stored together (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_index(session, *options); }; });
}

}  // namespace eidetic
