// eidetic classify PATH… --model BUNDLE
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include "blobs/router.h"
#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "embed/models.h"
#include "remote/remote.h"

namespace eidetic {
namespace {

struct ClassifyOptions {
  std::vector<std::string> paths;
  std::string model;
  std::string truth = "stem";
  std::size_t top = 1;
};

struct Prediction {
  std::string label;
  double probability = 0;
};

struct Classified {
  std::string id;
  std::string truth;  // empty: not known
  std::vector<Prediction> best;
  bool correct = false;
};

struct Tally {
  std::uint64_t images = 0, labelled = 0, correct = 0;
  double ms = 0;  // from pixels to scores, all images

  [[nodiscard]] double accuracy() const {
    return labelled == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(labelled);
  }
  [[nodiscard]] double mean_ms() const { return images == 0 ? 0 : ms / static_cast<double>(images); }
};

// Softmax over the classifier's output, unless that is a distribution already.
std::vector<double> probabilities(const Vector& scores) {
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  const bool distribution = std::abs(sum - 1) < 1e-3 && std::ranges::all_of(scores, [](float s) { return s >= 0; });
  std::vector<double> shares(scores.begin(), scores.end());
  if (distribution) return shares;
  const double largest = *std::ranges::max_element(shares);
  for (double& share : shares) share = std::exp(share - largest);
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= total;
  return shares;
}

std::vector<Prediction> best_classes(const Vector& scores, const std::vector<std::string>& labels, std::size_t top) {
  const auto shares = probabilities(scores);
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(top, order.size()));
  std::ranges::partial_sort(order, middle, [&](std::size_t a, std::size_t b) {
    return shares[a] != shares[b] ? shares[a] > shares[b] : a < b;
  });
  std::vector<Prediction> best;
  for (auto place = order.begin(); place != middle; ++place) best.push_back({labels[*place], shares[*place]});
  return best;
}

// "Tabby_Cat" and "tabby cat" are the same class.
std::string plain(std::string_view label) {
  std::string text = to_lower(trim(label));
  std::ranges::replace(text, '_', ' ');
  return text;
}

// ImageNet's labels list synonyms: "tabby, tabby cat". Any of them is the class.
bool is_class(std::string_view label, std::string_view truth) {
  const std::string wanted = plain(truth);
  if (plain(label) == wanted) return true;
  return std::ranges::any_of(split(label, ','), [&](std::string_view name) { return plain(name) == wanted; });
}

// What the true class of each picture is, by its id.
class Truth {
 public:
  // `source`: "stem", "folder" or a CSV file with the columns file and label.
  [[nodiscard]] static Result<Truth> open(const std::string& source) {
    Truth truth;
    truth.from_folder_ = source == "folder";
    truth.from_names_ = source == "stem" || source == "folder";
    if (truth.from_names_) return truth;
    EIDETIC_TRY(const std::string text, read_text(source));
    EIDETIC_TRY(const CsvTable table, parse_csv(text, fmt::format("'{}'", source)));
    const auto file = std::ranges::find(table.header, "file");
    const auto label = std::ranges::find(table.header, "label");
    if (file == table.header.end() || label == table.header.end()) {
      return fail(ErrorCode::invalid_argument, fmt::format("'{}' needs the columns 'file' and 'label'", source));
    }
    for (const auto& row : table.rows) {
      truth.labels_[row[static_cast<std::size_t>(file - table.header.begin())]] =
          row[static_cast<std::size_t>(label - table.header.begin())];
    }
    return truth;
  }

  // "" where it is not known: not in the file, or a name that is no class of the model.
  [[nodiscard]] std::string of(const std::string& id, const std::vector<std::string>& classes) const {
    if (!from_names_) {
      const auto found = labels_.find(id);
      return found == labels_.end() ? "" : found->second;
    }
    const std::filesystem::path path(id);
    std::string name = from_folder_ ? path.parent_path().filename().native() : path.stem().native();
    const auto known = [&] { return std::ranges::any_of(classes, [&](const auto& c) { return is_class(c, name); }); };
    if (known()) return name;
    // "tabby_cat_12": the number only tells pictures of one class apart.
    name.erase(name.find_last_not_of("0123456789") + 1);
    name.erase(name.find_last_not_of("_- ") + 1);
    return !name.empty() && known() ? name : "";
  }

 private:
  bool from_names_ = true;
  bool from_folder_ = false;
  std::map<std::string, std::string> labels_;
};

void print_header(std::size_t name_width) {
  fmt::print("{}  {}  {}  {:>8}  {:>7}\n", pad("file", name_width), pad("truth", 20), pad("prediction", 24), "accuracy",
             "mean ms");
}

// A line a picture, as soon as it is known.
void print_line(const Classified& item, const Tally& tally, std::size_t name_width) {
  const auto cell = [](std::string_view text, std::size_t width, Cut cut = Cut::tail) {
    return pad(shorten(printable(text), width, cut, "~"), width);
  };
  const std::string accuracy = tally.labelled == 0 ? "-" : fmt::format("{:.4f}", tally.accuracy());
  fmt::print("{}  {}  {}  {:>8}  {:>7.2f}\n", cell(item.id, name_width, Cut::head),
             cell(item.truth.empty() ? "-" : item.truth, 20), cell(item.best.front().label, 24), accuracy,
             tally.mean_ms());
  for (std::size_t place = 1; place < item.best.size(); ++place) {
    fmt::print("{}  {}  {}  {:>8.4f}\n", pad("", name_width), pad("", 20), cell(item.best[place].label, 24),
               item.best[place].probability);
  }
}

Json to_json(const Classified& item) {
  Json best = Json::array();
  for (const auto& [label, probability] : item.best) best.push_back({{"label", label}, {"probability", probability}});
  return {{"file", item.id},
          {"truth", item.truth.empty() ? Json() : Json(item.truth)},
          {"correct", item.truth.empty() ? Json() : Json(item.correct)},
          {"predictions", std::move(best)}};
}

// The class scores of pictures, by a model of this machine or of a server. Used by one thread.
class Classifier {
 public:
  virtual ~Classifier() = default;
  [[nodiscard]] virtual const std::vector<std::string>& labels() const = 0;
  // One for each label; `ms` gets the time from pixels to scores, of a server that of its whole answer.
  [[nodiscard]] virtual Result<Vector> scores(const std::string& uri, double& ms) = 0;
};

Result<Vector> scores_of(const Blobs& blobs, const Embedder& classifier, const std::string& uri, double& ms) {
  DecodeOptions decode;
  decode.min_short_side = classifier.min_short_side();
  EIDETIC_TRY(const auto bytes, blobs.read(uri, decode.max_bytes));
  EIDETIC_TRY(const Image image, decode_image(bytes, decode));
  EmbedTimings timings;
  EIDETIC_TRY(auto scores, classifier.embed_image(image, &timings));
  ms = timings.preprocess_ms + timings.inference_ms;
  return scores;
}

class LocalClassifier final : public Classifier {
 public:
  explicit LocalClassifier(std::unique_ptr<Embedder> embedder) : embedder_(std::move(embedder)) {}
  [[nodiscard]] static Result<std::unique_ptr<Classifier>> open(const Globals& globals, const std::string& model) {
    EIDETIC_TRY(const auto folders, model_folders(globals));
    EIDETIC_TRY(const auto bundle, find_bundle(model, folders));
    EIDETIC_TRY(auto embedder, load_classifier(bundle, {.arithmetic = globals.arithmetic, .threads = globals.threads}));
    return std::make_unique<LocalClassifier>(std::move(embedder));
  }

  const std::vector<std::string>& labels() const override { return embedder_->labels(); }
  Result<Vector> scores(const std::string& uri, double& ms) override { return scores_of(*blobs_, *embedder_, uri, ms); }

 private:
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<Blobs> blobs_ = make_blobs();
};

// A server gives a model's own vectors: those are the class scores where the bundle makes nothing else of them.
class RemoteClassifier final : public Classifier {
 public:
  RemoteClassifier(std::unique_ptr<Engine> engine, std::string model, std::vector<std::string> labels)
      : engine_(std::move(engine)), model_(std::move(model)), labels_(std::move(labels)) {}
  [[nodiscard]] static Result<std::unique_ptr<Classifier>> open(const RemoteOptions& options,
                                                                const std::string& model) {
    EIDETIC_TRY(auto engine, connect_engine(options));
    EIDETIC_TRY(const ModelInfo info, engine->model(model));
    const Json bundle = metadata_object(info.bundle);
    const Json labels = bundle.value("labels", Json());
    if (!labels.is_object() || info.labels.empty()) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the model '{}' classifies nothing: its model.json has no 'labels'", model));
    }
    const bool bare = !bundle.value("l2_normalize", true) && bundle.value("pooling", Json("none")) == "none" &&
                      bundle.value("layer", Json()) == labels.value("layer", Json());
    if (!bare) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the server gives no class scores of the model '{}'; classify with a copy of it here, "
                              "without --server",
                              model));
    }
    return std::make_unique<RemoteClassifier>(std::move(engine), model, info.labels);
  }

  const std::vector<std::string>& labels() const override { return labels_; }
  Result<Vector> scores(const std::string& uri, double& ms) override {
    Result<std::vector<Result<Vector>>> vectors;
    ms = seconds_of([&] { vectors = engine_->embed(std::span(&uri, 1), model_); }) * 1000;
    if (!vectors) return std::unexpected(vectors.error());
    auto scores = std::move(vectors->front());
    if (scores && scores->size() != labels_.size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the model '{}' gives {} scores for {} labels", model_, scores->size(), labels_.size()));
    }
    return scores;
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::string model_;
  std::vector<std::string> labels_;
};

Result<int> run_classify(const Session& session, const ClassifyOptions& options) {
  EIDETIC_TRY(const Truth truth, Truth::open(options.truth));
  EIDETIC_TRY(const auto remote, remote_options(session.globals));
  EIDETIC_TRY(const auto classifier, remote ? RemoteClassifier::open(*remote, options.model)
                                            : LocalClassifier::open(session.globals, options.model));
  EIDETIC_TRY(const PictureList list, list_pictures(options.paths));
  const auto& classes = classifier->labels();

  std::size_t name_width = 4;
  for (const Picture& picture : list.pictures) name_width = std::max(name_width, display_width(picture.id));
  name_width = std::min<std::size_t>(name_width, 32);
  if (!session.globals.json && !list.pictures.empty()) print_header(name_width);

  Tally tally;
  std::vector<ItemError> errors = list.errors;
  Json items = Json::array();
  for (const Picture& picture : list.pictures) {
    double ms = 0;
    const auto scores = classifier->scores(picture.uri, ms);
    if (!scores) {
      errors.push_back({picture.uri, scores.error()});
      continue;
    }
    Classified item = {
        .id = picture.id, .truth = truth.of(picture.id, classes), .best = best_classes(*scores, classes, options.top)};
    item.correct = !item.truth.empty() && is_class(item.best.front().label, item.truth);
    ++tally.images;
    tally.labelled += item.truth.empty() ? 0 : 1;
    tally.correct += item.correct ? 1 : 0;
    tally.ms += ms;
    if (session.globals.json) {
      items.push_back(to_json(item));
    } else {
      print_line(item, tally, name_width);
    }
  }
  if (session.globals.json) {
    print_json({{"model", options.model},
                {"images", tally.images},
                {"labelled", tally.labelled},
                {"accuracy", tally.labelled == 0 ? Json() : Json(tally.accuracy())},
                {"mean_ms", tally.mean_ms()},
                {"items", std::move(items)},
                {"failed", errors.size()},
                {"errors", to_json(std::span(errors))}});
  } else {
    fmt::print("{} images, {} with a known class, {} right\n", tally.images, tally.labelled, tally.correct);
    print_item_errors(errors);
  }
  return errors.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_classify_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("classify", "Run a model as a classifier over pictures and report its accuracy")
                  ->fallthrough();
  auto options = std::make_shared<ClassifyOptions>();
  app->add_option("PATH", options->paths, "files, folders (searched through), URLs")->type_name("")->required();
  app->add_option("--model", options->model, "a bundle with class labels: name or folder")
      ->type_name("BUNDLE")
      ->required();
  app->add_option("--truth", options->truth,
                  "where the true class is: stem (of the file name), folder, or a CSV file with the columns file and "
                  "label (default: stem)")
      ->type_name("SOURCE");
  app->add_option("--top", options->top, "classes shown a picture (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 100U).description(""));
  app->callback([=, &session] { session.command = [=, &session] { return run_classify(session, *options); }; });
}

}  // namespace eidetic
