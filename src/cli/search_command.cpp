// eidetic search TERM [+|- TERM]… -c NAME
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/terms.h"
#include "server/wire.h"

namespace eidetic {
namespace {

constexpr std::size_t kMetadataColumns = 4;

struct SearchOptions {
  std::vector<std::string> words;
  std::string collection;
  std::string model;
  std::uint32_t k = 10;
  std::optional<double> min_similarity_pct;
  std::string crop;
  std::string filter;
  std::string augment;
  std::uint32_t seed = 1;
  std::filesystem::path contact_sheet;
  std::uint32_t verify = 0;
  std::string min_confidence;
  std::string classify, class_name;
  std::optional<double> class_confidence;
  std::filesystem::path alignment;
  SearchDepth depth;
  bool exclude_self = false;
  bool regions = false;
  bool collapse = false;
  bool files_only = false;
};

// What other programs take as the name of the picture: a path for files, the id where the picture is kept with the
// collection, the URI for all else.
std::string file_of(const Hit& hit) {
  constexpr std::string_view kScheme = "file://";
  if (hit.uri.starts_with(fmt::format("{}:", kStoredScheme))) return hit.id;
  if (!hit.uri.starts_with(kScheme)) return hit.uri.empty() ? hit.id : hit.uri;
  return hit.uri.substr(kScheme.size());
}

// The metadata fields that the hits have, in order of first appearance, as many as a table takes.
std::vector<std::string> metadata_fields(const std::vector<Json>& metadata) {
  std::vector<std::string> fields;
  for (const Json& object : metadata) {
    for (const auto& [field, value] : object.items()) {
      if (fields.size() < kMetadataColumns && std::ranges::find(fields, field) == fields.end()) fields.push_back(field);
    }
  }
  return fields;
}

// "37 of 52 agree", "no", or why it is not known.
std::string verification_text(const std::optional<Verification>& found) {
  if (!found) return "";
  if (!found->note.empty()) return found->note;
  if (!found->verified) return "no";
  return fmt::format("{} of {}{}, {:.0f} % of it", found->inliers, found->matches, found->mirrored ? ", mirrored" : "",
                     found->hit_overlap_pct);
}

// "25 % at 50,0": so much of the picture, and the place of the top left corner.
std::string region_text(const std::optional<Crop>& region) {
  if (!region) return "";
  constexpr double kPercent = 100;
  return fmt::format("{:.0f} % at {:.0f},{:.0f}", region->width * region->height * kPercent, region->x * kPercent,
                     region->y * kPercent);
}

void print_table(const std::vector<SearchHit>& hits) {
  std::vector<Json> metadata;
  for (const Hit& hit : hits) metadata.push_back(metadata_object(hit.metadata));
  const auto fields = metadata_fields(metadata);
  std::vector<Column> columns = {{.title = "#", .right_aligned = true},
                                 {.title = "similarity", .right_aligned = true},
                                 {.title = "distance", .right_aligned = true},
                                 {.title = "id", .least = 12, .cut = Cut::head}};
  const bool judged = std::ranges::any_of(hits, [](const SearchHit& hit) { return hit.confidence.has_value(); });
  if (judged) columns.push_back({.title = "confidence", .right_aligned = true});
  const bool verified = std::ranges::any_of(hits, [](const SearchHit& hit) { return hit.verification.has_value(); });
  if (verified) columns.push_back({.title = "same picture", .least = 12});
  const bool in_hit = std::ranges::any_of(hits, [](const SearchHit& hit) { return hit.region.has_value(); });
  if (in_hit) columns.push_back({.title = "region"});
  const bool in_query = std::ranges::any_of(hits, [](const SearchHit& hit) { return hit.query_region.has_value(); });
  if (in_query) columns.push_back({.title = "of the query"});
  const bool copied = std::ranges::any_of(hits, [](const SearchHit& hit) { return !hit.copies.empty(); });
  if (copied) columns.push_back({.title = "copies", .right_aligned = true});
  for (const auto& field : fields) columns.push_back({.title = field, .least = 8, .optional = true});
  Table table(std::move(columns));
  for (std::size_t rank = 0; rank < hits.size(); ++rank) {
    std::vector<std::string> cells = {std::to_string(rank + 1), fmt::format("{:.4f}", hits[rank].similarity),
                                      fmt::format("{:.4f}", hits[rank].distance), hits[rank].id};
    if (judged) cells.push_back(hits[rank].confidence ? fmt::format("{:.2f}", *hits[rank].confidence) : "");
    if (verified) cells.push_back(verification_text(hits[rank].verification));
    if (in_hit) cells.push_back(region_text(hits[rank].region));
    if (in_query) cells.push_back(region_text(hits[rank].query_region));
    if (copied) cells.push_back(hits[rank].copies.empty() ? "" : std::to_string(hits[rank].copies.size()));
    for (const auto& field : fields) {
      cells.push_back(metadata[rank].contains(field) ? cell_text(metadata[rank][field]) : "");
    }
    table.add(std::move(cells));
  }
  table.print();
}

// An empty answer says why it is empty.
std::string nothing_found(const SearchOptions& options, const SearchResult& result, Engine& engine) {
  if (result.nothing_similar) {
    return result.explanation.below_confidence > 0
               ? fmt::format(
                     "nothing similar in collection '{}': none of {} candidates is likely enough to be a match; "
                     "a lower --min-confidence shows more",
                     options.collection, result.explanation.candidates)
               : fmt::format("nothing in collection '{}' is at least {} % similar; a lower --min-similarity shows more",
                             options.collection, options.min_similarity_pct.value_or(0));
  }
  if (const auto info = engine.describe(options.collection); info && info->items == 0) {
    return fmt::format("collection '{}' is empty", options.collection);
  }
  return fmt::format("nothing {} in collection '{}'", options.filter.empty() ? "else is" : "passes the filter",
                     options.collection);
}

// What the query was taken for, and what was made of it.
std::string class_note(const Classification& told) {
  std::string note = fmt::format("class: {} ({:.0f} %)", told.class_name, told.confidence * 100);
  if (told.fallback == "unsure") return note + ", which is unsure: all of the collection was searched";
  if (told.fallback == "empty") return note + ", of which there is nothing: all of the collection was searched";
  if (told.fallback == "nearer") return note + "; much nearer is what is not of it: all of the collection was searched";
  return note;
}

Result<double> parse_confidence(const std::string& text) {
  if (text == "auto") return kRecommendedConfidence;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--min-confidence takes a number from 0 to 1, or auto, not '{}'", text));
  }
  return value;
}

Result<Query> build_query(const SearchOptions& options) {
  Query query;
  query.model = options.model;
  query.k = options.k;
  query.min_similarity_pct = options.min_similarity_pct;
  query.filter = options.filter;
  query.seed = options.seed;
  if (!options.augment.empty()) {
    EIDETIC_TRY(query.augment, parse_augmentation(options.augment));
  }
  query.verify = options.verify;
  query.classify = options.classify;
  query.class_name = options.class_name;
  query.min_class_confidence = options.class_confidence;
  if (!options.min_confidence.empty()) {
    EIDETIC_TRY(query.min_confidence, parse_confidence(options.min_confidence));
  }
  query.exclude_terms = options.exclude_self;
  query.regions = options.regions;
  query.collapse = options.collapse;
  query.depth = options.depth;
  EIDETIC_TRY(query.terms, parse_terms(options.words));
  if (!options.crop.empty()) {
    EIDETIC_TRY(const Crop crop, parse_crop(options.crop));
    bool used = false;
    for (Term& term : query.terms) {
      if (term.kind != Term::Kind::picture && term.kind != Term::Kind::id) continue;
      term.crop = crop;
      used = true;
    }
    if (!used) return fail(ErrorCode::invalid_argument, "--crop needs a picture among the search terms");
  }
  return query;
}

// Where a word was taken for text only because no file has that name, the message says so.
Error explain(Error error, const Query& query) {
  if (error.code != ErrorCode::unsupported) return error;
  const auto text = std::ranges::find(query.terms, Term::Kind::text, &Term::kind);
  if (text == query.terms.end()) return error;
  return {ErrorCode::not_found, fmt::format("there is no file '{}', and as text: {}", text->value, error.message)};
}

Result<void> write_picture(const std::filesystem::path& file, const EncodedPicture& picture) {
  EIDETIC_CHECK(
      write_file_atomically(file, {reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size()}));
  print_note(fmt::format("drawn: {}", file.native()));
  return {};
}

void print_explanation(const SearchResult& result) {
  for (const auto& [stage, ms, items] : result.timings) {
    if (items == 0) continue;
    constexpr double kMilliseconds = 1e3;
    fmt::print(stderr, "  {:<10} {:8.2f} ms  {:12.3f} /s\n", stage, ms,
               static_cast<double>(items) * kMilliseconds / ms);
  }
}

Result<int> run_search(const Session& session, const SearchOptions& options) {
  EIDETIC_TRY(const Query query, build_query(options));
  EIDETIC_TRY(const auto engine, open_engine(session.globals));
  if (!options.contact_sheet.empty()) {
    EIDETIC_TRY(const auto sheet, engine->contact_sheet(query));
    EIDETIC_CHECK(write_picture(options.contact_sheet, sheet));
  }
  const auto result = engine->search(options.collection, query);
  if (!result) return std::unexpected(explain(result.error(), query));

  if (!options.alignment.empty() && !result->hits.empty()) {
    EIDETIC_TRY(const auto drawn, engine->alignment(options.collection, query, result->hits.front().id));
    EIDETIC_CHECK(write_picture(options.alignment, drawn));
  }
  if (session.globals.json) {
    print_json(Json::parse(search_json(*result)));
    return kDone;
  }
  if (result->hits.empty()) {
    print_note(nothing_found(options, *result, *engine));
  } else if (options.files_only) {
    for (const Hit& hit : result->hits) fmt::print("{}\n", file_of(hit));
  } else {
    print_table(result->hits);
  }
  if (const auto& told = result->explanation.classification) print_note(class_note(*told));
  for (const auto& note : result->explanation.notes) print_note(note);
  if (session.globals.verbose) print_explanation(*result);
  return kDone;
}

}  // namespace

void add_search_depth(CLI::App& command, SearchDepth& depth) {
  const auto add = [&command](const char* name, std::uint32_t& value, std::uint32_t most, const char* description) {
    command.add_option(name, value, description)->type_name("N")->check(CLI::Range(0U, most).description(""));
  };
  add("--ef", depth.ef, kMaxEf, "HNSW: candidates kept during the walk (default: 0, as deep as usual)");
  add("--nprobe", depth.nprobe, kMaxNprobe, "IVF: cells visited (default: 0, as many as usual)");
  add("--rescore", depth.rescore, kMaxEf, "candidates of codes scored again in full (default: 0, as many as usual)");
}

void add_search_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("search", "Search a collection for pictures like TERM [+|- TERM]…")->fallthrough();
  auto options = std::make_shared<SearchOptions>();
  app->add_option("TERM", options->words,
                  "a file, a URL, id:ITEM or text; joined by words + and -; weighted as in 2:cat.jpg")
      ->type_name("")
      ->required();
  app->add_option("-c,--collection", options->collection, "collection to search")->type_name("NAME")->required();
  app->add_option("--model", options->model, "refuse to search unless the collection is of this model")
      ->type_name("BUNDLE");
  app->add_option("-k", options->k, "how many hits (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1U, kMaxK).description(""));
  app->add_option("--min-similarity", options->min_similarity_pct, "leave out hits below this similarity, in per cent")
      ->type_name("PCT")
      ->check(CLI::Range(0.0, 100.0).description(""));
  app->add_option("--crop", options->crop, "use this part of the pictures: pixels, or fractions up to 1")
      ->type_name("X,Y,W,H");
  app->add_option("--filter", options->filter, "only items whose metadata it matches")->type_name("EXPR");
  app->add_option(
         "--augment", options->augment,
         "search with eight variants of the pictures too: pool what all find, or take their mean; or with their parts")
      ->type_name("HOW");
  app->add_option("--seed", options->seed, "of what variants leave to chance (default: 1)")->type_name("N");
  app->add_option("--contact-sheet", options->contact_sheet, "draw the variants")->type_name("FILE.jpg");
  app->add_option("--verify", options->verify, "verify so many of the best by keypoints, and rank them anew")
      ->type_name("N")
      ->check(CLI::Range(0U, kMaxVerify).description(""));
  app->add_option("--alignment", options->alignment, "draw the picture beside the best hit, with what agrees")
      ->type_name("FILE.jpg");
  app->add_option("--min-confidence", options->min_confidence,
                  "leave out hits less likely to be real matches: 0 to 1, or auto; see eidetic calibrate")
      ->type_name("P");
  app->add_option("--classify", options->classify, "search only items of the class that this classifier says")
      ->type_name("CLASSIFIER");
  app->add_option("--class", options->class_name, "search only items of this class")->type_name("CLASS");
  app->add_option("--class-confidence", options->class_confidence,
                  "search all where the classifier is less sure: 0 to 1")
      ->type_name("P");
  add_search_depth(*app, options->depth);
  app->add_flag("--exclude-self", options->exclude_self, "leave out the pictures that were searched with");
  app->add_flag("--regions", options->regions, "find pictures by a part of them too; see eidetic regions");
  app->add_flag("--collapse", options->collapse, "show hits that are copies of a better one with that one");
  app->add_flag("--files-only", options->files_only, "print one file a line and nothing else");
  app->callback([=, &session] { session.command = [=, &session] { return run_search(session, *options); }; });
}

}  // namespace eidetic
