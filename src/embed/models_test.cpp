#include "embed/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/npy.h"
#include "embed/image_tower.h"
#include "embed/test_bundles.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

class Models : public testing::Test {
 protected:
  void add(const fs::path& folder, std::string_view name) {
    const Json json = {{"name", name}, {"model", "m.onnx"}, {"preprocess", Json::array()}};
    ASSERT_TRUE(make_directories(folder / name));
    ASSERT_TRUE(write_file_atomically(folder / name / "model.json", dump_json(json)));
  }

  TemporaryDirectory folder_;
  std::vector<fs::path> folders_ = {folder_ / "own", folder_ / "shared", folder_ / "absent"};
};

TEST_F(Models, AreFoundByNameThenByPath) {
  add(folders_[0], "clip");
  add(folders_[1], "clip");
  add(folders_[1], "default");
  EXPECT_EQ(find_bundle("clip", folders_).value(), folders_[0] / "clip");
  EXPECT_EQ(find_bundle("default", folders_).value(), folders_[1] / "default");
  EXPECT_EQ(find_bundle((folders_[1] / "clip").native(), folders_).value(), folders_[1] / "clip");
  const auto unknown = find_bundle("defualt", folders_);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_THAT(unknown.error().message,
              AllOf(HasSubstr("'defualt'; did you mean 'default'?"), HasSubstr("models pull")));
  EXPECT_FALSE(find_bundle("", folders_));
  EXPECT_FALSE(find_bundle("..", std::vector<fs::path>{}).value().empty());
}

TEST_F(Models, AreListedOnceByNameBrokenOnesToo) {
  add(folders_[1], "b");
  add(folders_[0], "b");
  add(folders_[1], "a");
  ASSERT_TRUE(write_file_atomically(folders_[1] / "a" / "model.json", "{"));
  ASSERT_TRUE(make_directories(folders_[1] / "no bundle"));
  const auto bundles = list_bundles(folders_);
  ASSERT_EQ(bundles.size(), 2);
  EXPECT_EQ(bundles[0].folder, folders_[1] / "a");
  EXPECT_FALSE(bundles[0].bundle);
  EXPECT_EQ(bundles[1].folder, folders_[0] / "b");
  EXPECT_EQ(bundles[1].bundle->name, "b");
}

TEST_F(Models, BareFilesAreDescribedByTheirInput) {
  const ModelBundle bundle = open_bundle(default_bundle() / "model.onnx").value();
  EXPECT_EQ(bundle.name, "model");
  EXPECT_EQ(bundle.pooling, Pooling::avg);
  EXPECT_TRUE(bundle.l2_normalize);
  const auto preprocess = Preprocess::compile(bundle.preprocess, "defaults");
  ASSERT_TRUE(preprocess) << preprocess.error().message;
  EXPECT_EQ(preprocess->shape().height, 224);
  EXPECT_TRUE(preprocess->shape().planar);
}

TEST_F(Models, ImportMakesABundleThatLoads) {
  const auto file = default_bundle() / "model.onnx";
  const auto bundle = import_model(file, folders_[0], "mine");
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(bundle->name, "mine");
  EXPECT_EQ(find_bundle("mine", folders_).value(), folders_[0] / "mine");
  EXPECT_TRUE(load_embedder(folders_[0] / "mine", {.threads = 1}));
  EXPECT_EQ(import_model(file, folders_[0], "mine").error().code, ErrorCode::already_exists);
  EXPECT_EQ(import_model(file, folders_[0], "a/b").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(import_model(folder_ / "none.onnx", folders_[0], "other").error().code, ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(folders_[0] / "other"));
}

TEST_F(Models, CheckLoadsEmbedsAndMeasures) {
  const auto check = check_bundle(default_bundle(), {.threads = 1});
  ASSERT_TRUE(check) << check.error().message;
  EXPECT_EQ(check->space.dimensions, 256);
  EXPECT_GT(check->images_per_s, 0);
  EXPECT_EQ(check->golden_difference, std::nullopt);
}

TEST_F(Models, CheckComparesWithGoldenTensors) {
  const auto bundle =
      make_bundle(folder_, default_bundle() / "model.onnx",
                  {{"preprocess", unit_steps(112, 112)}, {"golden", {{"input", "in.npy"}, {"output", "out.npy"}}}});
  const auto tower = ImageTower::load(read_bundle(bundle).value(), {.threads = 1}, "");
  std::vector<float> tensor(tower->preprocess().output_size());
  for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<float>(i % 97) / 48.5F - 1;
  Vector vector = tower->embed_tensor(tensor).value();
  ASSERT_TRUE(write_npy(bundle / "in.npy", 1, tensor.size(), tensor));
  ASSERT_TRUE(write_npy(bundle / "out.npy", 1, vector.size(), vector));
  EXPECT_EQ(check_bundle(bundle, {.threads = 1})->golden_difference, 0);
  vector[7] += 0.1F;
  ASSERT_TRUE(write_npy(bundle / "out.npy", 1, vector.size(), vector));
  const auto wrong = check_bundle(bundle, {.threads = 1});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::corrupt);
  EXPECT_THAT(wrong.error().message, HasSubstr("differ by up to 0.1"));
}

}  // namespace
}  // namespace eidetic
