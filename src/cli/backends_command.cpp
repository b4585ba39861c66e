// eidetic backends list|forget: the places that collections are kept in.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

Result<int> run_list(const Session& session) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto places, engine->backends());
  EIDETIC_TRY(const auto collections, engine->collections());
  const auto kept_in = [&](const std::string& place) {
    return std::ranges::count(collections, place, &CollectionInfo::backend);
  };
  if (session.globals.json) {
    Json list = Json::array();
    for (const auto& [name, preferred] : places) {
      list.push_back({{"name", name}, {"preferred", preferred}, {"collections", kept_in(name)}});
    }
    print_json({{"backends", std::move(list)}});
    return kDone;
  }
  Table table(
      {{.title = "backend", .least = 8}, {.title = "collections", .right_aligned = true}, {.title = "new ones"}});
  for (const auto& [name, preferred] : places) {
    table.add({name, std::to_string(kept_in(name)), preferred ? "here" : ""});
  }
  table.print();
  return kDone;
}

Result<int> run_forget(const Session& session, const std::string& url) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_CHECK(engine->forget_backend(url));
  if (session.globals.json) {
    print_json({{"forgotten", url}});
  } else {
    fmt::print("{} is not opened with this data folder any more; what it holds stays there\n", url);
  }
  return kDone;
}

}  // namespace

void add_backends_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("backends", "The places that collections are kept in")->fallthrough();
  app->require_subcommand(1);
  auto* list = app->add_subcommand("list", "The data folder, and the search engines that it remembers")->fallthrough();
  list->callback([&session] { session.command = [&session] { return run_list(session); }; });
  auto* forget =
      app->add_subcommand("forget", "Open a search engine no more; what it holds stays there")->fallthrough();
  auto url = std::make_shared<std::string>();
  forget->add_option("URL", *url, "the search engine, as it is listed")->type_name("")->required();
  forget->callback([=, &session] { session.command = [=, &session] { return run_forget(session, *url); }; });
}

}  // namespace eidetic
