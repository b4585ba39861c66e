// How an embedding head is learnt (train_head), and all that another program needs to learn the same one.
//   head_bench train VECTORS.npy LABELS within|classes SEED [EPOCHS [BATCH [OF_A_CLASS [RATE [FOLDER]]]]]
//   head_bench speed CLASSES OF_A_CLASS DIMENSIONS [EPOCHS]       made-up vectors: seconds an epoch, peak memory
// LABELS has a label a line, in the order of the vectors; of a path, as in X.npy.files of `eidetic embed`, the folder
// is the label. Into FOLDER go plan.json (the class of every row, the rows learnt from and held out, and the rows of
// every batch) and start.npy (the parameters that the head begins with). The answer is one line of JSON.
#include <fmt/format.h>
#include <sys/resource.h>

#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/npy.h"
#include "base/text.h"
#include "base/threads.h"
#include "learn/ranking.h"
#include "train/head_training.h"
#include "training/split.h"

namespace {

using namespace eidetic;

constexpr double kLearnt = 0.7;

struct Labelled {
  Matrix rows;
  std::vector<std::uint32_t> classes;
};

Result<std::vector<std::uint32_t>> read_classes(const char* file) {
  EIDETIC_TRY(const std::string text, read_text(file));
  std::map<std::string, std::uint32_t> numbers;
  std::vector<std::uint32_t> classes;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    if (const auto end = line.rfind('/'); end != std::string_view::npos) {
      line = line.substr(0, end);
      line = line.substr(line.rfind('/') + 1);
    }
    classes.push_back(numbers.try_emplace(std::string(line), static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  return classes;
}

Labelled some_of(MatrixView rows, std::span<const std::uint32_t> classes, std::span<const std::uint32_t> items) {
  Labelled some{.rows = Matrix(items.size(), rows.columns), .classes = {}};
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::ranges::copy(rows[items[i]], some.rows[i].begin());
    some.classes.push_back(classes[items[i]]);
  }
  return some;
}

RankingQuality quality(const TrainedHead& head, const Labelled& held_out, ThreadPool& pool) {
  Perceptron network(head.shape, &pool);
  const Matrix& embeddings = network.forward(head.parameters, held_out.rows);
  LabelledVectors vectors(static_cast<std::uint32_t>(head.shape.outputs()), Metric::cosine);
  for (std::size_t i = 0; i < held_out.classes.size(); ++i) vectors.add(embeddings[i], held_out.classes[i]);
  return rank_all(vectors, {}, pool);
}

// What train_head would begin with by itself is its own affair; here it is given, so that another program can have it.
HeadCheckpoint beginning(const HeadTrainingOptions& options, std::size_t inputs) {
  const PerceptronShape shape{.inputs = inputs, .layers = options.layers};
  HeadCheckpoint start;
  start.parameters = fresh_parameters(shape, options.seed);
  start.best = start.parameters;
  start.optimizer.first.resize(shape.parameters());
  start.optimizer.second.resize(shape.parameters());
  std::ostringstream random;
  random << std::mt19937_64(options.seed);
  start.random = random.str();
  return start;
}

Result<void> write_plan(const std::filesystem::path& folder, std::span<const std::uint32_t> classes,
                        const Division& division, std::span<const std::uint32_t> learnt_classes,
                        const HeadTrainingOptions& options, const HeadCheckpoint& start) {
  Json batches = Json::array();
  std::mt19937_64 random(options.seed);
  for (unsigned epoch = 0; epoch < options.epochs; ++epoch) {
    Json& of_epoch = batches.emplace_back(Json::array());
    for (auto& batch : draw_batches(learnt_classes, options.batch, random)) {
      for (auto& item : batch) item = division.learnt[item];
      of_epoch.push_back(batch);
    }
  }
  EIDETIC_CHECK(make_directories(folder));
  EIDETIC_CHECK(write_npy(folder / "start.npy", 1, start.parameters.size(), start.parameters));
  const Json plan = {{"classes", std::vector(classes.begin(), classes.end())},
                     {"learnt", division.learnt},
                     {"held_out", division.held_out},
                     {"batches", std::move(batches)}};
  return write_file_atomically(folder / "plan.json", plan.dump());
}

double most_memory_mb() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1e3;
}

double seconds_of(const TrainedHead& head) {
  double seconds = 0;
  for (const Epoch& epoch : head.epochs) seconds += epoch.seconds;
  return seconds;
}

// The value of the argument at a place, or the default.
template <typename T>
T number(std::span<char*> arguments, std::size_t place, T otherwise) {
  return place < arguments.size() ? static_cast<T>(std::stod(arguments[place])) : otherwise;
}

Result<void> measure_training(std::span<char*> arguments, ThreadPool& pool) {
  EIDETIC_TRY(const NpyArray array, read_npy(arguments[0]));
  EIDETIC_TRY(const auto classes, read_classes(arguments[1]));
  const MatrixView rows(array.values, array.shape.back());
  if (rows.rows() != classes.size()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} vectors, {} labels", rows.rows(), classes.size()));
  }
  const auto seed = number<std::uint64_t>(arguments, 3, 1);
  const bool whole_classes = std::string_view(arguments[2]) == "classes";
  const Division division =
      whole_classes ? divide_classes(classes, kLearnt, seed) : divide_within(classes, {}, kLearnt, seed);
  const Labelled learnt = some_of(rows, classes, division.learnt);
  const Labelled held_out = some_of(rows, classes, division.held_out);
  const HeadTrainingOptions options{
      .batch = {.size = number<std::size_t>(arguments, 5, 64), .per_class = number<std::size_t>(arguments, 6, 4)},
      .epochs = number<unsigned>(arguments, 4, 50),
      .learning_rate = number(arguments, 7, 1e-3),
      .seed = seed,
      .pool = &pool};
  const HeadCheckpoint start = beginning(options, rows.columns);
  if (arguments.size() > 8) {
    EIDETIC_CHECK(write_plan(arguments[8], classes, division, learnt.classes, options, start));
  }
  const Examples from{.features = learnt.rows, .views = 1, .classes = learnt.classes};
  EIDETIC_TRY(const TrainedHead head,
              train_head(from, {.features = held_out.rows, .views = 1, .classes = held_out.classes}, options, start));
  const RankingQuality after = quality(head, held_out, pool);
  Json losses = Json::array();
  for (const Epoch& epoch : head.epochs) losses.push_back(epoch.loss);
  const Json answer = {{"learnt", division.learnt.size()}, {"held_out", division.held_out.size()},
                       {"before", head.before.map_at_r},   {"after", after.mean.map_at_r},
                       {"margin", after.margin.map_at_r},  {"best_epoch", head.best_epoch},
                       {"losses", std::move(losses)},      {"seconds", seconds_of(head)}};
  fmt::print("{}\n", answer.dump());
  return {};
}

Result<void> measure_speed(std::span<char*> arguments, ThreadPool& pool) {
  const auto classes = number<std::size_t>(arguments, 0, 1000);
  const auto of_a_class = number<std::size_t>(arguments, 1, 100);
  const auto dimensions = number<std::size_t>(arguments, 2, 1280);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix centres(classes, dimensions);
  for (float& value : centres.values()) value = normal(random);
  const auto draw = [&](std::size_t each) {
    Labelled items{.rows = Matrix(classes * each, dimensions), .classes = {}};
    for (std::size_t row = 0; row < items.rows.rows(); ++row) {
      const std::size_t of = row % classes;
      for (std::size_t i = 0; i < dimensions; ++i) items.rows[row][i] = centres[of][i] + 4 * normal(random);
      items.classes.push_back(static_cast<std::uint32_t>(of));
    }
    return items;
  };
  const Labelled learnt = draw(of_a_class);
  const Labelled held_out = draw(2);
  const HeadTrainingOptions options{.batch = {.size = 64, .per_class = 4},
                                    .epochs = number<unsigned>(arguments, 3, 1),
                                    .learning_rate = 1e-3,
                                    .pool = &pool};
  EIDETIC_TRY(const TrainedHead head,
              train_head({.features = learnt.rows, .views = 1, .classes = learnt.classes},
                         {.features = held_out.rows, .views = 1, .classes = held_out.classes}, options));
  const Json answer = {{"rows", learnt.rows.rows()},
                       {"features_mb", static_cast<double>(learnt.rows.values().size_bytes()) / 1e6},
                       {"peak_mb", most_memory_mb()},
                       {"seconds_an_epoch", seconds_of(head) / static_cast<double>(head.epochs.size())},
                       {"map_at_r", head.epochs.back().held_out.map_at_r}};
  fmt::print("{}\n", answer.dump());
  return {};
}

Result<void> run(std::span<char*> arguments) {
  ThreadPool pool(available_cores());
  const std::string_view what = arguments.empty() ? "" : arguments[0];
  if (what == "train" && arguments.size() >= 5) return measure_training(arguments.subspan(1), pool);
  if (what == "speed" && arguments.size() >= 4) return measure_speed(arguments.subspan(1), pool);
  return fail(ErrorCode::invalid_argument,
              "train VECTORS.npy LABELS within|classes SEED [EPOCHS [BATCH [OF_A_CLASS [RATE [FOLDER]]]]] or speed "
              "CLASSES OF_A_CLASS DIMENSIONS [EPOCHS]");
}

}  // namespace

int main(int count, char** arguments) {
  const auto done = run(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
  if (!done) fmt::print(stderr, "head_bench: {}\n", done.error().message);
  return done ? 0 : 1;
}
