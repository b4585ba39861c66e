// eidetic datasets list | pull NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "eidetic/datasets.h"

#include "base/text.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

Json to_json(const PulledDataset& there) {
  return {{"name", there.name},
          {"folder", there.folder},
          {"pictures", there.pictures},
          {"metadata_file", there.metadata_file.empty() ? Json() : Json(there.metadata_file)},
          {"label", there.label.empty() ? Json() : Json(there.label)},
          {"url", there.url},
          {"sha256", there.sha256},
          {"archive_bytes", there.archive_bytes},
          {"files", there.files},
          {"bytes", there.bytes},
          {"pulled", there.pulled},
          {"fetched", there.fetched},
          {"resumed_from", there.resumed_from}};
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json to_json(const Dataset& dataset, const PulledDataset* there) {
  return {{"name", dataset.name},
          {"title", text_or_null(dataset.title)},
          {"homepage", text_or_null(dataset.homepage)},
          {"licence", text_or_null(dataset.licence)},
          {"url", text_or_null(dataset.url)},
          {"download_bytes", dataset.download_bytes},
          {"label", text_or_null(dataset.label)},
          {"pulled", there == nullptr ? Json() : to_json(*there)}};
}

// Data sets are files of this machine, whatever engine is worked with: $EIDETIC_SERVER does not matter here.
Result<int> run_list(const Session& session) {
  EIDETIC_TRY(const auto data, data_folder(session.globals));
  EIDETIC_TRY(const auto pulled, pulled_datasets(data));
  std::vector<Dataset> all(datasets().begin(), datasets().end());
  for (const auto& there : pulled) {
    if (!find_dataset(there.name)) all.push_back({.name = there.name, .label = there.label});
  }
  Table table({{.title = "name"},
               {.title = "size", .right_aligned = true},
               {.title = "there"},
               {.title = "licence", .least = 12, .optional = true},
               {.title = "title", .least = 20, .optional = true}});
  Json list = Json::array();
  for (const Dataset& dataset : all) {
    const auto found = std::ranges::find(pulled, dataset.name, &PulledDataset::name);
    const PulledDataset* there = found == pulled.end() ? nullptr : &*found;
    const std::uint64_t size =
        there != nullptr && there->archive_bytes > 0 ? there->archive_bytes : dataset.download_bytes;
    list.push_back(to_json(dataset, there));
    table.add({dataset.name, size == 0 ? "?" : human_bytes(size),
               there != nullptr      ? "yes"
               : dataset.url.empty() ? "by hand"
                                     : "",
               dataset.licence.empty() ? "see its page" : dataset.licence, dataset.title});
  }
  if (session.globals.json) {
    print_json({{"datasets", std::move(list)}});
  } else {
    table.print();
  }
  return kDone;
}

Result<int> run_pull(const Session& session, const PullRequest& request) {
  EIDETIC_TRY(const auto data, data_folder(session.globals));
  const Interruption interruption;
  const auto pulled = [&] {
    std::optional<Progress> bar;
    std::string stage;
    auto start = std::chrono::steady_clock::now();
    constexpr double kMega = 1e6;
    return pull_dataset(
        data, request,
        [&](const DatasetProgress& now) {
          if (now.stage != stage) {
            stage = now.stage;
            start = std::chrono::steady_clock::now();
            bar.emplace(stage, "MB");
          }
          const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
          bar->update({.total = static_cast<std::uint64_t>(std::ceil(static_cast<double>(now.total) / kMega)),
                       .done = static_cast<std::uint64_t>(static_cast<double>(now.done) / kMega),
                       .seconds = passed.count()});
        },
        interruption.token());
  }();
  if (interruption.signal() != 0) {
    return interruption.told("stopped; the same command goes on from there");
  }
  if (!pulled) return std::unexpected(pulled.error());
  if (session.globals.json) {
    print_json(to_json(*pulled));
  } else if (pulled->fetched) {
    fmt::print("{} is in {}: {} files, {}\nSHA-256 {} of {}\n", pulled->name, pulled->folder.native(), pulled->files,
               human_bytes(pulled->bytes), pulled->sha256, pulled->url);
  } else {
    fmt::print("{} is in {} already; delete that folder to pull it anew\n", pulled->name, pulled->folder.native());
  }
  return kDone;
}

}  // namespace

void add_datasets_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("datasets", "List and fetch public data sets")->fallthrough()->require_subcommand(1);
  app->add_subcommand("list", "List the data sets that are known, and those that are there")
      ->fallthrough()
      ->callback([&session] { session.command = [&session] { return run_list(session); }; });
  auto* pull = app->add_subcommand("pull", "Fetch and unpack a data set")->fallthrough();
  auto request = std::make_shared<PullRequest>();
  pull->add_option("NAME", request->name, "its name in the list; or any, with --url or --file")
      ->type_name("")
      ->required();
  pull->add_option("--mirror", request->mirror,
                   "fetch from below this URL instead: the last part of the data set's URL is asked for there")
      ->type_name("URL");
  pull->add_option("--url", request->url, "fetch this archive instead")->type_name("URL");
  pull->add_option("--file", request->file, "take this archive, which is there already")->type_name("ARCHIVE");
  pull->add_flag("--accept-changed", request->accept_changed, "take an archive that is not the one first pulled");
  pull->callback([=, &session] { session.command = [=, &session] { return run_pull(session, *request); }; });
}

}  // namespace eidetic
