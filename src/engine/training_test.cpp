#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stop_token>

#include "base/file.h"
#include "base/test_files.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

// Discs and squares of any colours, told apart by what they are.
std::string draw(unsigned seed, bool disc) {
  constexpr int kSize = 96;
  std::string ppm = "P6 96 96 255\n";
  std::uint64_t state = seed * 2654435761U + 1;
  const auto next = [&](unsigned most) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>(state >> 33) % most;
  };
  const std::array<unsigned, 6> colours = {next(256), next(256), next(256), next(256), next(256), next(256)};
  const int centre_x = 34 + static_cast<int>(next(28));
  const int centre_y = 34 + static_cast<int>(next(28));
  const int radius = 14 + static_cast<int>(next(16));
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const int dx = x - centre_x;
      const int dy = y - centre_y;
      const bool inside = disc ? dx * dx + dy * dy < radius * radius : std::max(std::abs(dx), std::abs(dy)) < radius;
      for (std::size_t c = 0; c < 3; ++c) ppm += static_cast<char>(colours[c + (inside ? 3 : 0)]);
    }
  }
  return ppm;
}

class TrainModel : public testing::Test {
 protected:
  void SetUp() override {
    for (unsigned i = 0; i < 60; ++i) {
      const bool disc = i % 2 == 0;
      const auto folder = folder_ / "pictures" / (disc ? "disc" : "square");
      need(make_directories(folder));
      need(write_file_atomically(folder / fmt::format("{:02}.ppm", i), draw(i, disc)));
    }
    engine_ = need(Engine::open({.data_dir = folder_ / "data"}));
    need(engine_->create("shapes", {}));
    need(engine_->index("shapes", {.paths = {(folder_ / "pictures").native()}}));
  }

  [[nodiscard]] TrainRequest request(std::string name = "shapely") const {
    return {.collection = "shapes",
            .name = std::move(name),
            .layers = {64, 16},
            .loss = "multi_similarity",
            .miner = "none",
            .batch_size = 16,
            .per_class = 8,
            .epochs = 15,
            .learning_rate = 1e-3,
            .output = folder_ / "out"};
  }
  void open_with_jobs() {
    engine_.reset();
    engine_ = need(Engine::open({.data_dir = folder_ / "data", .run_jobs = true}));
  }
  // As a job, and of more epochs than a test waits for.
  [[nodiscard]] TrainRequest long_request() const {
    auto wanted = request("endless");
    wanted.output.clear();
    wanted.epochs = 100'000;
    return wanted;
  }
  [[nodiscard]] std::string refusal(const TrainRequest& wanted) const {
    const auto report = engine_->train_model(wanted);
    return report ? "none" : report.error().message;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(TrainModel, MakesAModelThatTellsTheClassesApart) {
  std::vector<TrainEpoch> told;
  const auto report = need(engine_->train_model(request(), [&](const TrainProgress& now) {
    if (now.epoch) told.push_back(*now.epoch);
  }));
  EXPECT_EQ(report.items, 60U);
  EXPECT_EQ(report.learnt, 42U);
  EXPECT_EQ(report.held_out, 18U);
  EXPECT_EQ(told.size(), 15U);
  EXPECT_GT(report.after.map_at_r, report.before.map_at_r);
  EXPECT_DOUBLE_EQ(report.after.map_at_r, report.epochs[report.best_epoch - 1].held_out.map_at_r);

  // The model gives what the head gave: the collection of the trained space ranks as the report says.
  need(engine_->create("learnt", {.model = "shapely"}));
  EXPECT_EQ(need(engine_->describe("learnt")).spec.space.dimensions, 16U);
  need(engine_->index("learnt", {.paths = {(folder_ / "pictures").native()}}));
  const std::vector<std::uint32_t> none;
  const auto before = need(engine_->evaluate("shapes", kFolderLabel, none));
  const auto after = need(engine_->evaluate("learnt", kFolderLabel, none));
  EXPECT_GT(after.mean.map_at_r, before.mean.map_at_r);

  for (const auto* file :
       {"training.json", "report.json", "report.html", "epochs.csv", "events.out.tfevents.eidetic"}) {
    EXPECT_TRUE(std::filesystem::exists(report.folder / file)) << file;
  }
  const auto lines = need(read_text(report.folder / "epochs.csv"));
  EXPECT_EQ(std::ranges::count(lines, '\n'), 16);
  // The same call gives the same; another one of the name is refused.
  EXPECT_EQ(need(engine_->train_model(request())).after.map_at_r, report.after.map_at_r);
  auto other = request();
  other.seed = 2;
  EXPECT_THAT(refusal(other), HasSubstr("a model 'shapely' already"));
}

TEST_F(TrainModel, TheTrunkMaySeePicturesOfAnotherSize) {
  auto wanted = request("small");
  wanted.input_size = 64;
  const auto report = need(engine_->train_model(wanted));
  EXPECT_EQ(report.held_out, 18U);
  EXPECT_THAT(need(engine_->model("small")).bundle, HasSubstr("64"));
  // Other features than those of the size that the bundle says.
  wanted = request("usual");
  EXPECT_NE(need(engine_->train_model(wanted)).before.map, report.before.map);
  need(engine_->create("small", {.model = "small"}));
  EXPECT_EQ(need(engine_->index("small", {.paths = {(folder_ / "pictures").native()}})).indexed, 60U);
}

TEST_F(TrainModel, TheTrunkMayBeAModelFile) {
  auto wanted = request("of-a-file");
  wanted.trunk = (std::filesystem::path(EIDETIC_SOURCE_DIR) / "models/default/model.onnx").native();
  need(engine_->train_model(wanted));
  EXPECT_TRUE(engine_->check_model("of-a-file"));
}

TEST_F(TrainModel, TellsWhatIsTakenForWhat) {
  auto wanted = request();
  wanted.epochs = 1;
  wanted.layers = {1};  // too narrow to tell them apart
  const auto report = need(engine_->train_model(wanted));
  std::uint64_t confused = 0;
  for (const auto& one : report.confusions) {
    confused += one.count;
    EXPECT_NE(one.label, one.taken_for);
    EXPECT_TRUE(one.id.starts_with(one.label + "/")) << one.id;
    EXPECT_TRUE(one.nearest.starts_with(one.taken_for + "/")) << one.nearest;
  }
  ASSERT_GT(confused, 0U);
  EXPECT_NEAR(static_cast<double>(confused) / 18, 1 - report.after.p_at_1, 1e-9);
  EXPECT_EQ(report.map.size(), 18U);
  const auto page = need(read_text(report.folder / "report.html"));
  EXPECT_THAT(page, HasSubstr("data:image/jpeg;base64,"));
  EXPECT_THAT(page, HasSubstr("aria-label=\"18 pictures by their nearness: with the head\""));
}

TEST_F(TrainModel, GoesOnWhereItWasStopped) {
  auto wanted = request("whole");
  wanted.views = 3;
  wanted.output = folder_ / "whole";
  const auto whole = need(engine_->train_model(wanted));
  wanted.name = "stopped";
  wanted.output = folder_ / "stopped";
  std::stop_source stop;
  const auto first = need(engine_->train_model(
      wanted,
      [&](const TrainProgress& now) {
        if (now.epoch && now.epoch->number == 4) stop.request_stop();
      },
      stop.get_token()));
  EXPECT_TRUE(first.interrupted);
  EXPECT_GT(first.before.map_at_r, 0);
  EXPECT_EQ(first.epochs.size(), 4U);
  std::size_t epochs = 0;
  const auto second =
      need(engine_->train_model(wanted, [&](const TrainProgress& now) { epochs += now.epoch ? 1 : 0; }));
  EXPECT_EQ(epochs, 11U);
  ASSERT_EQ(second.epochs.size(), whole.epochs.size());
  for (std::size_t i = 0; i < whole.epochs.size(); ++i) EXPECT_EQ(second.epochs[i].loss, whole.epochs[i].loss) << i;
  EXPECT_EQ(second.after.map_at_r, whole.after.map_at_r);
}

TEST_F(TrainModel, SaysWhatCannotBeLearnt) {
  auto wanted = request();
  wanted.label = "kind";
  EXPECT_THAT(refusal(wanted), HasSubstr("'kind'"));
  wanted = request();
  wanted.loss = "circel";
  EXPECT_THAT(refusal(wanted), testing::AllOf(HasSubstr("circel"), HasSubstr("circle, triplet")));
  wanted = request();
  wanted.collection = "shape";
  EXPECT_THAT(refusal(wanted), HasSubstr("did you mean 'shapes'"));
  wanted = request();
  wanted.trunk = "defualt";
  EXPECT_THAT(refusal(wanted), HasSubstr("default"));
  need(engine_->create("bare", {.dimensions = 3}));
  wanted = request();
  wanted.collection = "bare";
  EXPECT_THAT(refusal(wanted), HasSubstr("bare vectors"));
  wanted = request();
  wanted.input_size = 4;
  EXPECT_THAT(refusal(wanted), HasSubstr("input size of 4"));
  wanted = request();
  wanted.split = TrainRequest::Split::classes;
  EXPECT_THAT(refusal(wanted), HasSubstr("at least two"));
  std::vector<std::string> discs;
  for (const Item& item : need(engine_->list("shapes", {})).items) {
    if (item.id.starts_with("disc/")) discs.push_back(item.id);
  }
  need(engine_->erase("shapes", discs));
  EXPECT_THAT(refusal(request()), HasSubstr("at least two"));
}

// --- as jobs ---

TEST_F(TrainModel, AJobTellsItsEpochsAndLeavesAReport) {
  open_with_jobs();
  auto wanted = request();
  wanted.output.clear();
  const auto started = need(engine_->start_training(wanted));
  EXPECT_EQ(started.kind, "train");
  EXPECT_EQ(started.subject, "shapes");
  const auto done = ended(*engine_, started.id);
  EXPECT_EQ(done.state, JobState::done) << (done.error ? done.error->message : "");
  ASSERT_EQ(done.epochs.size(), 15U);
  EXPECT_EQ(done.epochs.back().number, 15U);
  EXPECT_EQ(done.progress.done, 15U);

  const auto all = need(engine_->trainings());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].report.epochs.empty());
  const auto info = need(engine_->training("shapely"));
  EXPECT_EQ(info.request.layers, wanted.layers);
  ASSERT_TRUE(info.job);
  EXPECT_EQ(info.job->id, started.id);
  EXPECT_FALSE(info.report.interrupted);
  EXPECT_EQ(info.report.epochs.size(), 15U);
  EXPECT_GT(info.report.after.map_at_r, info.report.before.map_at_r);
  EXPECT_EQ(info.report.model, need(engine_->model("shapely")).folder);
  EXPECT_THAT(need(engine_->training_file("shapely", "report.html")), HasSubstr("<h1>shapely</h1>"));
  EXPECT_THAT(engine_->training_file("shapely", "reprot.html").error().message, HasSubstr("report.html"));
  EXPECT_EQ(engine_->training_file("shapely", "../../catalog.db").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->training("../trainings/shapely").error().code, ErrorCode::not_found);
  EXPECT_THAT(engine_->start_training(request()).error().message, HasSubstr("its own"));
  wanted.seed = 2;
  EXPECT_EQ(engine_->start_training(wanted).error().code, ErrorCode::already_exists);

  need(engine_->backup(folder_ / "backup"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "backup/trainings/shapely/report.json"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "backup/models/shapely/model.json"));
  need(engine_->drop_training("shapely"));
  EXPECT_TRUE(need(engine_->trainings()).empty());
  EXPECT_TRUE(engine_->model("shapely"));
}

TEST_F(TrainModel, AJobGoesOnInTheNextEngine) {
  open_with_jobs();
  auto wanted = long_request();
  const auto id = need(engine_->start_training(wanted)).id;
  ASSERT_TRUE(eventually([&] { return need(engine_->job(id)).epochs.size() >= 3; }));
  EXPECT_EQ(need(engine_->job(id)).stage, "epochs");
  open_with_jobs();
  EXPECT_GE(need(engine_->job(id)).epochs.size(), 3U);
  ASSERT_TRUE(eventually([&] { return need(engine_->job(id)).starts == 2; }));
  const auto kept = need(engine_->job(id)).epochs.size();
  ASSERT_TRUE(eventually([&] { return need(engine_->job(id)).epochs.size() > kept; }));
  const auto told = need(engine_->job(id)).epochs;
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].number, i + 1);

  // Stopped, the same request goes on; another one of the name begins anew.
  need(engine_->cancel_job(id));
  EXPECT_EQ(ended(*engine_, id).state, JobState::cancelled);
  const auto info = need(engine_->training("endless"));
  EXPECT_TRUE(info.report.interrupted);
  EXPECT_GE(info.report.epochs.size(), told.size());
  const auto next = need(engine_->start_training(wanted)).id;
  EXPECT_NE(next, id);
  EXPECT_GE(need(engine_->job(next)).epochs.size(), info.report.epochs.size());
  wanted.seed = 2;
  EXPECT_THAT(engine_->start_training(wanted).error().message, HasSubstr("with other options"));
  EXPECT_EQ(engine_->drop_training("endless").error().code, ErrorCode::invalid_argument);
  need(engine_->cancel_job(next));
  EXPECT_EQ(ended(*engine_, next).state, JobState::cancelled);
  const auto anew = need(engine_->start_training(wanted)).id;
  EXPECT_TRUE(need(engine_->job(next)).epochs.empty());
  need(engine_->cancel_job(anew));
}

TEST_F(TrainModel, OneTrainingRunsAtATimeAndOtherJobsBeside) {
  open_with_jobs();
  auto wanted = long_request();
  const auto first = need(engine_->start_training(wanted)).id;
  wanted.name = "second";
  const auto second = need(engine_->start_training(wanted)).id;
  const auto indexed = need(engine_->start_index("shapes", {.paths = {(folder_ / "pictures").native()}})).id;
  EXPECT_EQ(ended(*engine_, indexed).state, JobState::done);
  EXPECT_EQ(need(engine_->job(first)).state, JobState::running);
  EXPECT_EQ(need(engine_->job(second)).state, JobState::queued);
  need(engine_->cancel_job(first));
  ASSERT_TRUE(eventually([&] { return need(engine_->job(second)).state == JobState::running; }));
  need(engine_->cancel_job(second));
}

TEST_F(TrainModel, AJobIsRefusedAtOnceWhereNothingCanBeLearnt) {
  const auto refused = [&](const auto& change) {
    auto wanted = request();
    wanted.output.clear();
    change(wanted);
    const auto started = engine_->start_training(wanted);
    return started ? std::string("none") : started.error().message;
  };
  EXPECT_THAT(refused([](auto& wanted) { wanted.label = "kind"; }), HasSubstr("'kind'"));
  EXPECT_THAT(refused([](auto& wanted) { wanted.name = "../x"; }), HasSubstr("no name"));
  EXPECT_THAT(refused([](auto& wanted) { wanted.name = "default"; }), HasSubstr("a model 'default' already"));
  EXPECT_THAT(refused([](auto& wanted) { wanted.learnt = 0.99; }), HasSubstr("held out"));
  EXPECT_THAT(refused([](auto& wanted) { wanted.batch_size = 9; }), HasSubstr("a multiple"));
  EXPECT_THAT(refused([](auto& wanted) { wanted.views = 65; }), HasSubstr("1 to 64"));
  EXPECT_TRUE(need(engine_->trainings()).empty());
  EXPECT_TRUE(need(engine_->jobs({})).empty());
}

}  // namespace
}  // namespace eidetic
