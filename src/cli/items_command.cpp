// eidetic items list | facets FIELD… | show ID | patch ID JSON | delete [ID…], all with -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

namespace eidetic {
namespace {

constexpr std::uint32_t kPage = 10'000;  // the most that a page takes

struct ItemOptions {
  std::string collection;
  std::string id;
  std::vector<std::string> ids;     // to delete
  std::vector<std::string> fields;  // to count values of
  std::string sort;
  std::string patch;
  std::string filter;
  std::string after;
  std::uint64_t limit = 100;
  bool vectors = false;
};

// As many items as are asked for, over as many pages as that takes.
Result<ScrollPage> list_items(Engine& engine, const ItemOptions& options) {
  ScrollPage all{.items = {}, .next = options.after};
  do {
    const auto rest = options.limit - all.items.size();
    EIDETIC_TRY(auto page, engine.list(options.collection,
                                       {.cursor = all.next,
                                        .limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(rest, kPage)),
                                        .filter = options.filter,
                                        .with_vectors = options.vectors,
                                        .sort = options.sort}));
    std::ranges::move(page.items, std::back_inserter(all.items));
    all.next = std::move(page.next);
  } while (!all.next.empty() && all.items.size() < options.limit);
  return all;
}

Result<int> run_list(const Session& session, const ItemOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const ScrollPage page, list_items(*engine, options));
  if (session.globals.json) {
    Json items = Json::array();
    for (const Item& item : page.items) items.push_back(to_json(item));
    print_json({{"collection", options.collection},
                {"items", std::move(items)},
                {"next", page.next.empty() ? Json() : Json(page.next)}});
    return kDone;
  }
  Table table({{.title = "id", .least = 12, .cut = Cut::head},
               {.title = "size", .right_aligned = true, .optional = true},
               {.title = "metadata", .least = 16, .optional = true}});
  for (const Item& item : page.items) {
    table.add({item.id, item.size_bytes == 0 ? "" : human_bytes(item.size_bytes), item.metadata});
  }
  table.print();
  if (!page.next.empty()) print_note(fmt::format("there are more: --after '{}'", page.next));
  return kDone;
}

Result<int> run_facets(const Session& session, const ItemOptions& options) {
  FacetRequest request{.fields = options.fields,
                       .limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(options.limit, kMaxFacetValues))};
  EIDETIC_TRY(request.filter, parse_filter(options.filter));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto facets, engine->facets(options.collection, request));
  if (session.globals.json) {
    print_json(to_json(facets, options.collection));
    return kDone;
  }
  for (const Facet& facet : facets) {
    std::string range;
    if (facet.least) range = fmt::format(", numbers from {} to {}", *facet.least, *facet.largest);
    fmt::print("{}: {} values{}; {} of {} items have none\n", printable(facet.field), facet.distinct, range,
               facet.without, facet.items);
    Table table({{.title = "items", .right_aligned = true}, {.title = "value", .least = 16}});
    for (const auto& [value, items] : facet.values) table.add({std::to_string(items), value});
    if (!facet.values.empty()) table.print();
  }
  return kDone;
}

int print_item(const Session& session, const Item& item) {
  const Json json = to_json(item);
  if (session.globals.json) {
    print_json(json);
    return kDone;
  }
  for (const auto* field : {"id", "uri", "content_hash", "size_bytes", "modified", "metadata", "vector"}) {
    if (json.contains(field) && !json[field].is_null()) {
      fmt::print("{:<12} {}\n", field, printable(cell_text(json[field])));
    }
  }
  return kDone;
}

Result<int> run_show(const Session& session, const ItemOptions& options) {
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const auto items, engine->get(options.collection, std::span(&options.id, 1), options.vectors));
  if (!items.front()) {
    return fail(ErrorCode::not_found, fmt::format("collection '{}' has no item '{}'", options.collection, options.id));
  }
  return print_item(session, *items.front());
}

Result<int> run_patch(const Session& session, const ItemOptions& options) {
  EIDETIC_CHECK(parse_json_object(options.patch, "the patch"));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const Item item, engine->patch(options.collection, options.id, options.patch));
  return print_item(session, item);
}

Result<int> run_delete(const Session& session, const ItemOptions& options) {
  if (options.ids.empty() == options.filter.empty()) {
    return fail(ErrorCode::invalid_argument, "items delete takes either ids or --filter EXPR");
  }
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  EIDETIC_TRY(const std::uint64_t deleted, options.filter.empty()
                                               ? engine->erase(options.collection, options.ids)
                                               : engine->erase_where(options.collection, options.filter));
  if (session.globals.json) {
    print_json({{"collection", options.collection}, {"deleted", deleted}});
  } else {
    fmt::print("{}: {} items deleted\n", options.collection, deleted);
  }
  return kDone;
}

}  // namespace

void add_items_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("items", "List, show, change and delete the items of a collection")
                  ->fallthrough()
                  ->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    auto* command = app->add_subcommand(name, description)->fallthrough();
    auto options = std::make_shared<ItemOptions>();
    command->add_option("-c,--collection", options->collection, "the collection")->type_name("NAME")->required();
    command->callback([=, &session] { session.command = [=, &session] { return run(session, *options); }; });
    return std::pair(command, options);
  };
  const auto add_id = [](auto& added) {
    added.first->add_option("ID", added.second->id, "the item")->type_name("")->required();
  };
  const auto add_filter = [](auto& added, const char* description) {
    added.first->add_option("--filter", added.second->filter, description)->type_name("EXPR");
  };

  auto list = add("list", "List items by id", run_list);
  add_filter(list, "only items whose metadata it matches");
  list.first->add_option("--limit", list.second->limit, "how many (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000'000U).description(""));
  list.first->add_option("--after", list.second->after, "go on where an earlier list ended: its `next`")
      ->type_name("CURSOR");
  list.first->add_option("--sort", list.second->sort, "by a field in place of by id; --sort=-FIELD: downwards")
      ->type_name("FIELD");
  list.first->add_flag("--vectors", list.second->vectors, "with their vectors (--json)");

  auto facets = add("facets", "Count the values of metadata fields", run_facets);
  facets.first->add_option("FIELD", facets.second->fields, "the fields; a.b is field b in field a")
      ->type_name("")
      ->required();
  add_filter(facets, "count only items whose metadata it matches");
  facets.second->limit = 20;
  facets.first->add_option("--limit", facets.second->limit, "values of each field, most frequent first (default: 20)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxFacetValues).description(""));

  auto show = add("show", "Show one item", run_show);
  add_id(show);
  show.first->add_flag("--vectors", show.second->vectors, "with its vector");

  auto patch = add("patch", "Change the metadata of an item", run_patch);
  add_id(patch);
  patch.first->add_option("JSON", patch.second->patch, "fields to set; null removes one: a merge patch, RFC 7396")
      ->type_name("")
      ->required();

  auto erase = add("delete", "Delete items", run_delete);
  erase.first->add_option("ID", erase.second->ids, "the items")->type_name("");
  add_filter(erase, "delete all items whose metadata it matches");
}

}  // namespace eidetic
