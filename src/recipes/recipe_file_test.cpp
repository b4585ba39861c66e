#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eidetic/recipe.h"

#include "base/file.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kFile = "/home/me/pets.toml";

std::string refusal_of(std::string_view text) {
  const auto recipe = parse_recipe(text, kFile);
  if (recipe) return "";
  EXPECT_EQ(recipe.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(recipe.error().message, HasSubstr("/home/me/pets.toml"));
  return recipe.error().message;
}

TEST(RecipeFile, NeedsLittle) {
  const auto recipe = parse_recipe(
      "collection = \"mine\"\n[data]\npaths = [\"pictures\", \"/srv/more\", \"https://a.example/x.jpg\"]\n", kFile);
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->collection, "mine");
  EXPECT_THAT(recipe->data.request.paths, ElementsAre("/home/me/pictures", "/srv/more", "https://a.example/x.jpg"));
  EXPECT_EQ(recipe->output, "/home/me/pets-results");
  EXPECT_FALSE(recipe->classes || recipe->calibration || recipe->model || recipe->index || recipe->metric);
  EXPECT_EQ(recipe->search.count, 10U);
  EXPECT_EQ(recipe->search.seed, 42U);
  EXPECT_EQ(recipe->search.query.k, 10U);
  EXPECT_FALSE(recipe->search.classify);
  EXPECT_EQ(recipe->search.label, "");
}

TEST(RecipeFile, SaysEverything) {
  const auto recipe = parse_recipe(R"(
collection = "shop"
model = "models/x.onnx"
index = "HNSW16"
metric = "dot"
[data]
paths = ["../p"]
metadata = "facts.csv"
sidecars = true
exif = "gps"
prune = true
[classes]
name = "kind"
label = "category"
hidden = 512
min_confidence = 0.7
seed = 3
[calibration]
label = "category"
seed = 5
[search]
count = 11
seed = 1
k = 4
classify = false
label = "brand"
filter = "price < 5"
verify = 4
min_similarity = 60
min_confidence = 0.25
[output]
folder = "out"
picture_size = 128
)",
                                   kFile);
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->model, "/home/me/models/x.onnx");
  EXPECT_EQ(recipe->data.request.model, "/home/me/models/x.onnx");
  EXPECT_EQ(recipe->metric, Metric::dot);
  EXPECT_THAT(recipe->data.request.paths, ElementsAre("/home/p"));
  EXPECT_EQ(recipe->data.request.metadata_file, "/home/me/facts.csv");
  EXPECT_TRUE(recipe->data.request.sidecars && recipe->data.request.prune);
  EXPECT_EQ(recipe->data.request.exif, ExifFields::gps);
  EXPECT_EQ(recipe->classes->name, "kind");
  EXPECT_EQ(recipe->classes->hidden, 512U);
  EXPECT_EQ(recipe->classes->min_confidence, .7);
  EXPECT_EQ(recipe->calibration->seed, 5U);
  EXPECT_EQ(recipe->search.query.filter, "price < 5");
  EXPECT_EQ(recipe->search.query.verify, 4U);
  EXPECT_EQ(recipe->search.query.min_similarity_pct, 60);
  EXPECT_EQ(recipe->search.query.min_confidence, .25);
  EXPECT_FALSE(recipe->search.classify);
  EXPECT_EQ(recipe->search.label, "brand");
  EXPECT_EQ(recipe->output, "/home/me/out");
  EXPECT_EQ(recipe->picture_size, 128U);
}

TEST(RecipeFile, KnowsTheLabelsOfDataSets) {
  const auto recipe = parse_recipe("collection = \"c\"\n[data]\ndataset = \"Caltech-101\"\n[classes]\n", kFile);
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->data.dataset, "caltech-101");
  EXPECT_EQ(recipe->classes->label, kFolderLabel);
  EXPECT_EQ(recipe->search.label, kFolderLabel);
  EXPECT_TRUE(recipe->search.classify);
  const auto own = parse_recipe(
      "collection = \"c\"\n[data]\ndataset = \"own\"\nurl = \"https://a.example/o.zip\"\npictures = \"p/q\"\n", kFile);
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->data.pictures, "p/q");
}

TEST(RecipeFile, WithAnUnknownKeySaysLineAndNearest) {
  EXPECT_THAT(refusal_of("collection = \"c\"\n\n[data]\ndatset = \"x\"\n"),
              AllOf(HasSubstr("line 4: 'data.datset' is no key"), HasSubstr("did you mean 'dataset'")));
  EXPECT_THAT(refusal_of("colection = \"c\"\n"), AllOf(HasSubstr("line 1: 'colection'"), HasSubstr("'collection'")));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\npaths = [\"p\"]\n[serach]\ncount = 1\n"),
              AllOf(HasSubstr("line 4: 'serach' is no table"), HasSubstr("did you mean 'search'")));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\npaths = [\"p\"]\n[search]\ncount = 1\ncuont = 2\n"),
              HasSubstr("line 6"));
}

TEST(RecipeFile, WithAWrongValueSaysWhatFits) {
  const auto with = [](std::string_view text) {
    return refusal_of(fmt::format("collection = \"c\"\n[data]\npaths = [\"p\"]\n{}", text));
  };
  EXPECT_THAT(with("[search]\ncount = 1001\n"),
              HasSubstr("line 5: search.count is 1001; it takes a whole number from 0 to 1000"));
  EXPECT_THAT(with("[search]\nseed = -1\n"), HasSubstr("a whole number from 0"));
  EXPECT_THAT(with("[search]\nk = \"10\"\n"), HasSubstr("search.k is '10'"));
  EXPECT_THAT(with("[search]\nk = 1.5\n"), HasSubstr("search.k is 1.5"));
  EXPECT_THAT(with("[search]\nmin_similarity = 101\n"), HasSubstr("a number from 0 to 100"));
  EXPECT_THAT(with("[search]\nclassify = true\n"), HasSubstr("needs [classes]"));
  EXPECT_THAT(with("[search]\nmin_confidence = 0.5\n"), HasSubstr("needs [calibration]"));
  EXPECT_THAT(with("[classes]\n"), HasSubstr("line 4: classes.label is missing"));
  EXPECT_THAT(with("[classes]\nkind = \"cluster\"\n"), HasSubstr("line 5: classes.kind"));
  EXPECT_THAT(with("[classes]\nkind = \"text\"\nlabel = \"x\"\n"),
              HasSubstr("line 6: classes.label is of kind = \"labels\""));
  EXPECT_THAT(with("[output]\nfolder = \"\"\n"), HasSubstr("output.folder is empty"));
  EXPECT_THAT(with("[output]\nfolder = 1979-05-27\n"), HasSubstr("a date or time"));
  EXPECT_THAT(refusal_of("collection = \"c\"\ndata = 3\n"), HasSubstr("line 2: data is a table: [data]"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\n"), HasSubstr("line 2: [data] says where the pictures are"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n"), HasSubstr("[data] says"));
  EXPECT_THAT(refusal_of("[data]\npaths = [\"p\"]\n"), HasSubstr("collection is missing"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\npaths = [\"p\"]\ndataset = \"voc2012\"\n"), HasSubstr("either"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\npaths = []\n"), HasSubstr("a list of texts"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\ndataset = \"voc\"\n"), HasSubstr("did you mean 'voc2012'"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data]\ndataset = \"voc2012\"\npictures = \"../../..\"\n"),
              HasSubstr("a folder in the data set"));
  EXPECT_THAT(refusal_of("collection = \"c\"\n[data\n"), HasSubstr("line 2, column"));
}

TEST(RecipeFile, OfTheExamplesIsRight) {
  for (const char* name : {"recipe.toml", "caltech-101.toml"}) {
    const auto recipe = read_recipe(std::filesystem::path(EIDETIC_SOURCE_DIR) / "examples" / name);
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_TRUE(recipe->classes);
  }
  EXPECT_EQ(read_recipe("/nothing/here.toml").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace eidetic
