// Whole runs, with an engine and pictures made here.
#include "eidetic/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"
#include "base/test_files.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RecipeRun : public testing::Test {
 protected:
  RecipeRun() {
    for (unsigned i = 0; i < 120; ++i) {
      const char* kinds[] = {"a<i>", "b <i>&", "c<i>"};
      write_picture(pictures_ / kinds[i % 3] / fmt::format("{:03}.ppm", i), i);
    }
  }

  Recipe recipe_of(std::string_view rest) {
    return need(parse_recipe(fmt::format("collection = \"c\"\n[data]\npaths = [\"pictures\"]\n{}", rest),
                             directory_ / "r.toml"));
  }
  Result<RecipeReport> run(std::string_view rest = kUsual, std::stop_token stop = {}) {
    return run_recipe(*engine_, recipe_of(rest), {.data_dir = directory_ / "data"}, stop);
  }
  // The steps that were not skipped.
  static std::vector<std::string> worked(const Result<RecipeReport>& report) {
    std::vector<std::string> names;
    for (const auto& step : need(report).steps) {
      if (!step.skipped) names.push_back(step.name);
    }
    return names;
  }
  std::string read(std::string_view name) { return read_text(results_ / name).value_or(""); }
  std::vector<std::string> queries() {
    std::vector<std::string> ids;
    for (const auto& one : Json::parse(read("report.json"))["results"]) ids.push_back(one["id"]);
    return ids;
  }
  std::size_t sheets() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(results_ / "sheets"), fs::directory_iterator()));
  }

  static constexpr std::string_view kUsual =
      "[classes]\nlabel = \"@folder\"\n[calibration]\n[search]\ncount = 4\nk = 3\n";
  TemporaryDirectory directory_;
  fs::path pictures_ = directory_ / "pictures";
  fs::path results_ = directory_ / "r-results";
  std::unique_ptr<Engine> engine_ = need(Engine::open({.data_dir = directory_ / "data"}));
};

TEST_F(RecipeRun, DoesAllAndThenNothing) {
  const auto first = run();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(worked(first), ElementsAre("collection", "index", "classes", "calibration", "search"));
  EXPECT_EQ(first->searches, 4U);
  EXPECT_EQ(first->judged, 4U);
  EXPECT_EQ(first->k, 3U);
  EXPECT_TRUE(first->plain_p_at_1);
  EXPECT_EQ(first->classifier->classes.size(), 3U);
  EXPECT_EQ(first->page, results_ / "index.html");
  EXPECT_EQ(sheets(), 4U);
  const Json report = Json::parse(read("report.json"));
  ASSERT_EQ(report["results"].size(), 4U);
  for (const auto& one : report["results"]) {
    EXPECT_EQ(one["hits"].size(), 3U);
    EXPECT_TRUE(need(decode_image(need(read_file(results_ / one["sheet"].get<std::string>())))).width > 0);
    for (const auto& hit : one["hits"]) {
      EXPECT_NE(hit["id"], one["id"]);  // never itself
      EXPECT_EQ(hit["right"], hit["label"] == one["label"]);
    }
  }
  EXPECT_THAT(read("index.html"), AllOf(testing::Not(HasSubstr("<i>")), HasSubstr("&lt;i&gt;/")));

  std::map<fs::path, fs::file_time_type> times;
  for (const auto& entry : fs::recursive_directory_iterator(results_)) {
    if (entry.is_regular_file() && entry.path().filename() != ".lock") times[entry.path()] = entry.last_write_time();
  }
  const auto second = run();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(worked(second), IsEmpty());
  EXPECT_EQ(second->steps[1].text, "120 pictures are as they were");
  EXPECT_EQ(second->p_at_k, first->p_at_k);
  EXPECT_EQ(second->plain_p_at_k, first->plain_p_at_k);
  EXPECT_EQ(second->median_ms, first->median_ms);
  EXPECT_EQ(second->classifier->accuracy, first->classifier->accuracy);
  for (const auto& [file, time] : times) EXPECT_EQ(fs::last_write_time(file), time) << file;
}

TEST_F(RecipeRun, DoesAgainOnlyWhatFollowsFromAChange) {
  need(run());
  const auto before = queries();
  const std::string classes = "[classes]\nlabel = \"@folder\"\n";
  const std::string calibration = "[calibration]\n";
  EXPECT_THAT(worked(run(classes + calibration + "[search]\ncount = 2\nk = 3\n")), ElementsAre("search"));
  EXPECT_EQ(sheets(), 2U);
  EXPECT_THAT(queries(), ElementsAre(before[0], before[1]));  // fewer of the same
  EXPECT_THAT(worked(run(classes + calibration + "[search]\ncount = 4\nk = 3\nseed = 43\n")), ElementsAre("search"));
  EXPECT_NE(queries(), before);
  EXPECT_THAT(worked(run(classes + "seed = 2\n" + calibration + "[search]\ncount = 4\nk = 3\n")),
              ElementsAre("classes", "search"));
  EXPECT_EQ(queries(), before);
  EXPECT_THAT(worked(run(classes + "seed = 2\n" + calibration + "seed = 2\n[search]\ncount = 4\nk = 3\n")),
              ElementsAre("calibration", "search"));
  EXPECT_THAT(worked(run(classes + "seed = 2\n" + calibration + "seed = 2\n[search]\ncount = 4\nk = 3\n")), IsEmpty());
  EXPECT_THAT(worked(run("[search]\ncount = 1\n")), ElementsAre("search"));
  EXPECT_EQ(need(engine_->classifiers("c")).size(), 1U);  // what a recipe does not name stays
}

TEST_F(RecipeRun, FollowsThePicturesAndWhatOthersDo) {
  need(run());
  write_picture(pictures_ / "a<i>/new.ppm", 100);
  EXPECT_THAT(worked(run()), ElementsAre("index", "classes", "calibration", "search"));
  EXPECT_THAT(worked(run()), IsEmpty());
  // The collection changed, but not its items.
  need(
      need(engine_->put("c", std::vector<NewItem>{{.id = "x", .uri = (pictures_ / "a<i>/new.ppm").native()}})).front());
  need(engine_->erase("c", std::vector<std::string>{"x"}));
  EXPECT_THAT(worked(run()), IsEmpty());
  // Metadata alone: nothing to be learnt of it, but answers may differ.
  const std::string id = queries().front();
  need(engine_->patch("c", id, R"({"price": 3})"));
  EXPECT_THAT(worked(run()), ElementsAre("search"));
  // Another classifier under its name gives way to the recipe's, and all is as it was.
  need(engine_->train_classifier("c", {.label = "@folder", .min_confidence = .9}));
  EXPECT_THAT(worked(run()), ElementsAre("classes"));
  fs::remove(results_ / "sheets/query-002.jpg");
  EXPECT_THAT(worked(run()), ElementsAre("search"));
  EXPECT_EQ(sheets(), 4U);
  need(write_file_atomically(results_ / "state.json", R"({"format": 1, "steps": {"classes": {"items": 3},
      "search": {"key": 3, "files": 4, "summary": 5}, "calibration": 6, "collection": {"created_ms": "x"}}})"));
  EXPECT_THAT(worked(run()), ElementsAre("classes", "calibration", "search"));
  need(engine_->drop("c"));
  EXPECT_THAT(worked(run()), ElementsAre("collection", "index", "classes", "calibration", "search"));
}

TEST_F(RecipeRun, GoesOnWhereItWasStopped) {
  std::stop_source stop;
  RecipeOptions options{.data_dir = directory_ / "data"};
  options.done = [&](const RecipeStep& step) {
    if (step.name == "classes") stop.request_stop();
  };
  const auto stopped = need(run_recipe(*engine_, recipe_of(kUsual), options, stop.get_token()));
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.steps.back().name, "classes");
  EXPECT_THAT(worked(run()), ElementsAre("calibration", "search"));
}

TEST_F(RecipeRun, ChangesTheIndexAndRefusesOtherSpaces) {
  need(run());
  const auto with = [&](std::string_view first) {
    const Recipe recipe =
        need(parse_recipe(fmt::format("collection = \"c\"\n{}\n[data]\npaths = [\"pictures\"]\n{}", first, kUsual),
                          directory_ / "r.toml"));
    return run_recipe(*engine_, recipe, {.data_dir = directory_ / "data"});
  };
  EXPECT_THAT(worked(with("index = \"Flat\"")), ElementsAre("collection", "search"));
  EXPECT_EQ(need(engine_->describe("c")).spec.index, "Flat");
  const auto other = with("metric = \"dot\"");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, AllOf(HasSubstr("has the metric cosine"), HasSubstr("collections drop c")));
}

TEST_F(RecipeRun, ForNothingMakesNothing) {
  fs::remove_all(pictures_);
  EXPECT_EQ(run().error().code, ErrorCode::not_found);
  fs::create_directory(pictures_);
  EXPECT_EQ(run().error().code, ErrorCode::not_found);
  EXPECT_THAT(need(engine_->collections()), IsEmpty());
}

TEST_F(RecipeRun, TellsPicturesThatFailAndLabelsThatAreNot) {
  need(write_file_atomically(pictures_ / "a<i>/broken.jpg", "no picture"));
  const auto report = need(run());
  EXPECT_EQ(report.failed, 1U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].uri, HasSubstr("broken.jpg"));
  const auto wrong = run("[search]\nlabel = \"colour\"\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::not_found);
  EXPECT_THAT(wrong.error().message, HasSubstr("'colour'"));
}

TEST_F(RecipeRun, OneAtATimeWritesToAFolder) {
  fs::create_directories(results_);
  const auto lock = need(FileLock::acquire(results_ / ".lock"));
  const auto second = run();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another run"));
}

}  // namespace
}  // namespace eidetic
