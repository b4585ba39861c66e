#include "eidetic/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "base/npy.h"
#include "embed/image_tower.h"
#include "embed/layers.h"
#include "embed/models.h"
#include "embed/network.h"
#include "embed/test_bundles.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::filesystem::path model(std::string_view name) { return shared_file("models") / name; }

std::unique_ptr<Embedder> load(const std::filesystem::path& path, const EmbedderOptions& options = {.threads = 2}) {
  auto embedder = load_embedder(path, options);
  if (!embedder) ADD_FAILURE() << embedder.error().message;
  return embedder ? *std::move(embedder) : nullptr;
}

// The default model on two threads, loaded once for all tests.
const Embedder& default_model() {
  static const auto embedder = load(default_bundle());
  return *embedder;
}

Error error_of(const std::filesystem::path& path, const EmbedderOptions& options = {.threads = 1}) {
  const auto embedder = load_embedder(path, options);
  return embedder ? Error{ErrorCode::internal, "no error"} : embedder.error();
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - b[i]));
  return largest;
}

// What the model makes of a golden input tensor at `layer`, against the golden output.
double golden_difference(const std::filesystem::path& file, std::string_view layer, std::string_view input,
                         std::string_view output) {
  const TemporaryDirectory folder;
  const auto bundle = read_bundle(make_bundle(folder, file, {{"layer", layer}, {"l2_normalize", false}})).value();
  const auto tower = ImageTower::load(bundle, {.arithmetic = EmbedderOptions::Arithmetic::f32, .threads = 1}, "");
  const Vector vector = tower->embed_tensor(read_npy(model("golden") / input)->values).value();
  return largest_difference(vector, read_npy(model("golden") / output)->values);
}

TEST(Golden, TensorsOfSqueezeNetAndMobileNet) {
  EIDETIC_NEEDS_SHARED("models/golden");
  EXPECT_LT(golden_difference(model("squeezenet1.1_imagenet.onnx"), "logits", "squeezenet1.1_input.npy",
                              "squeezenet1.1_logits.npy"),
            2e-4);
  EXPECT_LT(golden_difference(model("mobilenet_v2_joint_image.onnx"), "logits", "mobilenet_input.npy",
                              "mobilenet_logits.npy"),
            2e-4);
  EXPECT_LT(golden_difference(model("mobilenet_v2_joint_image.onnx"), "image_embeds", "mobilenet_input.npy",
                              "mobilenet_image_embeds.npy"),
            2e-5);
}

TEST(Golden, TextQueries) {
  EIDETIC_NEEDS_SHARED("models/joint_text.onnx");
  const TemporaryDirectory folder;
  const auto bundle = make_bundle(folder, model("mobilenet_v2_joint_image.onnx"),
                                  {{"layer", "image_embeds"},
                                   {"text",
                                    {{"model", "joint_text.onnx"},
                                     {"vocabulary", "joint_text_vocab.txt"},
                                     {"tokenizer", "words"},
                                     {"length", 16}}}});
  for (const auto* file : {"joint_text.onnx", "joint_text_vocab.txt"}) {
    std::filesystem::create_symlink(model(file), bundle / file);
  }
  const auto embedder = load(bundle);
  ASSERT_TRUE(embedder && embedder->has_text());
  const Json golden = parse_json(read_text(model("golden") / "text_queries.json").value(), "golden").value();
  for (const auto& [text, expected] : golden.items()) {
    const Vector vector = embedder->embed_text(text).value();
    EXPECT_EQ(vector.size(), 256);
    const auto first = expected["embed_first8"].get<Vector>();
    EXPECT_LT(largest_difference(std::span(vector).first(8), first), 2e-5) << text;
  }
  const auto unknown = embedder->embed_text("xyzzy qwrtz");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(unknown.error().message, HasSubstr("'xyzzy qwrtz' holds no word that the model knows"));
}

TEST(DefaultModel, EmbedsPicturesOfAnyShape) {
  const Embedder* const embedder = &default_model();
  EXPECT_EQ(embedder->space().dimensions, 256);
  EXPECT_EQ(embedder->space().model, "default");
  EXPECT_EQ(embedder->parallelism(), 2);
  for (const auto& [width, height] : {std::pair{300, 200}, {20, 500}, {1, 1}, {112, 112}}) {
    EmbedTimings timings;
    const auto vector = embedder->embed_image(waves(width, height), &timings);
    ASSERT_TRUE(vector) << vector.error().message;
    double length = 0;
    for (const float value : *vector) length += double{value} * value;
    EXPECT_NEAR(length, 1, 1e-5);
    EXPECT_GT(timings.inference_ms, 0);
  }
  EXPECT_EQ(embedder->embed_image({}).error().code, ErrorCode::invalid_argument);
  const auto text = embedder->embed_text("a dog");
  EXPECT_EQ(text.error().code, ErrorCode::unsupported);
  EXPECT_THAT(text.error().message, HasSubstr("text tower"));
}

TEST(DefaultModel, GivesTheSameBitsAloneInABatchAndUnderLoad) {
  const Embedder* const embedder = &default_model();
  std::vector<Image> pictures;
  std::vector<Vector> alone;
  for (int i = 0; i < 12; ++i) {
    pictures.push_back(waves(200 + i, 160, i));
    alone.push_back(embedder->embed_image(pictures.back()).value());
  }
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t n = 0; n < 24; ++n) {
        const std::size_t i = (n * 5 + static_cast<std::size_t>(t)) % pictures.size();
        EXPECT_EQ(embedder->embed_image(pictures[i]).value(), alone[i]);
      }
    });
  }
  threads.clear();
  const auto batch = embedder->embed_images(pictures);
  for (std::size_t i = 0; i < pictures.size(); ++i) EXPECT_EQ(batch[i].value(), alone[i]);
  EXPECT_NE(alone[0], alone[1]);
  const auto one_thread = load(default_bundle(), {.threads = 1});
  EXPECT_EQ(one_thread->embed_image(pictures[3]).value(), alone[3]);
}

// On processors whose 8-bit sums overflow, this is where it would show.
TEST(DefaultModel, GivesTheSameBitsHoweverManyThreadsWorkOnAPicture) {
  const auto together = load(default_bundle(), {.threads = 2, .threads_each = 2});
  EXPECT_EQ(together->parallelism(), 1);
  for (int i = 0; i < 6; ++i) {
    const Image picture = waves(90 + 40 * i, 300 - 30 * i);
    EXPECT_EQ(together->embed_image(picture).value(), default_model().embed_image(picture).value());
  }
}

TEST(DefaultModel, AgreesWithItsUnquantisedSelf) {
  EIDETIC_NEEDS_SHARED("models/eidetic_small_fp16.onnx");
  EIDETIC_NEEDS_SHARED("images/caltech101/soccer_ball");
  const TemporaryDirectory folder;
  const Embedder* const quantised = &default_model();
  const auto full = load(make_bundle(folder, model("eidetic_small_fp16.onnx"), {{"preprocess", unit_steps(112, 112)}}));
  for (const auto& entry : std::filesystem::directory_iterator(shared_file("images/caltech101/soccer_ball"))) {
    const Image image = decode_image(read_file(entry.path()).value()).value();
    const Vector a = quantised->embed_image(image).value();
    EXPECT_GT(std::inner_product(a.begin(), a.end(), full->embed_image(image).value().begin(), 0.0), 0.95);
  }
}

TEST(DefaultModel, OneBadPictureFailsAlone) {
  const Embedder* const embedder = &default_model();
  const std::vector<Image> pictures = {waves(50, 50), {}, waves(60, 60)};
  const auto vectors = embedder->embed_images(pictures);
  EXPECT_TRUE(vectors[0] && vectors[2]);
  EXPECT_FALSE(vectors[1]);
}

TEST(CompiledCache, ChangesNothingButTheTime) {
  const TemporaryDirectory cache;
  const Vector plain = default_model().embed_image(waves(200, 160)).value();
  const auto cached = [&] {
    return load(default_bundle(), {.threads = 1, .cache_dir = cache.path()})->embed_image(waves(200, 160)).value();
  };
  EXPECT_EQ(cached(), plain);
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(cache.path()), {});
  ASSERT_EQ(files.size(), 1);
  EXPECT_EQ(cached(), plain);
  const std::string kept = read_text(files[0]).value();
  for (const auto& damaged : {kept.substr(0, kept.size() / 2), std::string(), kept + "x"}) {
    ASSERT_TRUE(write_file_atomically(files[0], damaged));
    EXPECT_EQ(cached(), plain);
    EXPECT_GT(std::filesystem::file_size(files[0]), kept.size() / 2 + 1) << "written again";
  }
}

TEST(Layers, AnyTensorOrNodeCanBeTheVector) {
  EIDETIC_NEEDS_SHARED("models/squeezenet1.1_imagenet.onnx");
  const auto file = model("squeezenet1.1_imagenet.onnx");
  const auto layers = list_layers(file).value();
  const auto find = [&](std::string_view name) { return *std::ranges::find(layers, name, &LayerInfo::name); };
  EXPECT_EQ(find("data").shape, "[?,3,224,224]");
  EXPECT_EQ(find("concat_61").shape, "[?,512,13,13]");
  EXPECT_EQ(find("concat_61").op, "Concat");
  EXPECT_TRUE(find("features").output);
  EXPECT_FALSE(find("concat_61").output);

  const Image picture = waves(300, 240);
  EXPECT_EQ(load(file, {.layer = "logits"})->space().dimensions, 1000);
  EXPECT_EQ(load(file, {.layer = "concat_61"})->space().dimensions, 512 * 13 * 13);

  // The network's own average pooling is the judge of ours.
  const TemporaryDirectory folder;
  const Vector own = load(make_bundle(folder, file, {{"layer", "features"}}))->embed_image(picture).value();
  const Vector ours =
      load(make_bundle(folder, file, {{"layer", "concat_61"}, {"pooling", "avg"}}))->embed_image(picture).value();
  EXPECT_LT(largest_difference(own, ours), 1e-6);
}

TEST(Layers, UnknownNamesGetNearOnesAndTheListingCommand) {
  EIDETIC_NEEDS_SHARED("models/squeezenet1.1_imagenet.onnx");
  const Error error = error_of(model("squeezenet1.1_imagenet.onnx"), {.threads = 1, .layer = "featuers"});
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("no layer 'featuers'"), HasSubstr("'features'"), HasSubstr("eidetic models layers")));
}

TEST(Layers, AreASpaceOfTheirOwn) {
  const auto bundle = default_bundle();
  const Space& own = default_model().space();
  EXPECT_TRUE(own.matches(load(bundle, {.threads = 1})->space()));
  EXPECT_FALSE(own.matches(load(bundle, {.threads = 1, .layer = "embedding"})->space()));
}

TEST(OtherModels, FixedBatchAndQuantisedOperators) {
  EIDETIC_NEEDS_SHARED("models/shufflenet-v2-12-int8.onnx");
  EIDETIC_NEEDS_SHARED("images/caltech101/soccer_ball");
  const TemporaryDirectory folder;
  const auto bundle =
      make_bundle(folder, model("shufflenet-v2-12-int8.onnx"),
                  {{"preprocess",
                    {{{"resize_short_side", {{"size", 256}}}},
                     {{"center_crop", {{"width", 224}, {"height", 224}}}},
                     {{"normalize", {{"sub", {123.675, 116.28, 103.53}}, {"div", {58.395, 57.12, 57.375}}}}}}},
                   {"labels", {{"file", "labels.txt"}}}});
  std::filesystem::create_symlink(model("imagenet_labels_1000.txt"), bundle / "labels.txt");
  const auto classifier = load_classifier(bundle, {.threads = 2});
  ASSERT_TRUE(classifier) << classifier.error().message;
  int right = 0;
  int all = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared_file("images/caltech101/soccer_ball"))) {
    const auto image = decode_image(read_file(entry.path()).value());
    const Vector scores = (*classifier)->embed_image(image.value()).value();
    const auto best = std::ranges::max_element(scores) - scores.begin();
    right += (*classifier)->labels()[static_cast<std::size_t>(best)].contains("soccer ball") ? 1 : 0;
    ++all;
  }
  EXPECT_GT(right * 10, all * 7) << right << " of " << all;
}

TEST(OtherModels, WeightsBehindDequantizeLinear) {
  EIDETIC_NEEDS_SHARED("models/mobilenet_v2_keras_w8.onnx");
  const auto steps = Json{{"preprocess", unit_steps(256, 224)}, {"layer", "features"}};
  const TemporaryDirectory folder;
  // Several streams at once: see must_unpack_weights of network.cpp.
  const EmbedderOptions options{.arithmetic = EmbedderOptions::Arithmetic::f32, .threads = 4};
  const auto quantised = load(make_bundle(folder, model("mobilenet_v2_keras_w8.onnx"), steps), options);
  const auto full = load(make_bundle(folder, model("mobilenet_v2_joint_image.onnx"), steps), options);
  ASSERT_TRUE(quantised && full);
  const Vector a = quantised->embed_image(waves(300, 240)).value();
  const Vector b = full->embed_image(waves(300, 240)).value();
  double cosine = 0;
  for (std::size_t i = 0; i < a.size(); ++i) cosine += double{a[i]} * b[i];
  EXPECT_GT(cosine, 0.99);
}

TEST(WrongInputs, NoModelAndDamagedModels) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "text.onnx", "this is no model"));
  const std::string bytes = read_text(default_bundle() / "model.onnx").value();
  ASSERT_TRUE(write_file_atomically(folder / "cut.onnx", bytes.substr(0, bytes.size() / 2)));
  for (const auto* name : {"text.onnx", "cut.onnx"}) {
    const Error error = error_of(folder / name);
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr(name));
  }
  EXPECT_EQ(error_of(folder / "none.onnx").code, ErrorCode::not_found);
  EXPECT_EQ(error_of(folder.path()).code, ErrorCode::not_found);
  ASSERT_TRUE(write_file_atomically(folder / "photo.jpg", "x"));
  const Error other = error_of(folder / "photo.jpg");
  EXPECT_EQ(other.code, ErrorCode::unsupported);
  EXPECT_THAT(other.message, HasSubstr(".onnx, .xml"));
}

TEST(WrongInputs, StepsThatDoNotFitTheModel) {
  EIDETIC_NEEDS_SHARED("models/squeezenet1.1_imagenet.onnx");
  const TemporaryDirectory folder;
  const auto file = model("squeezenet1.1_imagenet.onnx");
  const Error size = error_of(make_bundle(folder, file, {{"preprocess", unit_steps(128, 112)}}));
  EXPECT_EQ(size.code, ErrorCode::invalid_argument);
  EXPECT_THAT(size.message, AllOf(HasSubstr("[?,3,224,224]"), HasSubstr("[1,3,112,112]")));
  Json steps = unit_steps(256, 224);
  steps.push_back({{"layout", {{"order", "interleaved"}}}});
  EXPECT_THAT(error_of(make_bundle(folder, file, {{"preprocess", steps}})).message, HasSubstr("[1,224,224,3]"));
  steps[0] = {{"resise", Json::object()}};
  EXPECT_THAT(error_of(make_bundle(folder, file, {{"preprocess", steps}})).message, HasSubstr("'resise'"));
  EXPECT_THAT(error_of(make_bundle(folder, file, {{"input", "pixels"}})).message,
              AllOf(HasSubstr("no input 'pixels'"), HasSubstr("data")));
}

TEST(WrongInputs, LabelsThatDoNotFitTheScores) {
  const TemporaryDirectory folder;
  EXPECT_EQ(load_classifier(default_bundle()).error().code, ErrorCode::unsupported);
  const auto bundle = make_bundle(folder, default_bundle() / "model.onnx",
                                  {{"preprocess", unit_steps(112, 112)}, {"labels", {{"file", "labels.txt"}}}});
  ASSERT_TRUE(write_file_atomically(bundle / "labels.txt", "cat\ndog\n"));
  EXPECT_EQ(load(bundle)->labels(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_THAT(load_classifier(bundle).error().message, HasSubstr("256 scores for 2 labels"));
}

TEST(Precision, Bf16IsRefusedWhereTheProcessorHasNone) {
  const EmbedderOptions bf16{.arithmetic = EmbedderOptions::Arithmetic::bf16, .threads = 1};
  if (has_native_bf16()) {
    EXPECT_EQ(load(default_bundle(), bf16)->space().precision, Precision::bf16);
    EXPECT_EQ(default_model().space().precision, Precision::bf16);
    return;
  }
  const Error error = error_of(default_bundle(), bf16);
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_THAT(error.message, HasSubstr("use f32"));
  EXPECT_EQ(default_model().space().precision, Precision::f32);
}

}  // namespace
}  // namespace eidetic
