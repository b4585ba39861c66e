// A whole run described by one TOML file: data set, collection, classes, calibration, sample searches, result sheets.
// What is done already is skipped. docs/recipes.md describes the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

inline constexpr std::uint32_t kMaxSamples = 1000;
inline constexpr std::uint32_t kMaxSheetHits = 100;

struct Recipe {
  std::filesystem::path file;  // that it was read from, absolute; relative paths in it are relative to its folder
  std::string collection;
  std::optional<std::string> model = {}, index = {};  // of a new collection; a changed index is changed
  std::optional<Metric> metric = {};                  // of a new collection

  struct Data {
    std::string dataset = {};  // see datasets.h; empty: what `request` names
    std::string mirror = {}, url = {};
    std::filesystem::path archive = {};  // PullRequest::file
    std::string pictures = {};           // folder in the data set, in place of the one that is known
    IndexRequest request = {};           // its paths are absolute, or URLs
  } data;

  std::optional<ClassifierRequest> classes = {};
  std::filesystem::path classes_csv = {};  // read when it is run
  std::optional<CalibrationRequest> calibration = {};

  struct Search {
    std::uint32_t count = 10;  // sample searches, 0 to kMaxSamples
    std::uint64_t seed = 42;   // which items are searched with
    bool classify = false;     // by the recipe's classifier
    std::string label = {};    // whose equal value makes a hit right: a metadata field, or kFolderLabel; empty: unknown
    Query query = {};          // all but its terms
  } search;

  std::filesystem::path output;      // folder of sheets, page and report
  std::uint32_t picture_size = 200;  // pixels, of a picture on a sheet
};

// `file` is for messages and relative paths; it need not be there. invalid_argument naming file, line and key: no TOML,
// a key that is not known (with the nearest one), a value of another type or out of bounds, keys that do not go
// together.
[[nodiscard]] Result<Recipe> parse_recipe(std::string_view text, const std::filesystem::path& file);
[[nodiscard]] Result<Recipe> read_recipe(const std::filesystem::path& file);

struct RecipeProgress {
  std::string step;  // "data", "index", "search"
  std::string unit;  // "bytes", "images", "searches"
  std::uint64_t done = 0, total = 0, failed = 0;
};

struct RecipeStep {
  std::string name;      // "data", "collection", "index", "classes", "calibration", "search"
  bool skipped = false;  // it was as it has to be
  std::string text;      // "2,048 pictures are as they were"
  double seconds = 0;
};

struct RecipeOptions {
  std::filesystem::path data_dir;                            // that data sets are in
  std::string command = "eidetic";                           // how the program is called, in what the page says to type
  std::function<void(const RecipeProgress&)> progress = {};  // on the calling thread, often
  std::function<void(const RecipeStep&)> done = {};          // as each step is done
};

struct RecipeReport {
  std::string collection;
  std::vector<RecipeStep> steps;
  std::filesystem::path folder, page, report;  // report: JSON, docs/recipes.md
  std::uint64_t searches = 0;
  std::uint64_t judged = 0;  // of these, with a label: the figures below are of these, and 0 where there are none
  std::uint32_t k = 0;
  double p_at_1 = 0, p_at_k = 0;  // share of right ones among the first hit, the k first
  // The same of searches without classes, where the others were with them. Items that have a label are of the class it
  // says, so that with classes the figures above tell how often a query's class was recognised, and not how alike the
  // nearest pictures are.
  std::optional<double> plain_p_at_1 = {}, plain_p_at_k = {};
  double median_ms = 0;  // of one search, on the engine's side
  std::optional<ClassifierInfo> classifier = {};
  std::optional<CalibrationInfo> calibration = {};
  std::uint64_t failed = 0;       // pictures that could not be indexed
  std::vector<ItemError> errors;  // why
  bool interrupted = false;       // stopped by the token: the next run goes on from there
};

// Runs the steps in order, each only where what it was made of has changed since it was done: `state.json` in the
// output folder remembers that. Everything is written atomically, so that a run that was killed is gone on with by the
// next. The engine may be a server's, the pictures are of this machine. One run at a time of an output folder:
// unavailable for the second. Errors: those of the steps.
[[nodiscard]] Result<RecipeReport> run_recipe(Engine& engine, const Recipe& recipe, const RecipeOptions& options,
                                              std::stop_token stop = {});

}  // namespace eidetic
