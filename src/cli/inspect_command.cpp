// eidetic inspect -c NAME [TERM [+|- TERM]…] [--map METHOD]
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/inspection_plot.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/terms.h"

namespace eidetic {
namespace {

constexpr std::size_t kShown = 20;  // lines of a table

struct InspectOptions {
  std::string collection;
  std::vector<std::string> words;
  std::uint32_t k = 10;
  SearchDepth depth;
  std::string method;
  MapRequest map;
  std::filesystem::path svg;
};

void print_more(std::size_t all) {
  if (all > kShown) fmt::print("… and {} more; --json gives all\n", all - kShown);
}

// --- the index ---

void print(const IndexView& view, const std::string& collection) {
  fmt::print("{}: {} over {} items, searched in {} dimensions\n", collection, view.kind, view.items, view.dimensions);
  if (!view.layers.empty()) {
    Table table({{.title = "layer", .right_aligned = true},
                 {.title = "items", .right_aligned = true},
                 {.title = "links an item", .right_aligned = true}});
    for (std::size_t layer = view.layers.size(); layer-- > 0;) {
      table.add({std::to_string(layer), std::to_string(view.layers[layer].items),
                 fmt::format("{:.1f}", view.layers[layer].mean_links)});
    }
    table.print();
  }
  if (view.cells.empty()) return;
  std::vector<std::uint64_t> sizes;
  double radius = 0;
  for (const auto& cell : view.cells) {
    sizes.push_back(cell.items);
    radius = std::max(radius, cell.radius);
  }
  std::ranges::sort(sizes);
  fmt::print("{} cells of {} to {} items, median {}; {} empty; largest radius {:.4g}\n", sizes.size(), sizes.front(),
             sizes.back(), sizes[sizes.size() / 2], std::ranges::count(sizes, 0U), radius);
  Table table({{.title = "cell", .right_aligned = true},
               {.title = "items", .right_aligned = true},
               {.title = "mean distance", .right_aligned = true},
               {.title = "radius", .right_aligned = true}});
  for (std::size_t i = 0; i < std::min(kShown, view.cells.size()); ++i) {
    const auto& cell = view.cells[i];
    table.add({std::to_string(i), std::to_string(cell.items), fmt::format("{:.4f}", cell.mean_distance),
               fmt::format("{:.4f}", cell.radius)});
  }
  table.print();
  print_more(view.cells.size());
}

// --- the walk of one search ---

void print_steps(const SearchWalk& walk) {
  struct Layer {
    std::set<std::uint32_t> nodes;
    double best = -1e300;
  };
  std::map<std::uint32_t, Layer, std::greater<>> layers;
  for (const auto& step : walk.steps) {
    Layer& layer = layers[step.layer];
    layer.nodes.insert(step.node);
    layer.best = std::max(layer.best, step.similarity);
  }
  Table table({{.title = "layer", .right_aligned = true},
               {.title = "items compared", .right_aligned = true},
               {.title = "nearest, by code", .right_aligned = true}});
  for (const auto& [number, layer] : layers) {
    table.add({std::to_string(number), std::to_string(layer.nodes.size()), fmt::format("{:.4f}", layer.best)});
  }
  table.print();
}

void print_visits(const SearchWalk& walk) {
  Table table({{.title = "visit", .right_aligned = true},
               {.title = "cell", .right_aligned = true},
               {.title = "distance", .right_aligned = true},
               {.title = "items", .right_aligned = true}});
  for (std::size_t i = 0; i < std::min(kShown, walk.visits.size()); ++i) {
    const auto& visit = walk.visits[i];
    table.add({std::to_string(i + 1), std::to_string(visit.cell), fmt::format("{:.4f}", visit.distance),
               std::to_string(visit.items)});
  }
  table.print();
  print_more(walk.visits.size());
}

void print(const SearchWalk& walk, const std::string& collection) {
  fmt::print("{}: a search in {}: {} items scored in full, {} hits\n", collection, walk.kind, walk.candidates.size(),
             walk.hits.size());
  if (walk.scanned) fmt::print("the walk did not find enough: all items were compared\n");
  if (!walk.steps.empty()) print_steps(walk);
  if (!walk.visits.empty()) print_visits(walk);
  Table table({{.title = "by code", .right_aligned = true},
               {.title = "rank", .right_aligned = true},
               {.title = "estimate", .right_aligned = true},
               {.title = "similarity", .right_aligned = true},
               {.title = "id", .least = 12, .cut = Cut::head}});
  for (std::size_t i = 0; i < std::min(kShown, walk.candidates.size()); ++i) {
    const auto& candidate = walk.candidates[i];
    table.add({std::to_string(i + 1), candidate.rank == 0 ? "" : std::to_string(candidate.rank),
               fmt::format("{:.4f}", candidate.estimate), fmt::format("{:.4f}", candidate.similarity),
               walk.nodes[candidate.node].id});
  }
  table.print();
  print_more(walk.candidates.size());
}

// --- the map ---

void print(const CollectionMap& map, const std::string& collection) {
  fmt::print("{}: {} of {} items on a map by {}{}\n", collection, map.points.size(), map.items, to_string(map.method),
             map.method == MapMethod::pca
                 ? fmt::format(", which shows {:.0f} % of their variance", 100 * map.explained_variance)
                 : "");
}

// --- the command ---

template <typename View>
std::string json_of(const View& view, const std::string& collection) {
  return dump_json(to_json(view, collection));
}
std::string json_of(const CollectionMap& map, const std::string& collection) { return map_json(map, collection); }

// Prints it for the one who reads, and draws it where that was asked for.
template <typename View>
Result<int> show(const Session& session, const InspectOptions& options, const View& view) {
  if (session.globals.json) {
    fmt::print("{}\n", json_of(view, options.collection));
  } else {
    print(view, options.collection);
  }
  if (!options.svg.empty()) {
    EIDETIC_CHECK(write_file_atomically(options.svg, svg_of(view, options.collection)));
    print_note(fmt::format("drawn: {}", options.svg.native()));
  }
  return kDone;
}

Result<int> run_inspect(const Session& session, InspectOptions options) {
  if (!options.words.empty() && !options.method.empty()) {
    return fail(ErrorCode::invalid_argument, "--map shows the whole collection: leave out the search terms, or --map");
  }
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  if (!options.words.empty()) {
    Query query{.k = options.k, .depth = options.depth};
    EIDETIC_TRY(query.terms, parse_terms(options.words));
    EIDETIC_TRY(const SearchWalk walk, engine->walk(options.collection, query));
    return show(session, options, walk);
  }
  if (!options.method.empty()) {
    EIDETIC_TRY(options.map.method, parse_map_method(options.method));
    EIDETIC_TRY(const CollectionMap map, engine->map(options.collection, options.map));
    if (options.svg.empty() && !session.globals.json) print_note("--svg FILE draws it, --json gives its points");
    return show(session, options, map);
  }
  EIDETIC_TRY(const IndexView view, engine->inspect(options.collection));
  return show(session, options, view);
}

}  // namespace

void add_inspect_command(CLI::App& root, Session& session) {
  auto* app =
      root.add_subcommand("inspect", "Look inside an index: its parts, the walk of one search, a map of all items")
          ->fallthrough();
  auto options = std::make_shared<InspectOptions>();
  app->add_option("TERM", options->words, "follow a search for this: a file, a URL, id:ITEM or text, as in search")
      ->type_name("");
  app->add_option("-c,--collection", options->collection, "collection to look into")->type_name("NAME")->required();
  app->add_option("-k", options->k, "hits of the search (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxK).description(""));
  add_search_depth(*app, options->depth);
  app->add_option("--map", options->method,
                  "lay all items out in a plane: pca, or umap, which keeps neighbours together")
      ->type_name("METHOD");
  app->add_option("--limit", options->map.limit, "items on the map; of more, a sample (default: 2000)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxMapItems).description(""));
  app->add_option("--neighbors", options->map.neighbors, "umap: neighbours of each item that it keeps (default: 15)")
      ->type_name("N")
      ->check(CLI::Range(2U, kMaxMapNeighbors).description(""));
  app->add_option("--seed", options->map.seed, "another sample and another start (default: 1)")->type_name("N");
  app->add_option("--label", options->map.label, "metadata field to colour the map by, or @folder")->type_name("FIELD");
  app->add_option("--svg", options->svg, "draw it")->type_name("FILE.svg");
  app->callback([=, &session] { session.command = [=, &session] { return run_inspect(session, *options); }; });
}

}  // namespace eidetic
