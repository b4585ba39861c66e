// run_recipe of eidetic/recipe.h.
#include "eidetic/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "eidetic/datasets.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/stages.h"
#include "recipes/results.h"
#include "recipes/run_state.h"
#include "recipes/sample_searches.h"
#include "recipes/samples.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

constexpr int kSheetsVersion = 1;  // of what sheets, page and report look like
constexpr std::size_t kMaxCsvBytes = std::size_t{1} << 30;

std::string digest_of(const Json& json) { return sha256_hex(as_bytes(dump_json(json))); }

Json to_json(const ClassifierRequest& request) {
  return {{"name", request.name},
          {"kind", to_string(request.kind)},
          {"label", request.label},
          {"hidden", request.hidden},
          {"clusters", request.clusters},
          {"classes", request.classes},
          {"csv", sha256_hex(as_bytes(request.csv))},
          {"min_confidence", request.min_confidence},
          {"seed", request.seed}};
}

// What tells a classifier from another one of its name.
Json to_json(const ClassifierInfo& info) {
  return {{"kind", to_string(info.kind)}, {"label", info.label},
          {"classes", info.classes},      {"min_confidence", info.min_confidence},
          {"items", info.items},          {"held_out", info.held_out},
          {"accuracy", info.accuracy}};
}

Json to_json(const Recipe::Search& search) {
  const auto or_null = [](const std::optional<double>& number) { return number ? Json(*number) : Json(); };
  return {{"count", search.count},
          {"seed", search.seed},
          {"classify", search.classify},
          {"label", search.label},
          {"k", search.query.k},
          {"filter", search.query.filter},
          {"verify", search.query.verify},
          {"min_similarity", or_null(search.query.min_similarity_pct)},
          {"min_confidence", or_null(search.query.min_confidence)}};
}

std::string percent(double share) { return fmt::format("{:.1f} %", share * 100); }

class Run {
 public:
  Run(Engine& engine, const Recipe& recipe, const RecipeOptions& options, std::stop_token stop)
      : engine_(engine),
        recipe_(recipe),
        options_(options),
        stop_(std::move(stop)),
        state_(RunState::load(recipe.output / "state.json")) {
    report_.collection = recipe.collection;
    report_.folder = recipe.output;
    report_.page = recipe.output / "index.html";
    report_.report = recipe.output / "report.json";
  }

  Result<RecipeReport> go() {
    for (const auto step :
         {&Run::data, &Run::collection, &Run::index, &Run::classes, &Run::calibration, &Run::search}) {
      auto done = (this->*step)();
      if (stop_.stop_requested()) report_.interrupted = true;
      if (report_.interrupted) return std::move(report_);
      if (!done) return std::unexpected(done.error());
    }
    EIDETIC_CHECK(remember_items());
    return std::move(report_);
  }

 private:
  // --- data set ---

  Result<void> data() {
    request_ = recipe_.data.request;
    if (recipe_.data.dataset.empty()) return {};
    begin();
    EIDETIC_TRY(const auto pulled,
                pull_dataset(
                    options_.data_dir,
                    {.name = recipe_.data.dataset,
                     .mirror = recipe_.data.mirror,
                     .url = recipe_.data.url,
                     .file = recipe_.data.archive},
                    [&](const DatasetProgress& now) { tell("data", "bytes", now.done, now.total); }, stop_));
    const fs::path pictures = recipe_.data.pictures.empty() ? pulled.pictures : pulled.folder / recipe_.data.pictures;
    std::error_code ignored;
    if (!fs::is_directory(pictures, ignored)) {
      return fail(ErrorCode::not_found, fmt::format("the data set '{}' has no folder '{}' (it is in {})", pulled.name,
                                                    recipe_.data.pictures, pulled.folder.native()));
    }
    request_.paths = {pictures.native()};
    if (request_.metadata_file.empty()) request_.metadata_file = pulled.metadata_file;
    if (pulled.fetched) {
      done("data", false,
           fmt::format("{}: {} fetched, {} files unpacked into {}", pulled.name, human_bytes(pulled.archive_bytes),
                       grouped(pulled.files), pulled.folder.native()));
    } else {
      done("data", true, fmt::format("{} is in {}", pulled.name, pulled.folder.native()));
    }
    return {};
  }

  // --- collection ---

  Result<void> collection() {
    begin();
    const auto info = engine_.describe(recipe_.collection);
    if (!info && info.error().code != ErrorCode::not_found) return std::unexpected(info.error());
    if (!info) {
      CreateOptions create;
      if (recipe_.model) create.model = *recipe_.model;
      if (recipe_.index) create.index = *recipe_.index;
      if (recipe_.metric) create.metric = *recipe_.metric;
      EIDETIC_CHECK(engine_.create(recipe_.collection, create));
      created_ = true;
      done("collection", false, fmt::format("{} is made", recipe_.collection));
      return {};
    }
    if (recipe_.metric && *recipe_.metric != info->spec.space.metric) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("collection '{0}' has the metric {1}, and {2} says {3}: give the recipe another collection, "
                      "or drop this one: eidetic collections drop {0}",
                      recipe_.collection, to_string(info->spec.space.metric), recipe_.file.native(),
                      to_string(*recipe_.metric)));
    }
    if (recipe_.index && *recipe_.index != info->spec.index) {
      EIDETIC_CHECK(engine_.change(recipe_.collection, {.index = recipe_.index}));
      done("collection", false,
           fmt::format("{}: index {} in place of {}", recipe_.collection, *recipe_.index, info->spec.index));
      return {};
    }
    done("collection", true, fmt::format("{} is there", recipe_.collection));
    return {};
  }

  // --- pictures ---

  Result<void> index() {
    begin();
    const auto indexed = engine_.index(
        recipe_.collection, request_,
        [&](const IndexProgress& now) { tell("index", "images", now.done, now.total, now.failed); }, stop_);
    auto now = engine_.describe(recipe_.collection);
    if (!indexed) {
      // A collection that was made for nothing, say for a folder that is not there, does not stay.
      if (created_ && now && now->items == 0) (void)engine_.drop(recipe_.collection);
      return std::unexpected(indexed.error());
    }
    report_.failed = indexed->failed;
    report_.errors = indexed->errors;
    report_.interrupted = indexed->interrupted;
    if (!now) return std::unexpected(now.error());
    if (now->items == 0 && !report_.interrupted) {
      if (created_) (void)engine_.drop(recipe_.collection);
      return fail(ErrorCode::not_found, fmt::format("there is no picture that could be indexed in {}",
                                                    request_.paths.empty() ? "" : request_.paths.front()));
    }
    tell_of(*indexed);
    const Json& last = state_.of("collection");
    // A server does not say its collections' sequence: 0.
    const bool quiet = indexed->indexed == 0 && indexed->updated == 0 && indexed->removed == 0 && now->sequence > 0;
    same_items_ = quiet && last.is_object() && last.value("created_ms", Json()) == now->created_ms &&
                  last.value("sequence", Json()) == now->sequence && last.value("labels", Json()) == Json(labels()) &&
                  last.value("labelled", Json()).is_string() && last.value("everything", Json()).is_string();
    return {};
  }

  void tell_of(const IndexReport& indexed) {
    const bool same = indexed.indexed == 0 && indexed.updated == 0 && indexed.removed == 0;
    std::string text;
    if (same) {
      text = fmt::format("{} pictures are as they were", grouped(indexed.skipped));
    } else {
      text = fmt::format("{} pictures indexed, {} as they were", grouped(indexed.indexed),
                         grouped(indexed.skipped - indexed.updated));
      if (indexed.updated > 0) text += fmt::format(", {} with new metadata", grouped(indexed.updated));
      if (indexed.removed > 0) text += fmt::format(", {} removed", grouped(indexed.removed));
    }
    if (indexed.failed > 0) text += fmt::format(", {} failed", grouped(indexed.failed));
    done("index", same, std::move(text));
  }

  // Whose labels matter to what is learnt.
  [[nodiscard]] std::vector<std::string> labels() const {
    std::vector<std::string> list;
    if (recipe_.classes && !recipe_.classes->label.empty()) list.push_back(recipe_.classes->label);
    if (recipe_.calibration && !recipe_.calibration->label.empty()) list.push_back(recipe_.calibration->label);
    return list;
  }

  // The items as they are now, looked at once until something changes them.
  Result<const ItemsLook*> items() {
    if (!look_) {
      EIDETIC_TRY(look_, look_at_items(engine_, recipe_.collection,
                                       {.labels = labels(),
                                        .count = recipe_.search.count,
                                        .seed = recipe_.search.seed,
                                        .label = recipe_.search.label}));
    }
    return &*look_;
  }
  // Where nothing was stored since the last run, the items need not be looked at.
  Result<std::string> labelled() {
    if (same_items_) return state_.of("collection").value("labelled", Json()).get<std::string>();
    EIDETIC_TRY(const auto* now, items());
    return now->labelled;
  }
  Result<std::string> everything() {
    if (same_items_) return state_.of("collection").value("everything", Json()).get<std::string>();
    EIDETIC_TRY(const auto* now, items());
    return now->everything;
  }

  // --- what is learnt ---

  Result<void> classes() {
    if (!recipe_.classes) return {};
    begin();
    ClassifierRequest request = *recipe_.classes;
    if (!recipe_.classes_csv.empty()) {
      EIDETIC_TRY(request.csv, read_text(recipe_.classes_csv, kMaxCsvBytes));
    }
    EIDETIC_TRY(const std::string learnt_from, labelled());
    const Json settings = eidetic::to_json(request);
    EIDETIC_TRY(const auto there, engine_.classifiers(recipe_.collection));
    const auto found = std::ranges::find(there, request.name, &ClassifierInfo::name);
    const Json& last = state_.of("classes");
    const bool same = last.is_object() && found != there.end() && last.value("settings", Json()) == settings &&
                      last.value("items", Json()) == learnt_from &&
                      last.value("info", Json()) == eidetic::to_json(*found);
    if (same) {
      report_.classifier = *found;
    } else {
      EIDETIC_TRY(report_.classifier, engine_.train_classifier(recipe_.collection, request));
      same_items_ = false;
      look_.reset();
      EIDETIC_CHECK(state_.set(
          "classes",
          {{"settings", settings}, {"items", learnt_from}, {"info", eidetic::to_json(*report_.classifier)}}));
    }
    const auto& info = *report_.classifier;
    std::string text =
        fmt::format("{}: {} classes {}", info.name, info.classes.size(), same ? "are as learnt" : "learnt");
    if (info.held_out > 0) {
      text += fmt::format(", {} right of {} pictures held out", percent(info.accuracy), grouped(info.held_out));
    }
    done("classes", same, std::move(text));
    return {};
  }

  Result<void> calibration() {
    if (!recipe_.calibration) return {};
    begin();
    EIDETIC_TRY(const std::string learnt_from, labelled());
    const Json settings = {{"label", recipe_.calibration->label}, {"seed", recipe_.calibration->seed}};
    const Json& last = state_.of("calibration");
    const auto there = engine_.calibration(recipe_.collection);
    const bool same = there && last.is_object() && last.value("settings", Json()) == settings &&
                      last.value("items", Json()) == learnt_from &&
                      last.value("recommended", Json()) == there->recommended;
    if (same) {
      report_.calibration = *there;
    } else {
      EIDETIC_TRY(report_.calibration, engine_.calibrate(recipe_.collection, *recipe_.calibration));
      EIDETIC_CHECK(state_.set(
          "calibration",
          {{"settings", settings}, {"items", learnt_from}, {"recommended", report_.calibration->recommended}}));
    }
    done("calibration", same, fmt::format("recommended confidence {:.2f}", report_.calibration->recommended));
    return {};
  }

  // --- searches and sheets ---

  // Of all that sheets, page and report are made of.
  Result<std::string> sheets_key(const CollectionInfo& info) {
    EIDETIC_TRY(const std::string of, everything());
    return digest_of({{"version", kSheetsVersion},
                      {"title", recipe_.file.stem().native()},
                      {"search", eidetic::to_json(recipe_.search)},
                      {"picture_size", recipe_.picture_size},
                      {"items", of},
                      {"space", info.spec.space.hash},
                      {"index", info.spec.index},
                      {"dataset", recipe_.data.dataset},
                      {"command", options_.command},
                      {"classes", recipe_.classes ? state_.of("classes") : Json()},
                      {"calibration", recipe_.calibration ? state_.of("calibration") : Json()}});
  }

  [[nodiscard]] bool all_there(const Json& files) const {
    std::error_code ignored;
    return files.is_array() && std::ranges::all_of(files, [&](const Json& file) {
             return file.is_string() && fs::exists(recipe_.output / file.get_ref<const std::string&>(), ignored);
           });
  }

  Result<void> search() {
    begin();
    EIDETIC_TRY(const CollectionInfo info, engine_.describe(recipe_.collection));
    EIDETIC_TRY(const std::string key, sheets_key(info));
    const Json last = state_.of("search");
    if (last.is_object() && last.value("key", Json()) == key && all_there(last.value("files", Json())) &&
        last.value("summary", Json()).is_object()) {
      recall(last["summary"]);
      done("search", true, fmt::format("{} searches are as they were", grouped(report_.searches)));
      return {};
    }
    Results results{.title = recipe_.file.stem().native(),
                    .collection = info,
                    .command = options_.command,
                    .search = recipe_.search,
                    .classifier = recipe_.search.classify ? recipe_.classes->name : ""};
    if (!recipe_.data.dataset.empty()) {
      const Dataset dataset = find_dataset(recipe_.data.dataset)
                                  .value_or(Dataset{.name = recipe_.data.dataset, .title = recipe_.data.dataset});
      results.dataset = dataset.title;
      results.homepage = dataset.homepage;
      results.licence = dataset.licence;
    }
    EIDETIC_TRY(const auto* now, items());
    EIDETIC_CHECK(make_directories(recipe_.output / "sheets"));
    const std::vector<PickedItem> picked = now->picked;
    SampleSearches searches(engine_, recipe_);
    for (std::size_t i = 0; i < picked.size(); ++i) {
      if (stop_.stop_requested()) return {};
      EIDETIC_TRY(results.samples.emplace_back(), searches.run(picked[i], i + 1));
      tell("search", "searches", i + 1, picked.size());
    }
    summarize(results.samples, recipe_.search.query.k, report_);
    EIDETIC_CHECK(write_file_atomically(
        report_.report, results_json(results, report_).dump(2, ' ', false, Json::error_handler_t::replace) + '\n'));
    EIDETIC_CHECK(write_file_atomically(report_.page, results_page(results, report_)));
    Json files = {"index.html", "report.json"};
    for (const Sample& one : results.samples) files.push_back(one.sheet);
    remove_others(last.is_object() ? last.value("files", Json()) : Json(), files);
    EIDETIC_CHECK(state_.set("search", {{"key", key}, {"files", files}, {"summary", summary()}}));
    std::string text = fmt::format("{} searches, {:.2f} ms each", grouped(report_.searches), report_.median_ms);
    if (report_.judged > 0) {
      text += fmt::format(", first hit right {}, right among {} {}", percent(report_.p_at_1), report_.k,
                          percent(report_.p_at_k));
    }
    if (report_.plain_p_at_1) {
      text += fmt::format(" (without classes {}, {})", percent(*report_.plain_p_at_1), percent(*report_.plain_p_at_k));
    }
    done("search", false, std::move(text));
    return {};
  }

  // Sheets of an earlier run that this one did not write again. Only what a run names sheets is touched.
  void remove_others(const Json& before, const Json& files) const {
    for (const Json& file : before) {
      if (!file.is_string() || std::ranges::find(files, file) != files.end()) continue;
      const auto& name = file.get_ref<const std::string&>();
      std::error_code ignored;
      if (name.starts_with("sheets/query-") && !name.contains("..")) fs::remove(recipe_.output / name, ignored);
    }
  }

  [[nodiscard]] Json summary() const {
    return {{"searches", report_.searches},
            {"judged", report_.judged},
            {"k", report_.k},
            {"p_at_1", report_.p_at_1},
            {"p_at_k", report_.p_at_k},
            {"median_ms", report_.median_ms},
            {"plain_p_at_1", report_.plain_p_at_1 ? Json(*report_.plain_p_at_1) : Json()},
            {"plain_p_at_k", report_.plain_p_at_k ? Json(*report_.plain_p_at_k) : Json()}};
  }
  void recall(const Json& summary) {
    const auto number = [&](const char* name) {
      const auto found = summary.find(name);
      return found != summary.end() && found->is_number() ? found->get<double>() : 0;
    };
    report_.searches = static_cast<std::uint64_t>(number("searches"));
    report_.judged = static_cast<std::uint64_t>(number("judged"));
    report_.k = static_cast<std::uint32_t>(number("k"));
    report_.p_at_1 = number("p_at_1");
    report_.p_at_k = number("p_at_k");
    report_.median_ms = number("median_ms");
    if (summary.value("plain_p_at_1", Json()).is_number()) {
      report_.plain_p_at_1 = number("plain_p_at_1");
      report_.plain_p_at_k = number("plain_p_at_k");
    }
  }

  Result<void> remember_items() {
    if (same_items_) return {};
    EIDETIC_TRY(const auto* now, items());
    EIDETIC_TRY(const CollectionInfo info, engine_.describe(recipe_.collection));
    return state_.set("collection", {{"created_ms", info.created_ms},
                                     {"sequence", info.sequence},
                                     {"labels", labels()},
                                     {"labelled", now->labelled},
                                     {"everything", now->everything}});
  }

  // --- telling ---

  void begin() { watch_ = Stopwatch(); }
  void tell(std::string_view step, std::string_view unit, std::uint64_t done, std::uint64_t total,
            std::uint64_t failed = 0) const {
    if (!options_.progress) return;
    options_.progress(
        {.step = std::string(step), .unit = std::string(unit), .done = done, .total = total, .failed = failed});
  }
  void done(std::string_view name, bool skipped, std::string text) {
    report_.steps.push_back(
        {.name = std::string(name), .skipped = skipped, .text = std::move(text), .seconds = watch_.seconds()});
    if (options_.done) options_.done(report_.steps.back());
  }

  Engine& engine_;
  const Recipe& recipe_;
  const RecipeOptions& options_;
  std::stop_token stop_;
  RunState state_;
  RecipeReport report_;
  IndexRequest request_;
  Stopwatch watch_;
  bool created_ = false;
  bool same_items_ = false;  // as the last run left them
  std::optional<ItemsLook> look_;
};

}  // namespace

Result<RecipeReport> run_recipe(Engine& engine, const Recipe& recipe, const RecipeOptions& options,
                                std::stop_token stop) {
  EIDETIC_CHECK(make_directories(recipe.output));
  const auto lock = FileLock::acquire(recipe.output / ".lock");
  if (!lock && lock.error().code == ErrorCode::unavailable) {
    return fail(ErrorCode::unavailable,
                fmt::format("another run writes to '{}'; wait until it is done, or give [output] "
                            "another folder",
                            recipe.output.native()));
  }
  if (!lock) return std::unexpected(lock.error());
  return Run(engine, recipe, options, std::move(stop)).go();
}

}  // namespace eidetic
