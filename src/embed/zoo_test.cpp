#include "embed/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "eidetic/embedder.h"

#include "base/hash.h"
#include "embed/models.h"
#include "embed/tar.h"
#include "embed/test_bundles.h"
#include "embed/test_colours.h"
#include "image/preprocess.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

class Zoo : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(default_bundle() / "model.onnx", served_ / "net.onnx");
    ASSERT_TRUE(write_file_atomically(served_ / "page.html", "<html>this model has moved</html>"));
  }

  [[nodiscard]] ZooModel model(const std::string& url_path, const Json& file_fields = Json::object()) const {
    Json file = {{"url", server_.url(url_path)}, {"file", "net.onnx"}};
    file.update(file_fields);
    const Json zoo = {{"models",
                       {{{"name", "Net"},
                         {"dimensions", 256},
                         {"files", {file}},
                         {"bundle", {{"preprocess", unit_steps(112, 112)}, {"license", "Apache-2.0"}}}}}}};
    EXPECT_TRUE(write_file_atomically(folder_ / "zoo.json", dump_json(zoo)));
    return find_in_zoo(read_zoo(folder_ / "zoo.json").value(), "net").value();
  }
  [[nodiscard]] Result<ModelBundle> pull(const ZooModel& zoo_model, const PullOptions& options = {}) const {
    return pull_model(zoo_model, models_, HttpClient(), options);
  }
  TemporaryDirectory served_;
  TemporaryDirectory folder_;
  fs::path models_ = folder_ / "models";
  TestServer server_{served_.path()};
};

TEST_F(Zoo, PullsOnceAndThenAsksNobody) {
  std::uint64_t seen = 0;
  const auto bundle = pull(model("net.onnx"), {.progress = [&](std::uint64_t done, std::uint64_t) { seen = done; }});
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(seen, fs::file_size(served_ / "net.onnx"));
  EXPECT_EQ(bundle->name, "Net");
  EXPECT_EQ(bundle->sha256, sha256_hex_of_file(served_ / "net.onnx").value());
  const auto embedder = load_embedder(models_ / "Net", {.threads = 1});
  ASSERT_TRUE(embedder) << embedder.error().message;
  EXPECT_EQ((*embedder)->space().dimensions, 256);

  const std::string before = server_.requests();
  EXPECT_TRUE(pull(model("net.onnx")));
  EXPECT_EQ(server_.requests(), before);
}

TEST_F(Zoo, GoesOnAfterABrokenTry) {
  const ZooModel cut = model("net.onnx?cut=1000000");
  EXPECT_EQ(pull(cut).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(find_bundle("Net", std::vector{models_}));
  EXPECT_TRUE(list_bundles(std::vector{models_}).empty());
  ASSERT_TRUE(pull(cut));
  EXPECT_THAT(server_.requests(), HasSubstr("bytes=1000000-"));
  EXPECT_EQ(sha256_hex_of_file(models_ / "Net" / "net.onnx").value(), sha256_hex_of_file(served_ / "net.onnx").value());
}

TEST_F(Zoo, RefusesWhatIsNoModelAndForgetsIt) {
  const auto page = pull(model("page.html"));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::corrupt);
  EXPECT_THAT(page.error().message, HasSubstr("page.html"));
  EXPECT_TRUE(pull(model("net.onnx")));
}

TEST_F(Zoo, PullsATextTowerWithItsTokenizer) {
  const fs::path colours = make_colour_bundle(folder_ / "colours", {.table = ColourWords::table()});
  for (const auto* const file : {"pictures.onnx", "text.onnx", "merges.txt"})
    fs::copy_file(colours / file, served_ / file);
  const auto described = [&](const std::string& merges) {
    Json bundle = parse_json(read_text(colours / "model.json").value(), "").value();
    Json files = Json::array();
    for (const std::string& file : {std::string("pictures.onnx"), std::string("text.onnx"), merges}) {
      files.push_back({{"url", server_.url(file)}, {"file", file == merges ? "merges.txt" : file}});
    }
    bundle.erase("name");
    bundle.erase("model");
    const Json entry = {{"name", "Colours"}, {"dimensions", 3}, {"files", files}, {"bundle", bundle}};
    EXPECT_TRUE(write_file_atomically(folder_ / "zoo.json", dump_json({{"models", {entry}}})));
    return read_zoo(folder_ / "zoo.json").value().front();
  };
  const auto page = pull(described("page.html"));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::corrupt);
  EXPECT_THAT(page.error().message, AllOf(HasSubstr("page.html"), HasSubstr("merges.txt")));
  const auto bundle = pull(described("merges.txt"));
  ASSERT_TRUE(bundle) << bundle.error().message;
  const auto embedder = load_embedder(models_ / "Colours", {.threads = 1}).value();
  EXPECT_EQ(embedder->embed_text("red").value().front(), 1);
}

TEST_F(Zoo, ChecksKnownChecksums) {
  const Json wrong = {{"sha256", std::string(64, '0')}};
  EXPECT_EQ(pull(model("net.onnx", wrong)).error().code, ErrorCode::corrupt);
  const Json right = {{"sha256", sha256_hex_of_file(served_ / "net.onnx").value()}};
  EXPECT_TRUE(pull(model("net.onnx", right)));
}

TEST_F(Zoo, FetchesFromAMirror) {
  ZooModel elsewhere = model("net.onnx");
  elsewhere.files[0].url = "https://nowhere.invalid/models/net.onnx";
  const std::string mirror = server_.url("");
  EXPECT_TRUE(pull(elsewhere, {.mirror = mirror.substr(0, mirror.size() - 1)}));
}

TEST_F(Zoo, UnpacksArchives) {
  const std::string command = "mkdir " + (served_ / "net_infer").native() + " && cp " +
                              (served_ / "net.onnx").native() + " " + (served_ / "net_infer").native() + " && tar -C " +
                              served_.path().native() + " -cf " + (served_ / "net.tar").native() + " net_infer";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto bundle = pull(model("net.tar", {{"members", {{"net_infer/net.onnx", "net.onnx"}}}}));
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(sha256_hex_of_file(models_ / "Net" / "net.onnx").value(), sha256_hex_of_file(served_ / "net.onnx").value());
  EXPECT_FALSE(fs::exists(models_ / "Net" / "net.onnx.tar"));

  const auto wanted = std::map<std::string, fs::path>{{"other", folder_ / "other"}};
  EXPECT_EQ(extract_tar(served_ / "net.tar", wanted).error().code, ErrorCode::not_found);
  EXPECT_EQ(extract_tar(served_ / "page.html", wanted).error().code, ErrorCode::corrupt);
  fs::resize_file(served_ / "net.tar", 100'000);
  const auto inside = std::map<std::string, fs::path>{{"net_infer/net.onnx", folder_ / "other"}};
  EXPECT_EQ(extract_tar(served_ / "net.tar", inside).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(fs::exists(folder_ / "other"));
}

TEST_F(Zoo, NamesWhatIsUnknownOrWrong) {
  const std::vector<ZooModel> zoo = {model("net.onnx")};
  EXPECT_THAT(find_in_zoo(zoo, "nett").error().message,
              AllOf(HasSubstr("did you mean 'Net'?"), HasSubstr("It has: Net")));
  const auto wrong = [&](const Json& entry) {
    EXPECT_TRUE(write_file_atomically(folder_ / "bad.json", dump_json({{"models", {entry}}})));
    return read_zoo(folder_ / "bad.json").error().message;
  };
  Json entry = {
      {"name", "n"}, {"dimensions", 1}, {"files", {{{"url", "u"}, {"file", "f"}}}}, {"bundle", Json::object()}};
  EXPECT_THAT(wrong(entry), HasSubstr("models[0]: bundle: field 'preprocess' is missing"));
  entry["files"][0]["file"] = "../f";
  EXPECT_THAT(wrong(entry), HasSubstr("field 'file' must be a plain file name"));
  entry["files"] = Json::array();
  EXPECT_THAT(wrong(entry), HasSubstr("at least one"));
}

TEST(ZooOfTheRepository, DescribesItsModelsInFull) {
  const auto zoo = read_zoo(fs::path(EIDETIC_SOURCE_DIR) / "models" / "zoo.json");
  ASSERT_TRUE(zoo) << zoo.error().message;
  for (const auto* name :
       {"SqueezeNet", "MobileNetV2", "ResNet152", "EfficientNetLite4", "CLIP-ViT-B-32", "PP-ShiTuV2", "ResNet50"}) {
    EXPECT_TRUE(find_in_zoo(*zoo, name)) << name;
  }
  for (const auto& model : *zoo) {
    const auto preprocess = Preprocess::compile(model.bundle.preprocess, model.bundle.name);
    ASSERT_TRUE(preprocess) << preprocess.error().message;
    EXPECT_EQ(preprocess->shape().height, 224);
    EXPECT_FALSE(model.bundle.license.empty());
    EXPECT_TRUE(model.files[0].url.starts_with("https://"));
  }
}

}  // namespace
}  // namespace eidetic
