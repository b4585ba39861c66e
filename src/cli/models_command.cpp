// eidetic models list | show BUNDLE | layers BUNDLE | pull NAME | push BUNDLE URI | import FILE | check BUNDLE
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "embed/models.h"
#include "embed/zoo.h"
#include "engine/model_shelf.h"
#include "engine/s3_models.h"

namespace eidetic {
namespace {

struct ModelArguments {
  std::string bundle;
  std::filesystem::path file;
  std::string name;
  std::string mirror;
  std::string place;  // push
};

// A data folder's models are read where they lie, without opening it: that works beside a process that owns it.
Result<std::vector<ModelInfo>> all_models(const Session& session) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote) {
    EIDETIC_TRY(const auto engine, connect_engine(*remote));
    return engine->models();
  }
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  return shelf_models(folders);
}

Result<ModelInfo> model_of(const Session& session, const std::string& name) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote) {
    EIDETIC_TRY(const auto engine, connect_engine(*remote));
    return engine->model(name);
  }
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  return shelf_model(folders, name);
}

Result<std::vector<LayerInfo>> layers_of(const Session& session, const std::string& name) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote) {
    EIDETIC_TRY(const auto engine, connect_engine(*remote));
    return engine->layers(name);
  }
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  return shelf_layers(folders, name);
}

Result<BundleCheck> check_of(const Session& session, const std::string& name) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote) {
    EIDETIC_TRY(const auto engine, connect_engine(*remote));
    return engine->check_model(name);
  }
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  EIDETIC_TRY(const auto path, find_bundle(name, folders));
  return check_bundle(path, {.arithmetic = session.globals.arithmetic, .threads = session.globals.threads});
}

Result<int> run_list(const Session& session, const ModelArguments&) {
  EIDETIC_TRY(const auto models, all_models(session));
  if (session.globals.json) {
    Json list = Json::array();
    for (const ModelInfo& model : models) list.push_back(to_json(model));
    print_json({{"models", std::move(list)}});
    return kDone;
  }
  Table table({{.title = "name"},
               {.title = "description", .least = 20, .optional = true},
               {.title = "folder", .least = 16, .cut = Cut::head, .optional = true}});
  for (const ModelInfo& model : models) {
    const Json bundle = metadata_object(model.bundle);
    table.add(
        {model.name, model.error ? "broken: " + model.error->message : bundle.value("description", ""), model.folder});
  }
  table.print();
  return kDone;
}

Result<int> run_show(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const ModelInfo model, model_of(session, arguments.bundle));
  if (model.error) return std::unexpected(*model.error);
  const Json json = to_json(model);
  if (session.globals.json) {
    print_json(json);
  } else {
    fmt::print("{}  {}\n", model.name, model.folder);
    for (const auto& [field, value] : json["bundle"].items())
      fmt::print("{:<15} {}\n", field, printable(cell_text(value)));
  }
  return kDone;
}

Result<int> run_layers(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const ModelInfo model, model_of(session, arguments.bundle));
  EIDETIC_TRY(const auto layers, layers_of(session, arguments.bundle));
  if (session.globals.json) {
    Json list = Json::array();
    for (const LayerInfo& layer : layers) {
      list.push_back({{"name", layer.name},
                      {"op", layer.op},
                      {"shape", layer.shape},
                      {"type", layer.type},
                      {"output", layer.output}});
    }
    print_json({{"model", model.name}, {"layers", std::move(list)}});
    return kDone;
  }
  Table table({{.title = "layer", .least = 24, .cut = Cut::head},
               {.title = "operation"},
               {.title = "shape"},
               {.title = "type", .optional = true},
               {.title = "", .optional = true}});
  for (const LayerInfo& layer : layers) {
    table.add({layer.name, layer.op, layer.shape, layer.type, layer.output ? "output" : ""});
  }
  table.print();
  return kDone;
}

Result<int> run_check(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const BundleCheck check, check_of(session, arguments.bundle));
  if (session.globals.json) {
    print_json({{"model", check.space.model},
                {"space", check.space.hash},
                {"dimensions", check.space.dimensions},
                {"precision", to_string(check.space.precision)},
                {"text", check.has_text},
                {"labels", check.labels},
                {"load_ms", check.load_ms},
                {"images_per_s", check.images_per_s},
                {"golden_difference", check.golden_difference ? Json(*check.golden_difference) : Json()}});
    return kDone;
  }
  fmt::print("{}: works\n", check.space.describe());
  fmt::print("text tower {}, {} labels, loaded in {:.0f} ms, {:.0f} images/s of inference\n",
             check.has_text ? "yes" : "no", check.labels, check.load_ms, check.images_per_s);
  if (check.golden_difference) fmt::print("golden tensors agree to {:.2g}\n", *check.golden_difference);
  return kDone;
}

Result<int> run_import(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const std::string name = arguments.name.empty() ? arguments.file.stem().native() : arguments.name;
  EIDETIC_TRY(const ModelInfo model, engine->import_model(arguments.file, name));
  if (session.globals.json) {
    print_json(to_json(model));
  } else if (remote) {
    fmt::print("{} imported into {}, on the server\n", model.name, model.folder);
  } else {
    fmt::print("{} imported; edit {}/model.json where its defaults are wrong\n", model.name, model.folder);
  }
  return kDone;
}

int list_zoo(const Session& session, std::span<const ZooModel> zoo) {
  if (session.globals.json) {
    Json list = Json::array();
    for (const ZooModel& model : zoo) {
      list.push_back({{"name", model.bundle.name},
                      {"dimensions", model.dimensions},
                      {"description", model.bundle.description},
                      {"source", model.bundle.source},
                      {"license", model.bundle.license}});
    }
    print_json({{"zoo", std::move(list)}});
    return kDone;
  }
  Table table({{.title = "name"},
               {.title = "dimensions", .right_aligned = true},
               {.title = "description", .least = 20, .optional = true},
               {.title = "source", .least = 24, .optional = true}});
  for (const ZooModel& model : zoo) {
    table.add({model.bundle.name, std::to_string(model.dimensions), model.bundle.description, model.bundle.source});
  }
  table.print();
  return kDone;
}

// Tells of bytes as of megabytes.
auto in_megabytes(Progress& bar) {
  return [&bar, start = std::chrono::steady_clock::now()](std::uint64_t done, std::uint64_t total) {
    constexpr double kMega = 1e6;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    bar.update({.total = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total) / kMega)),
                .done = static_cast<std::uint64_t>(static_cast<double>(done) / kMega),
                .seconds = passed.count()});
  };
}

Result<int> run_push(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const auto place, parse_s3_object(arguments.place));
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  if (remote) return fail(ErrorCode::unsupported, "models push sends a model of this machine: leave --server out");
  EIDETIC_TRY(const ModelInfo model, model_of(session, arguments.bundle));
  const Interruption interruption;
  const auto target = place / model.name;
  const auto pushed = [&] {
    Progress bar("sending", "MB");
    return push_bundle(S3Client(read_s3_options()), model.folder, target, in_megabytes(bar), interruption.token());
  }();
  if (interruption.signal() != 0) return interruption.told("stopped; there is no model there yet");
  if (!pushed) return std::unexpected(pushed.error());
  if (session.globals.json) {
    print_json({{"model", model.name}, {"place", target.uri()}});
  } else {
    fmt::print("{} is at {}\n", model.name, target.uri());
  }
  return kDone;
}

Result<int> run_pull(const Session& session, const ModelArguments& arguments) {
  if (arguments.name.empty()) {
    EIDETIC_TRY(const auto folders, model_folders(session.globals));
    EIDETIC_TRY(const auto zoo, shelf_zoo(folders));
    return list_zoo(session, zoo);
  }
  const Interruption interruption;
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  const auto model = [&] {
    Progress bar("downloading", "MB");
    return engine->pull_model(arguments.name, arguments.mirror, in_megabytes(bar), interruption.token());
  }();
  if (interruption.signal() != 0) {
    return interruption.told("stopped; the same command goes on from there");
  }
  if (!model) return std::unexpected(model.error());
  if (session.globals.json) {
    print_json(to_json(*model));
  } else {
    fmt::print("{} is in {}\n", model->name, model->folder);
  }
  return kDone;
}

}  // namespace

void add_models_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("models", "List, show, fetch, send, import and check models")
                  ->fallthrough()
                  ->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    auto* command = app->add_subcommand(name, description)->fallthrough();
    auto arguments = std::make_shared<ModelArguments>();
    command->callback([=, &session] { session.command = [=, &session] { return run(session, *arguments); }; });
    return std::pair(command, arguments);
  };
  const auto add_with_bundle = [&](const char* name, const char* description, auto run) {
    auto added = add(name, description, run);
    added.first->add_option("BUNDLE", added.second->bundle, "bundle name, folder or model file")
        ->type_name("")
        ->required();
  };
  add("list", "List the models that are there", run_list);
  add_with_bundle("show", "Show how a model is used", run_show);
  add_with_bundle("layers", "List the layers of a model with their shapes", run_layers);
  add_with_bundle("check", "Load a model and try it", run_check);

  auto pull = add("pull", "Download a model of the zoo; without a name, list the zoo", run_pull);
  pull.first->add_option("NAME", pull.second->name, "its name in the zoo, or a bundle in S3: s3://bucket/prefix/NAME")
      ->type_name("");
  pull.first
      ->add_option("--mirror", pull.second->mirror,
                   "fetch from below this URL instead: the last part of each of the zoo's URLs is asked for there")
      ->type_name("URL");

  auto push = add("push", "Put a model into S3, for models pull and --model", run_push);
  push.first->add_option("BUNDLE", push.second->bundle, "bundle name or folder")->type_name("")->required();
  push.first->add_option("PLACE", push.second->place, "s3://bucket/prefix; it is put below, under its name")
      ->type_name("")
      ->required();

  auto import = add("import", "Make a bundle of a model file", run_import);
  import.first->add_option("FILE", import.second->file, "ONNX, OpenVINO IR (.xml), TFLite or Paddle")
      ->type_name("")
      ->required();
  import.first->add_option("--name", import.second->name, "name of the bundle (default: the file's)")
      ->type_name("NAME");
}

}  // namespace eidetic
