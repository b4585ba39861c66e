#include "embed/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json smallest() { return {{"name", "m"}, {"model", "m.onnx"}, {"preprocess", Json::array()}}; }

Result<ModelBundle> parse(const Json& json) { return parse_bundle(dump_json(json), "/bundles/m", "model.json"); }

std::string message(const Json& changes) {
  Json json = smallest();
  json.update(changes);
  const auto bundle = parse(json);
  return bundle ? "no error" : bundle.error().message;
}

std::string hash_with(const Json& changes) {
  Json json = smallest();
  json.update(changes);
  return space_hash(parse(json).value(), "digest");
}

TEST(Bundle, HasDefaultsForAllButThreeFields) {
  const ModelBundle bundle = parse(smallest()).value();
  EXPECT_EQ(bundle.file(bundle.model), "/bundles/m/m.onnx");
  EXPECT_EQ(bundle.layer, std::nullopt);
  EXPECT_EQ(bundle.pooling, Pooling::none);
  EXPECT_TRUE(bundle.l2_normalize);
  EXPECT_FALSE(bundle.text || bundle.labels || bundle.golden || bundle.sha256);
  for (const auto* field : {"name", "model", "preprocess"}) {
    Json json = smallest();
    json.erase(field);
    EXPECT_THAT(parse(json).error().message, HasSubstr(std::string("model.json: field '") + field + "' is missing"));
  }
}

TEST(Bundle, ComesBackFromWriting) {
  Json json = smallest();
  json.update({{"sha256", std::string(64, 'a')},
               {"input", "data"},
               {"preprocess", {{{"resize", {{"width", 10}, {"height", 10}}}}}},
               {"layer", "features"},
               {"pooling", "gem"},
               {"gem_p", 2.5},
               {"l2_normalize", false},
               {"labels", {{"file", "labels.txt"}, {"layer", "logits"}}},
               {"text", {{"model", "t.onnx"}, {"vocabulary", "v.txt"}, {"tokenizer", "words"}, {"length", 20}}},
               {"golden", {{"input", "i.npy"}, {"output", "o.npy"}, {"tolerance", 0.01}}},
               {"description", "d"},
               {"license", "Apache-2.0"},
               {"source", "https://example.org"}});
  const ModelBundle bundle = parse(json).value();
  const ModelBundle again = parse_bundle(write_bundle(bundle), "/bundles/m", "again").value();
  EXPECT_EQ(write_bundle(again), write_bundle(bundle));
  EXPECT_EQ(again.gem_p, 2.5);
  EXPECT_EQ(again.text->length, 20);
  EXPECT_EQ(again.labels->layer, "logits");
  EXPECT_EQ(again.golden->tolerance, 0.01);
  EXPECT_EQ(again.source, "https://example.org");
}

TEST(Bundle, KeepsEveryKindOfTokenizer) {
  const auto again = [](const Json& text) {
    Json json = smallest();
    json["text"] = text;
    json["text"]["model"] = "t.onnx";
    return *parse_bundle(write_bundle(parse(json).value()), "/bundles/m", "again")->text;
  };
  const TextPart words = again({{"tokenizer", "words"}, {"vocabulary", "v.txt"}});
  EXPECT_EQ(words.tokenizer, TokenizerKind::words);
  EXPECT_EQ(words.vocabulary, "v.txt");
  EXPECT_EQ(words.pad, std::nullopt);
  const TextPart clip = again({{"tokenizer", "clip"}, {"vocabulary", "v.json"}, {"merges", "m.txt"}, {"pad", 0}});
  EXPECT_EQ(clip.tokenizer, TokenizerKind::clip);
  EXPECT_EQ(clip.vocabulary, "v.json");
  EXPECT_EQ(clip.merges, "m.txt");
  EXPECT_EQ(clip.pad, PaddingToken(0));
  EXPECT_EQ(again({{"tokenizer", "clip"}, {"merges", "m.txt"}}).vocabulary, "");
  const TextPart file =
      again({{"tokenizer", "file"}, {"tokenizer_file", "t.json"}, {"pad", "<pad>"}, {"input", "ids"}});
  EXPECT_EQ(file.tokenizer, TokenizerKind::file);
  EXPECT_EQ(file.tokenizer_file, "t.json");
  EXPECT_EQ(file.pad, PaddingToken("<pad>"));
  EXPECT_EQ(file.input, "ids");
}

TEST(Bundle, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(message({{"lyer", "x"}}), HasSubstr("unknown field 'lyer'; did you mean 'layer'?"));
  EXPECT_THAT(message({{"pooling", "mean"}}), HasSubstr("field 'pooling' must be one of none, avg, max, gem"));
  EXPECT_THAT(message({{"gem_p", 0}}), HasSubstr("'gem_p'"));
  EXPECT_THAT(message({{"name", "../x"}}), HasSubstr("'name'"));
  EXPECT_THAT(message({{"name", ""}}), HasSubstr("'name'"));
  EXPECT_THAT(message({{"sha256", "abc"}}), HasSubstr("'sha256' must be 64 hexadecimal digits"));
  EXPECT_THAT(message({{"preprocess", "resize"}}), HasSubstr("'preprocess' must be a list of steps"));
  EXPECT_THAT(message({{"l2_normalize", 1}}), HasSubstr("'l2_normalize' must be true or false"));
  EXPECT_THAT(message({{"labels", {{"flie", "x"}}}}), HasSubstr("model.json: labels: field 'file' is missing"));
  const auto text = [](const Json& fields) {
    Json part = {{"model", "t"}};
    part.update(fields);
    return message({{"text", part}});
  };
  EXPECT_THAT(text({{"vocabulary", "v"}, {"tokenizer", "bpe"}}),
              HasSubstr("model.json: text: field 'tokenizer' must be one of words, clip, file, not 'bpe'"));
  EXPECT_THAT(text({{"tokenizer", "words"}}), HasSubstr("field 'vocabulary' is missing"));
  EXPECT_THAT(text({{"tokenizer", "clip"}, {"vocabulary", "v"}}), HasSubstr("field 'merges' is missing"));
  EXPECT_THAT(text({{"tokenizer", "file"}}), HasSubstr("field 'tokenizer_file' is missing"));
  EXPECT_THAT(text({{"tokenizer", "words"}, {"vocabulary", "v"}, {"merges", "m"}}),
              HasSubstr("field 'merges' is nothing that 'words' takes"));
  EXPECT_THAT(text({{"tokenizer", "file"}, {"tokenizer_file", "t"}, {"vocabulary", "v"}}),
              HasSubstr("field 'vocabulary' is nothing that 'file' takes"));
  EXPECT_THAT(text({{"tokenizer", "words"}, {"vocabulary", "v"}, {"pad", 1}}), HasSubstr("field 'pad' is nothing"));
  EXPECT_THAT(text({{"tokenizer", "clip"}, {"merges", "m"}, {"pad", -1}}), HasSubstr("field 'pad' must be the id"));
  EXPECT_THAT(text({{"tokenizer", "clip"}, {"merges", "m"}, {"pad", 1.5}}), HasSubstr("field 'pad' must be the id"));
  EXPECT_THAT(text({{"tokenizer", "clip"}, {"merges", "m"}, {"length", 2}}), HasSubstr("must be from 3 to 4096"));
  EXPECT_THAT(text({{"tokenizer", "clip"}, {"merges", "../m"}}), HasSubstr("'merges' must name a file inside"));
  EXPECT_EQ(text({{"tokenizer", "clip"}, {"merges", "m"}, {"vocabulary", nullptr}, {"pad", nullptr}}), "no error");
}

TEST(Bundle, KeepsItsFilesInItsFolder) {
  for (const auto* name : {"/etc/passwd", "../m.onnx", "a/../../m.onnx", "", "a/"}) {
    EXPECT_THAT(message({{"model", name}}), HasSubstr("'model' must name a file inside")) << name;
    EXPECT_THAT(message({{"labels", {{"file", name}}}}), HasSubstr("'file' must name a file inside")) << name;
  }
  EXPECT_EQ(message({{"model", "weights/m.onnx"}}), "no error");
}

TEST(SpaceHash, CoversWhatChangesVectorsAndNothingElse) {
  const std::string plain = hash_with(Json::object());
  for (const Json& changes :
       std::vector<Json>{{{"name", "other"}},
                         {{"description", "d"}, {"license", "l"}, {"source", "s"}},
                         {{"labels", {{"file", "l.txt"}}}},
                         {{"text", {{"model", "t"}, {"vocabulary", "v"}, {"tokenizer", "words"}}}},
                         {{"gem_p", 4}},
                         {{"layer", nullptr}}}) {
    EXPECT_EQ(hash_with(changes), plain) << changes;
  }
  for (const Json& changes : std::vector<Json>{{{"layer", "x"}},
                                               {{"input", "x"}},
                                               {{"pooling", "avg"}},
                                               {{"l2_normalize", false}},
                                               {{"preprocess", {{{"to_float", Json::object()}}}}}}) {
    EXPECT_NE(hash_with(changes), plain) << changes;
  }
  EXPECT_NE(space_hash(parse(smallest()).value(), "another digest"), plain);
  EXPECT_NE(hash_with({{"pooling", "gem"}, {"gem_p", 4}}), hash_with({{"pooling", "gem"}}));
}

TEST(SpaceHash, CountsNumbersByValue) {
  const Json whole = {{"preprocess", {{{"resize", {{"width", 1}}}}}}};
  const Json real = {{"preprocess", {{{"resize", {{"width", 1.0}}}}}}};
  EXPECT_EQ(hash_with(whole), hash_with(real));
}

TEST(ModelDigest, TakesInTheWeightsBesideTheModel) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "m.xml", "<net/>"));
  ModelBundle bundle{.name = "m", .folder = folder.path(), .model = "m.xml"};
  const std::string bare = model_digest(bundle).value();
  EXPECT_EQ(bare, sha256_hex(as_bytes("<net/>")));
  ASSERT_TRUE(write_file_atomically(folder / "m.bin", "weights"));
  EXPECT_NE(model_digest(bundle).value(), bare);
}

TEST(ModelDigest, RefusesAnotherModelThanTheOneDescribed) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "m.onnx", "other"));
  const ModelBundle bundle{.name = "m", .folder = folder.path(), .model = "m.onnx", .sha256 = std::string(64, '0')};
  EXPECT_EQ(model_digest(bundle).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace eidetic
