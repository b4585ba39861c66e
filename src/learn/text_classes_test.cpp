#include "learn/text_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto classes = parse_class_csv(text, "'c.csv'");
  return classes ? "" : classes.error().message;
}

TEST(TextClasses, TheNearestByCosineWins) {
  ClassEmbeddings classes{.names = {"Person", "City"}, .vectors = Matrix(2, 2)};
  classes.vectors[0][0] = 10;  // lengths do not count
  classes.vectors[1][1] = .1F;
  const Classifier classifier = text_classes(classes, .1).value();
  EXPECT_EQ(classifier.kind(), ClassifierKind::text);
  const auto prediction = classifier.classify(std::vector<float>{30, 40}).value();
  EXPECT_EQ(prediction.name, "City");
  EXPECT_NEAR(prediction.confidence, 1 / (1 + std::exp((.6 - .8) / .1)), 1e-5);
}

TEST(TextClasses, RefusesVectorsWithoutADirection) {
  ClassEmbeddings classes{.names = {"Person", "City"}, .vectors = Matrix(2, 2)};
  classes.vectors[0][0] = 1;
  EXPECT_THAT(text_classes(classes).error().message, HasSubstr("'City'"));
  classes.vectors[1][0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(text_classes(classes).error().message, HasSubstr("'City'"));
  classes.names.pop_back();
  EXPECT_FALSE(text_classes(classes));
}

TEST(TextClasses, TheDefaultsAreTen) {
  EXPECT_EQ(kDefaultTextClasses.front(), "Person");
  EXPECT_EQ(kDefaultTextClasses[1], "Group of People");
  EXPECT_EQ(kDefaultTextClasses.back(), "Vehicle");
}

TEST(ClassCsv, IsReadWithSpacesAndAnIndexColumn) {
  const auto plain = parse_class_csv("0, 1, category\n0.5, -1e-3, Group of People\n1, +2 , City\r\n", "x").value();
  EXPECT_THAT(plain.names, ElementsAre("Group of People", "City"));
  EXPECT_THAT(plain.vectors[0], ElementsAre(.5F, -.001F));
  EXPECT_THAT(plain.vectors[1], ElementsAre(1, 2));
  const auto indexed = parse_class_csv(",0,1,category\n0,3,4,\"Plants, green\"\n", "x").value();
  EXPECT_THAT(indexed.names, ElementsAre("Plants, green"));
  EXPECT_THAT(indexed.vectors[0], ElementsAre(3, 4));
}

TEST(ClassCsv, SaysInWhichLineWhatIsWrong) {
  EXPECT_THAT(error_of("0,1,category\n1,2,a\n1,x,b\n"),
              AllOf(HasSubstr("'c.csv'"), HasSubstr("line 3"), HasSubstr("'1'"), HasSubstr("'x'")));
  EXPECT_THAT(error_of("0,1,category\n1,nan,a\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("0,1,category\n1,1e99,a\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("0,1,category\n1,2,a\n\n1,2\n"), AllOf(HasSubstr("line 4"), HasSubstr("no category")));
  EXPECT_THAT(error_of("0,1,category\n1,2,a\n3,4,a\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("line 2"), HasSubstr("'a'")));
  EXPECT_THAT(error_of("0,1,category\n1,2,a,b\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("0,2,category\n"), AllOf(HasSubstr("line 1"), HasSubstr("column 2 is '2'")));
  EXPECT_THAT(error_of("0,1,label\n"), HasSubstr("'label'"));
  EXPECT_THAT(error_of("category\n"), HasSubstr("line 1"));
  EXPECT_THAT(error_of("0,1,category\n"), HasSubstr("no classes"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
}

TEST(ClassCsv, IsReadBackBitForBit) {
  ClassEmbeddings classes{.names = {"a, \"b\"", "Tür"}, .vectors = Matrix(2, 3)};
  for (std::size_t i = 0; i < 6; ++i) classes.vectors.values()[i] = 1 / (static_cast<float>(i) - 7.3F) * 1e-9F;
  const auto again = parse_class_csv(class_csv(classes), "x").value();
  EXPECT_EQ(again.names, classes.names);
  EXPECT_THAT(again.vectors.values(), testing::ElementsAreArray(classes.vectors.values()));
}

}  // namespace
}  // namespace eidetic
