// eidetic collections list | show NAME | create NAME | update NAME | drop NAME | watch NAME [FOLDER…] | export NAME
// FILE | import FILE | migrate NAME (migrate_command.cpp)
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "eidetic/vector_files.h"

#include "base/file.h"
#include "base/text.h"
#include "blobs/listing.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/s3_file.h"
#include "cli/session.h"
#include "cli/table.h"
#include "index/faiss_file.h"

namespace eidetic {
namespace {

struct CollectionOptions {
  std::string name;
  std::filesystem::path file;
  std::vector<std::filesystem::path> folders;
  bool no_folders = false;
  CreateOptions create;
  std::string metric = "cosine";
  CollectionChange change;
  SearchDepth depth;
  bool no_wait = false;
  std::string from;      // merge
  bool replace = false;  // merge
  std::string label;     // export
};

struct ImportOptions {
  FaissImport from;
  std::string index;
  std::optional<std::string> name;
  std::optional<std::string> metric;
};

Result<int> run_list(const Session& session) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto collections, engine->collections());
  if (session.globals.json) {
    Json list = Json::array();
    for (const auto& info : collections) list.push_back(to_json(info));
    print_json({{"collections", std::move(list)}});
    return kDone;
  }
  if (collections.empty()) {
    print_note("no collection yet; make one: eidetic index FOLDER -c NAME");
    return kDone;
  }
  Table table({{.title = "name"},
               {.title = "items", .right_aligned = true},
               {.title = "model", .least = 8},
               {.title = "dimensions", .right_aligned = true, .optional = true},
               {.title = "metric", .optional = true},
               {.title = "index", .optional = true},
               {.title = "backend", .optional = true},
               {.title = "disk", .right_aligned = true, .optional = true}});
  for (const auto& info : collections) {
    const Space& space = info.spec.space;
    table.add({info.spec.name, std::to_string(info.items), space.model, std::to_string(space.dimensions),
               std::string(to_string(space.metric)), info.index_kind, info.backend, human_bytes(info.disk_bytes)});
  }
  table.print();
  return kDone;
}

void print_info(const CollectionInfo& info) {
  const Json json = to_json(info);
  for (const auto& field :
       {"name", "items", "backend", "model", "space", "dimensions", "metric", "precision", "index", "index_kind",
        "index_building", "index_note", "regions", "created", "description", "source"}) {
    if (const std::string text = cell_text(json[field]); !text.empty()) fmt::print("{:<15} {}\n", field, text);
  }
  if (const auto& migration = info.migration) {
    fmt::print("{:<15} {} {}: {} of {} items, {} failed", "migration", to_string(migration->state), migration->model,
               migration->done, migration->total, migration->failed);
    if (migration->until_ms > 0) fmt::print(", kept until {}", time_json(migration->until_ms).get<std::string>());
    fmt::print("\n");
    for (const auto& note : migration->notes) fmt::print("{:<15} {}\n", "", note);
  }
  if (const TrainingReport& training = info.index_training; training.rows > 0) {
    fmt::print("{:<15} from {} of {} items in {:.1f} s", "learnt", training.sampled, training.rows, training.seconds);
    if (training.explained_variance < 1)
      fmt::print("; keeps {:.1f} % of the variance", 100 * training.explained_variance);
    fmt::print("\n");
  }
  for (const auto& [field, value] : json["search"].items()) {
    if (value != 0) fmt::print("{:<15} {}\n", field, value.get<std::uint32_t>());
  }
  fmt::print("{:<15} {}\n{:<15} {}\n", "memory", human_bytes(info.memory_bytes), "disk", human_bytes(info.disk_bytes));
}

int print_collection(const Session& session, const CollectionInfo& info) {
  if (session.globals.json) {
    print_json(to_json(info));
  } else {
    print_info(info);
  }
  return kDone;
}

Result<int> run_show(const Session& session, const CollectionOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto info, engine->describe(options.name));
  return print_collection(session, info);
}

Result<int> run_create(const Session& session, CollectionOptions options) {
  EIDETIC_TRY(options.create.metric, parse_metric(options.metric));
  options.create.backend = session.globals.backend;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto info, engine->create(options.name, options.create));
  return print_collection(session, info);
}

// Waits until the index stands, which is built in this process or the server's.
Result<CollectionInfo> built(Engine& engine, CollectionInfo info) {
  constexpr std::chrono::milliseconds kLook{200};
  Progress progress(fmt::format("building {}", info.index_building), "");
  const auto start = std::chrono::steady_clock::now();
  while (!info.index_building.empty()) {
    std::this_thread::sleep_for(kLook);
    progress.update({.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
    EIDETIC_TRY(info, engine.describe(info.spec.name));
  }
  return info;
}

Result<int> run_update(const Session& session, CollectionOptions options) {
  if (options.depth != SearchDepth{}) options.change.search = options.depth;
  if (options.change == CollectionChange{}) {
    return fail(ErrorCode::invalid_argument,
                "nothing to change is given: --index, --rebuild, --description, --source, --ef, --nprobe or --rescore");
  }
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(auto info, engine->change(options.name, options.change));
  if (!options.no_wait) {
    EIDETIC_TRY(info, built(*engine, std::move(info)));
  }
  return print_collection(session, info);
}

Result<int> run_merge(const Session& session, const CollectionOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto report, engine->merge(options.name, options.from, options.replace));
  if (session.globals.json) {
    print_json(to_json(report, options.name));
  } else {
    fmt::print("{}: {} items added from {}, {} replaced, {} kept as they were\n", options.name, report.added,
               options.from, report.replaced, report.kept);
  }
  return kDone;
}

Result<int> run_drop(const Session& session, const CollectionOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_CHECK(engine->drop(options.name));
  if (session.globals.json) print_json({{"collection", options.name}, {"dropped", true}});
  return kDone;
}

// Changes the list where there is something to change, and shows it.
Result<int> run_watch(const Session& session, CollectionOptions options) {
  if (options.no_folders && !options.folders.empty()) {
    return fail(ErrorCode::invalid_argument, "either folders or --none is given, not both");
  }
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  // Those of a server are as it knows them.
  if (!remote) std::ranges::transform(options.folders, options.folders.begin(), absolute_path);
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  if (options.no_folders || !options.folders.empty()) EIDETIC_CHECK(engine->watch(options.name, options.folders));
  EIDETIC_TRY(const auto watched, engine->watched(options.name));
  if (session.globals.json) {
    Json list = Json::array();
    for (const auto& folder : watched) list.push_back(folder.native());
    print_json({{"collection", options.name}, {"watch", std::move(list)}});
  } else {
    for (const auto& folder : watched) fmt::print("{}\n", printable(folder.native()));
  }
  return kDone;
}

// .csv and .npy are open formats of vectors; an export that is imported as it was is any other.
bool is_vector_file(const std::filesystem::path& file) {
  const std::string ending = to_lower(file.extension().native());
  return ending == ".csv" || ending == ".npy";
}

Result<int> run_export(const Session& session, const CollectionOptions& options) {
  if (!options.label.empty() && to_lower(options.file.extension().native()) != ".csv") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--label is for files that end in .csv, and '{}' does not", options.file.native()));
  }
  EIDETIC_TRY(const auto file, S3File::to_write(session.globals, options.file));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  std::uint64_t items = 0;
  if (is_vector_file(options.file)) {
    VectorExport request{.collection = options.name, .file = file.path()};
    if (!options.label.empty()) request.label = options.label;
    EIDETIC_TRY(items, export_vectors(*engine, request));
  } else {
    EIDETIC_TRY(items, engine->export_collection(options.name, file.path()));
  }
  EIDETIC_CHECK(file.finish());
  if (session.globals.json) {
    print_json({{"collection", options.name}, {"items", items}, {"file", options.file.native()}});
  } else {
    fmt::print("{}: {} items exported to {}\n", options.name, items, options.file.native());
  }
  return kDone;
}

Result<bool> is_faiss_index(const std::filesystem::path& file) {
  EIDETIC_TRY(const auto map, MappedFile::open(file));
  return FaissFile::is_one(map.bytes());
}

int print_import(const Session& session, const VectorImportReport& report) {
  if (session.globals.json) {
    Json json = to_json(report.collection);
    json["imported"] = report.imported;
    json["failed"] = report.failed;
    json["errors"] = to_json(std::span(report.errors));
    print_json(json);
  } else {
    print_info(report.collection);
    fmt::print("{:<15} {}\n{:<15} {}\n", "imported", report.imported, "failed", report.failed);
    print_item_errors(report.errors);
  }
  return report.failed > 0 ? kSomeFailed : kDone;
}

Result<int> run_vector_import(const Session& session, const ImportOptions& options, const FaissImport& from) {
  const VectorImport request{.file = from.file,
                             .names = from.names,
                             .collection = options.name.value_or(""),
                             .metric = from.metric,
                             .index = options.index,
                             .model = from.model,
                             .root = from.root};
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto report = [&] {
    Progress bar("importing", "vectors");
    return import_vectors(
        *engine, request,
        [&](const IndexProgress& now) {
          bar.update({.total = now.total, .done = now.done, .failed = now.failed, .seconds = now.seconds});
        },
        interruption.token());
  }();
  if (!report) return std::unexpected(report.error());
  if (report->interrupted) {
    return interruption.told("stopped; nothing is imported");
  }
  return print_import(session, *report);
}

Result<int> run_import(const Session& session, const ImportOptions& options) {
  FaissImport from = options.from;
  if (options.metric) {
    EIDETIC_TRY(from.metric, parse_metric(*options.metric));
  }
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote && from.root.is_relative() && !from.root.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--root is a folder of the server: '{}' has to begin with '/'", from.root.native()));
  }
  EIDETIC_TRY(const auto file, S3File::to_read(session.globals, from.file));
  from.file = file.path();
  EIDETIC_TRY(const auto names, S3File::to_read(session.globals, from.names));
  from.names = names.path();
  if (is_vector_file(from.file)) return run_vector_import(session, options, from);
  if (!options.index.empty()) from.index = options.index;
  EIDETIC_TRY(const bool faiss, is_faiss_index(from.file));
  const bool for_faiss = !from.names.empty() || !from.root.empty() || !from.model.empty() || from.metric ||
                         from.index != FaissImport{}.index;
  if (for_faiss && !faiss) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no FAISS index and ends neither in .csv nor in .npy: --names, --root, --model, "
                            "--metric and --index are for those",
                            from.file.native()));
  }
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  if (!faiss) {
    EIDETIC_TRY(const auto info, engine->import_collection(from.file, options.name));
    return print_collection(session, info);
  }
  if (options.name) from.collection = *options.name;
  EIDETIC_TRY(const auto info, import_faiss(*engine, from));
  return print_collection(session, info);
}

void add_import_options(CLI::App& command, ImportOptions& options) {
  command.add_option("FILE", options.from.file, "the file or s3:// object to read")->type_name("")->required();
  command
      .add_option("--name", options.name,
                  "name it so (default: its own name; of vectors and a FAISS index, that of the file)")
      ->type_name("NAME");
  command.add_option("--names", options.from.names, "FAISS, .npy: the list of ids, .csv, .json or a line each")
      ->type_name("FILE");
  command.add_option("--root", options.from.root, "vectors: the folder that relative names are in")->type_name("DIR");
  command.add_option("--model", options.from.model, "vectors: the model that made them (default: bare vectors)")
      ->type_name("BUNDLE");
  command
      .add_option("--metric", options.metric,
                  "vectors: cosine, dot or euclidean (default: cosine; of a FAISS index, its own)")
      ->type_name("NAME");
  command.add_option("--index", options.index, "vectors: auto, Flat, HNSW16, IVF100,PQ8 … (default: auto)")
      ->type_name("KIND");
}

void add_merge_options(CLI::App& command, CollectionOptions& options) {
  command.add_option("--from", options.from, "the other collection, which stays")->type_name("NAME")->required();
  command.add_flag("--replace", options.replace,
                   "of ids that both have, take the other's item (default: keep what is there)");
}

}  // namespace

void add_collections_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand(
                      "collections",
                      "List, show, create, update, copy, migrate, merge, drop, watch, export and import collections")
                  ->fallthrough()
                  ->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    auto* command = app->add_subcommand(name, description)->fallthrough();
    auto options = std::make_shared<CollectionOptions>();
    command->callback([=, &session] { session.command = [=, &session] { return run(session, *options); }; });
    return std::pair(command, options);
  };
  const auto add_name = [](auto& added) {
    added.first->add_option("NAME", added.second->name, "the collection")->type_name("")->required();
  };

  add("list", "List the collections", [](const Session& s, const CollectionOptions&) { return run_list(s); });
  auto show = add("show", "Show what a collection is", run_show);
  add_name(show);

  auto create = add("create", "Create an empty collection", run_create);
  add_name(create);
  create.first->add_option("--model", create.second->create.model, "bundle name, folder or file (default: default)")
      ->type_name("BUNDLE");
  create.first
      ->add_option("--dimensions", create.second->create.dimensions,
                   "of a collection of bare vectors, which has no model")
      ->type_name("N")
      ->check(CLI::Range(1U, 65'536U).description(""));
  create.first->add_option("--index", create.second->create.index, "auto, Flat, HNSW16, IVF100,PQ8 … (default: auto)")
      ->type_name("KIND");
  create.first
      ->add_option("--regions", create.second->create.regions,
                   "parts of pictures that are searched too: none, multi, or tiles such as 2x3 (default: none)")
      ->type_name("PLAN");
  create.first->add_option("--description", create.second->create.description, "what is in it, for people")
      ->type_name("TEXT");
  create.first->add_option("--source", create.second->create.source, "where it comes from, for people")
      ->type_name("TEXT");
  create.first->add_option("--metric", create.second->metric, "cosine, dot or euclidean (default: cosine)")
      ->type_name("NAME");

  auto update =
      add("update", "Change a collection's index, how deep it is searched, or what is said of it", run_update);
  add_name(update);
  update.first->add_option("--index", update.second->change.index, "build this one: auto, Flat, HNSW16, IVF100,PQ8 …")
      ->type_name("KIND");
  update.first->add_flag("--rebuild", update.second->change.rebuild, "build, and train, the index anew");
  update.first->add_flag("--no-wait", update.second->no_wait, "of a server: do not wait until it is built");
  update.first->add_option("--description", update.second->change.description, "what is in it, for people")
      ->type_name("TEXT");
  update.first->add_option("--source", update.second->change.source, "where it comes from, for people")
      ->type_name("TEXT");
  add_search_depth(*update.first, update.second->depth);

  auto merge = add("merge", "Copy all items of another collection into one", run_merge);
  add_name(merge);
  add_merge_options(*merge.first, *merge.second);

  add_copy_command(*app, session);
  add_migrate_command(*app, session);

  auto drop = add("drop", "Remove a collection with all that is in it", run_drop);
  add_name(drop);

  auto watch = add("watch", "Show or choose the folders that a server keeps the collection in step with", run_watch);
  add_name(watch);
  watch.first->add_option("FOLDER", watch.second->folders, "the folders, in place of those so far")->type_name("");
  watch.first->add_flag("--none", watch.second->no_folders, "watch no folder any more");

  auto to_file = add("export", "Write a collection into one file, or its vectors as .csv or .npy", run_export);
  add_name(to_file);
  to_file.first
      ->add_option("FILE,-o,--output", to_file.second->file,
                   "the file or s3:// object to write; .csv and .npy: its vectors")
      ->type_name("FILE")
      ->required();
  to_file.first->add_option("--label", to_file.second->label, ".csv: the field of the last column (default: category)")
      ->type_name("FIELD");

  auto* from_file =
      app->add_subcommand("import",
                          "Read a collection from a file that export wrote, or FAISS, or vectors as .csv or .npy")
          ->fallthrough();
  auto import = std::make_shared<ImportOptions>();
  add_import_options(*from_file, *import);
  from_file->callback([=, &session] { session.command = [=, &session] { return run_import(session, *import); }; });
}

}  // namespace eidetic
