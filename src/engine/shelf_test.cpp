// Models, and backups of the whole data folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "base/test_files.h"
#include "engine/test_engine.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kBundled = fs::path(EIDETIC_SOURCE_DIR) / "models/default";

class ShelfTest : public testing::Test {
 protected:
  static std::string description() { return need(read_text(kBundled / "model.json")); }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_ = need(Engine::open({.data_dir = folder_ / "data"}));
};

TEST_F(ShelfTest, ShowsModels) {
  const auto model = need(engine_->model("default"));
  EXPECT_EQ(model.name, "default");
  EXPECT_TRUE(Json::parse(model.bundle).contains("preprocess"));
  const auto all = need(engine_->models());
  EXPECT_NE(std::ranges::find(all, "default", &ModelInfo::name), all.end());
  const auto layers = need(engine_->layers("default"));
  EXPECT_TRUE(std::ranges::any_of(layers, &LayerInfo::output));
  EXPECT_EQ(engine_->layers("none").error().code, ErrorCode::not_found);
  const auto check = need(engine_->check_model("default"));
  EXPECT_GT(check.space.dimensions, 0U);
  EXPECT_GT(check.images_per_s, 0);
}

TEST_F(ShelfTest, ABrokenModelIsShownWithItsError) {
  fs::create_directories(folder_ / "data/models/broken");
  need(write_file_atomically(folder_ / "data/models/broken/model.json", "{"));
  const auto all = need(engine_->models());
  const auto broken = std::ranges::find(all, "broken", &ModelInfo::name);
  ASSERT_NE(broken, all.end());
  EXPECT_TRUE(broken->error);
}

TEST_F(ShelfTest, ImportsAModelFile) {
  const auto imported = need(engine_->import_model(kBundled / "model.onnx", "mine"));
  EXPECT_EQ(imported.name, "mine");
  EXPECT_TRUE(engine_->create("c", {.model = "mine"}));
  EXPECT_EQ(engine_->import_model(kBundled / "model.onnx", "mine").error().code, ErrorCode::already_exists);
}

TEST_F(ShelfTest, InstallsAModelFromAUrl) {
  const TestServer server(kBundled);
  const auto installed = need(engine_->install_model("mine", description(), server.url("model.onnx")));
  EXPECT_EQ(installed.name, "mine");
  EXPECT_TRUE(engine_->create("c", {.model = "mine"}));
  // The same again: nothing is fetched.
  const auto requests = server.requests();
  EXPECT_EQ(need(engine_->install_model("mine", description(), server.url("model.onnx"))).folder, installed.folder);
  EXPECT_EQ(server.requests(), requests);
  auto other = Json::parse(description());
  other["l2_normalize"] = false;
  EXPECT_EQ(engine_->install_model("mine", other.dump(), server.url("model.onnx")).error().code,
            ErrorCode::already_exists);
}

TEST_F(ShelfTest, AnInstallationThatFailsLeavesNothing) {
  const TestServer server(kBundled);
  EXPECT_EQ(engine_->install_model("mine", description(), server.url("none")).error().code, ErrorCode::not_found);
  EXPECT_FALSE(engine_->install_model("mine", description(), server.url("model.json")));
  EXPECT_EQ(engine_->install_model("mine", "{}", server.url("model.onnx")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->install_model("../x", description(), server.url("model.onnx")).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->model("mine").error().code, ErrorCode::not_found);
  EXPECT_EQ(need(engine_->install_model("mine", description(), (kBundled / "model.onnx").native())).name, "mine");
}

TEST_F(ShelfTest, ABackupIsADataFolder) {
  need(engine_->create("c", {}));
  std::vector<NewItem> items(2);
  items[0] = {.id = "kept", .bytes = picture_bytes(1)};
  items[1] = {.id = "bare", .vector = Vector(need(engine_->describe("c")).spec.space.dimensions, 1)};
  need(engine_->put("c", items));
  need(engine_->import_model(kBundled / "model.onnx", "mine"));
  const auto job = need(engine_->start_put("c", std::vector<NewItem>{{.id = "later", .bytes = picture_bytes(2)}}));
  const auto folder = folder_ / "backups/today";
  fs::create_directories(folder_ / "backups/today.part/left over");
  need(engine_->backup(folder));
  EXPECT_FALSE(fs::exists(folder_ / "backups/today.part"));
  EXPECT_EQ(engine_->backup(folder).error().code, ErrorCode::already_exists);
  // What comes afterwards is not in it.
  need(engine_->erase("c", std::vector<std::string>{"kept"}));

  const auto copy = need(Engine::open({.data_dir = folder, .run_jobs = true}));
  EXPECT_EQ(need(copy->picture("c", "kept")).bytes, picture_bytes(1));
  const Term term{.kind = Term::Kind::bytes, .bytes = picture_bytes(1)};
  EXPECT_EQ(need(copy->search("c", {.terms = {term}, .k = 1})).hits[0].id, "kept");
  EXPECT_TRUE(copy->model("mine"));
  EXPECT_EQ(ended(*copy, job.id).state, JobState::done);
  EXPECT_EQ(need(copy->picture("c", "later")).bytes, picture_bytes(2));
}

TEST_F(ShelfTest, ABackupGoesOnBesideWrites) {
  need(engine_->create("c", {}));
  const auto dimensions = need(engine_->describe("c")).spec.space.dimensions;
  std::stop_source stop;
  std::jthread writer([&] {
    for (int i = 0; !stop.stop_requested(); ++i) {
      need(engine_->put("c", std::vector<NewItem>{{.id = std::to_string(i), .vector = Vector(dimensions, 1)}}));
    }
  });
  ASSERT_TRUE(eventually([&] { return need(engine_->describe("c")).items > 10; }));
  for (const auto* name : {"one", "two"}) {
    need(engine_->backup(folder_ / name));
    const auto copy = need(Engine::open({.data_dir = folder_ / name}));
    EXPECT_GT(need(copy->describe("c")).items, 10U);
  }
  stop.request_stop();
}

}  // namespace
}  // namespace eidetic
