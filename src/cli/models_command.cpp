// eidetic models list | show BUNDLE | layers BUNDLE | pull NAME | import FILE | check BUNDLE
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
#include "embed/layers.h"
#include "embed/models.h"
#include "embed/zoo.h"

namespace eidetic {
namespace {

struct ModelArguments {
  std::string bundle;
  std::filesystem::path file;
  std::string name;
  std::string mirror;
};

// The bundle that a person names, by name or path.
Result<ModelBundle> bundle_of(const Session& session, const std::string& name) {
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  EIDETIC_TRY(const auto path, find_bundle(name, folders));
  return open_bundle(path);
}

Json to_json(const ModelBundle& bundle) {
  auto description = parse_json_object(write_bundle(bundle), "the bundle");
  return {{"name", bundle.name},
          {"folder", bundle.folder.native()},
          {"bundle", description ? *std::move(description) : Json()}};
}

Result<int> run_list(const Session& session, const ModelArguments&) {
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  const auto entries = list_bundles(folders);
  if (session.globals.json) {
    Json list = Json::array();
    for (const BundleEntry& entry : entries) {
      if (entry.bundle) {
        list.push_back(to_json(*entry.bundle));
      } else {
        list.push_back(
            {{"folder", entry.folder.native()},
             {"error", {{"code", to_string(entry.bundle.error().code)}, {"message", entry.bundle.error().message}}}});
      }
    }
    print_json({{"models", std::move(list)}});
    return kDone;
  }
  Table table({{.title = "name"},
               {.title = "description", .least = 20, .optional = true},
               {.title = "folder", .least = 16, .cut = Cut::head, .optional = true}});
  for (const BundleEntry& entry : entries) {
    table.add({entry.bundle ? entry.bundle->name : entry.folder.filename().native(),
               entry.bundle ? entry.bundle->description : "broken: " + entry.bundle.error().message,
               entry.folder.native()});
  }
  table.print();
  return kDone;
}

Result<int> run_show(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const ModelBundle bundle, bundle_of(session, arguments.bundle));
  const Json json = to_json(bundle);
  if (session.globals.json) {
    print_json(json);
  } else {
    fmt::print("{}  {}\n", bundle.name, bundle.folder.native());
    for (const auto& [field, value] : json["bundle"].items())
      fmt::print("{:<15} {}\n", field, printable(cell_text(value)));
  }
  return kDone;
}

Result<int> run_layers(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const ModelBundle bundle, bundle_of(session, arguments.bundle));
  EIDETIC_TRY(const auto layers, list_layers(bundle.file(bundle.model)));
  if (session.globals.json) {
    Json list = Json::array();
    for (const LayerInfo& layer : layers) {
      list.push_back({{"name", layer.name},
                      {"op", layer.op},
                      {"shape", layer.shape},
                      {"type", layer.type},
                      {"output", layer.output}});
    }
    print_json({{"model", bundle.name}, {"layers", std::move(list)}});
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
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  EIDETIC_TRY(const auto path, find_bundle(arguments.bundle, folders));
  EIDETIC_TRY(const BundleCheck check,
              check_bundle(path, {.arithmetic = session.globals.arithmetic, .threads = session.globals.threads}));
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
  EIDETIC_TRY(const auto data, data_folder(session.globals));
  const std::string name = arguments.name.empty() ? arguments.file.stem().native() : arguments.name;
  EIDETIC_TRY(const ModelBundle bundle, import_model(arguments.file, data / "models", name));
  if (session.globals.json) {
    print_json(to_json(bundle));
  } else {
    fmt::print("{} imported; edit {} where its defaults are wrong\n", bundle.name,
               (bundle.folder / "model.json").native());
  }
  return kDone;
}

// The first zoo.json of the folders where models are looked up: people may put their own before the one that comes
// along.
Result<std::vector<ZooModel>> zoo_of(const Session& session) {
  EIDETIC_TRY(const auto folders, model_folders(session.globals));
  std::error_code ignored;
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / "zoo.json", ignored)) return read_zoo(folder / "zoo.json");
  }
  return fail(ErrorCode::not_found,
              "there is no zoo.json in the folders where models are looked up; `eidetic doctor` "
              "names them");
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

Result<int> run_pull(const Session& session, const ModelArguments& arguments) {
  EIDETIC_TRY(const auto zoo, zoo_of(session));
  if (arguments.name.empty()) return list_zoo(session, zoo);
  EIDETIC_TRY(const ZooModel model, find_in_zoo(zoo, arguments.name));
  EIDETIC_TRY(const auto data, data_folder(session.globals));
  const Interruption interruption;
  const auto bundle = [&] {
    Progress bar("downloading", "MB");
    const auto start = std::chrono::steady_clock::now();
    constexpr double kMega = 1e6;
    return pull_model(
        model, data / "models", HttpClient(),
        {.mirror = arguments.mirror,
         .progress =
             [&](std::uint64_t done, std::uint64_t total) {
               const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
               bar.update({.total = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total) / kMega)),
                           .done = static_cast<std::uint64_t>(static_cast<double>(done) / kMega),
                           .seconds = passed.count()});
             },
         .stop = interruption.token()});
  }();
  if (interruption.signal() != 0) {
    print_note("stopped; the same command goes on from there");
    return 128 + interruption.signal();
  }
  if (!bundle) return std::unexpected(bundle.error());
  if (session.globals.json) {
    print_json(to_json(*bundle));
  } else {
    fmt::print("{} is in {}\n", bundle->name, bundle->folder.native());
  }
  return kDone;
}

}  // namespace

void add_models_command(CLI::App& root, Session& session) {
  auto* app =
      root.add_subcommand("models", "List, show, fetch, import and check models")->fallthrough()->require_subcommand(1);
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
  pull.first->add_option("NAME", pull.second->name, "its name in the zoo")->type_name("");
  pull.first
      ->add_option("--mirror", pull.second->mirror,
                   "fetch from below this URL instead: the last part of each of the zoo's URLs is asked for there")
      ->type_name("URL");

  auto import = add("import", "Make a bundle of a model file", run_import);
  import.first->add_option("FILE", import.second->file, "ONNX, OpenVINO IR (.xml), TFLite or Paddle")
      ->type_name("")
      ->required();
  import.first->add_option("--name", import.second->name, "name of the bundle (default: the file's)")
      ->type_name("NAME");
}

}  // namespace eidetic
