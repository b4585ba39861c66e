// Classifiers and calibrations, from training to the answers they change.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/json.h"
#include "base/test_files.h"
#include "engine/test_engine.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kDimensions = 24;
const std::vector<std::string> kKinds = {"boot", "hat", "shoe"};

// Bare vectors in groups, one a kind, around directions of their own. Every fourth has no label.
class Learning : public testing::Test {
 protected:
  void SetUp() override {
    need(engine_->create("c", {.dimensions = kDimensions}));
    std::vector<NewItem> items;
    for (unsigned i = 0; i < 240; ++i) {
      NewItem item{.id = fmt::format("{:03}", i), .vector = vector_of(i % 3, i)};
      if (i % 4 != 3) item.metadata = fmt::format(R"({{"kind":"{}","number":{}}})", kKinds[i % 3], i);
      items.push_back(std::move(item));
    }
    for (const auto& stored : need(engine_->put("c", items))) need(stored);
  }

  static Vector vector_of(unsigned kind, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> noise(0, .25F);
    Vector vector(kDimensions);
    for (float& value : vector) value = noise(random);
    vector[kind] += 1;
    return vector;
  }
  static Query query_of(Vector vector, std::uint32_t k = 10) {
    return {.terms = {{.kind = Term::Kind::vector, .vector = std::move(vector)}}, .k = k};
  }
  ClassifierInfo train(const ClassifierRequest& request) { return need(engine_->train_classifier("c", request)); }
  std::string class_of(const std::string& id, const std::string& field = "class") {
    const auto item = need(engine_->get("c", std::span(&id, 1), false)).front();
    return Json::parse(item->metadata).value(field, "");
  }
  Error training_error(const ClassifierRequest& request) {
    const auto trained = engine_->train_classifier("c", request);
    return trained ? Error{ErrorCode::internal, "trained"} : trained.error();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Engine> engine_ = need(Engine::open({.data_dir = folder_ / "data"}));
};

TEST_F(Learning, LabelsGiveEveryItemItsClassAndQueriesTheirs) {
  const auto info = train({.kind = ClassifierRequest::Kind::labels, .label = "kind"});
  EXPECT_EQ(info.classes, kKinds);
  EXPECT_EQ(info.items, 180U);
  EXPECT_GT(info.held_out, 30U);
  EXPECT_GT(info.accuracy, .9);
  const auto facets = need(engine_->facets("c", {.fields = {"class"}}));
  EXPECT_EQ(facets.front().without, 0U);
  EXPECT_EQ(facets.front().distinct, 3U);
  EXPECT_EQ(class_of("003"), "boot");  // 3 % 3, without a label

  Query query = query_of(vector_of(2, 1000), 100);
  query.classify = "class";
  const auto result = need(engine_->search("c", query));
  const auto& told = result.explanation.classification.value();
  EXPECT_EQ(told.class_name, "shoe");
  EXPECT_GT(told.confidence, .9);
  EXPECT_EQ(told.fallback, "");
  EXPECT_FALSE(told.given);
  EXPECT_EQ(told.classes.size(), 3U);
  EXPECT_EQ(result.explanation.filter, R"(class = "shoe")");
  EXPECT_EQ(result.hits.size(), 80U);  // as many as there are of the class
  for (const auto& hit : result.hits) EXPECT_THAT(hit.metadata, HasSubstr(R"("class":"shoe")"));
  // Together with a filter, and in a batch.
  query.filter = "number < 100";
  query.k = 5;
  for (const auto& one : need(engine_->search("c", std::vector<Query>{query, query}))) {
    EXPECT_EQ(need(one).hits.size(), 5U);
    EXPECT_EQ(need(one).explanation.filter, R"((number < 100) and class = "shoe")");
  }
}

TEST_F(Learning, WhereClassesDoNotHelpTheWholeCollectionIsSearched) {
  train({.kind = ClassifierRequest::Kind::labels, .label = "kind"});
  const auto fallback = [&](const Query& query) {
    const auto result = need(engine_->search("c", query));
    EXPECT_EQ(result.hits.size(), query.k);
    return result.explanation.classification->fallback;
  };
  Query query = query_of(vector_of(2, 2), 3);  // stored as 002
  query.classify = "class";
  EXPECT_EQ(fallback(query), "");
  query.class_name = "hat";  // but it is a shoe that is there
  EXPECT_EQ(fallback(query), "nearer");
  EXPECT_EQ(need(engine_->search("c", query)).hits[0].id, "002");
  query.class_name = "";
  query.min_class_confidence = 1;
  EXPECT_EQ(fallback(query), "unsure");
  query.min_class_confidence = {};
  query.filter = "kind = \"boot\"";
  EXPECT_EQ(fallback(query), "empty");
}

TEST_F(Learning, ItemsKeepAndGetTheirClasses) {
  train({.kind = ClassifierRequest::Kind::labels, .label = "kind"});
  const auto put = [&](NewItem item) { return need(need(engine_->put("c", std::vector{std::move(item)})).front()); };
  put({.id = "new", .vector = vector_of(1, 2000), .metadata = R"({"price":3})"});
  EXPECT_EQ(class_of("new"), "hat");
  put({.id = "new", .vector = vector_of(0, 2001), .metadata = R"({"price":4})"});
  EXPECT_EQ(class_of("new"), "boot");
  need(engine_->patch("c", "new", R"({"kind":"shoe"})"));  // a label is surer than what is predicted
  EXPECT_EQ(class_of("new"), "shoe");

  // Another classifier beside it; an export has both.
  const auto clusters = train({.name = "looks", .kind = ClassifierRequest::Kind::clusters, .clusters = 3});
  EXPECT_EQ(clusters.classes.size(), 3U);
  EXPECT_GT(clusters.accuracy, .9);
  need(engine_->export_collection("c", folder_ / "c.eidetic"));
  need(engine_->import_collection(folder_ / "c.eidetic", "copy"));
  EXPECT_EQ(need(engine_->classifiers("copy")).size(), 2U);
  Query query = query_of(vector_of(1, 77), 5);
  query.classify = "looks";
  const auto here = need(engine_->search("c", query));
  const auto there = need(engine_->search("copy", query));
  EXPECT_EQ(here.explanation.classification->class_name, there.explanation.classification->class_name);
  EXPECT_EQ(there.explanation.classification->fallback, "");

  need(engine_->drop_classifier("c", "class"));
  EXPECT_EQ(class_of("new"), "");
  EXPECT_NE(class_of("new", "looks"), "");
  const auto left = need(engine_->classifiers("c"));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].name, "looks");
  EXPECT_EQ(left[0].classes, clusters.classes);
  query.classify = "class";
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("it has: looks"));
}

TEST_F(Learning, ClassesOfTextAreTheNearestByCosine) {
  std::string csv;
  for (std::uint32_t d = 0; d < kDimensions; ++d) csv += fmt::format("{},", d);
  csv += "category\n";
  for (unsigned kind = 0; kind < 3; ++kind) {
    for (std::uint32_t d = 0; d < kDimensions; ++d) csv += d == kind ? "1," : "0,";
    csv += kKinds[kind] + "\n";
  }
  const auto info = train({.kind = ClassifierRequest::Kind::text, .csv = csv});
  EXPECT_EQ(info.held_out, 0U);
  unsigned right = 0;
  for (unsigned i = 0; i < 240; ++i) right += class_of(fmt::format("{:03}", i)) == kKinds[i % 3] ? 1 : 0;
  EXPECT_GT(right, 220U);
  EXPECT_EQ(training_error({.name = "words", .kind = ClassifierRequest::Kind::text}).code, ErrorCode::unsupported);
}

TEST_F(Learning, WrongClassifiersAreToldApart) {
  using enum ClassifierRequest::Kind;
  EXPECT_THAT(training_error({.name = "kind", .kind = clusters}).message, HasSubstr("has a field 'kind' already"));
  EXPECT_THAT(training_error({.name = "kind", .kind = labels, .label = "kind"}).message, HasSubstr("another name"));
  EXPECT_THAT(training_error({.name = "a b", .kind = clusters}).message, HasSubstr("'a b'"));
  EXPECT_THAT(training_error({.kind = labels, .label = "knd"}).message, HasSubstr("did you mean 'kind'"));
  EXPECT_THAT(training_error({.kind = labels}).message, HasSubstr("needs the field"));
  EXPECT_EQ(training_error({.kind = clusters, .clusters = 1}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(training_error({.kind = clusters, .min_confidence = 2}).code, ErrorCode::invalid_argument);
  train({.kind = labels, .label = "kind"});
  Query query = query_of(vector_of(0, 1));
  query.classify = "clas";
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("did you mean 'class'"));
  query.classify = "class";
  query.class_name = "boat";
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("did you mean 'boot'"));
  query.classify = "";
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("by which classifier"));
}

TEST_F(Learning, ConfidencesSayWhatIsNotThere) {
  Query query = query_of(vector_of(1, 3000));
  query.min_confidence = kRecommendedConfidence;
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("calibrate"));
  EXPECT_EQ(engine_->calibration("c").error().code, ErrorCode::not_found);

  const auto info = need(engine_->calibrate("c", {}));
  EXPECT_EQ(info.items, 240U);
  EXPECT_EQ(info.labels, 0U);
  EXPECT_GT(info.recommended, 0);
  const auto found = need(engine_->search("c", query));
  ASSERT_FALSE(found.hits.empty());
  double before = 1;
  for (const auto& hit : found.hits) {
    EXPECT_LE(*hit.confidence, before);
    EXPECT_GE(*hit.confidence, info.recommended);
    before = *hit.confidence;
  }
  // A direction of which nothing is there.
  Vector strange(kDimensions);
  strange[kDimensions - 1] = 1;
  Query other = query_of(strange);
  EXPECT_EQ(need(engine_->search("c", other)).hits.size(), 10U);
  other.min_confidence = kRecommendedConfidence;
  const auto nothing = need(engine_->search("c", other));
  EXPECT_TRUE(nothing.hits.empty());
  EXPECT_TRUE(nothing.nothing_similar);
  EXPECT_EQ(nothing.explanation.below_confidence, 10U);
  EXPECT_FALSE(found.nothing_similar);

  // The item itself is certain, and does not lift the others.
  const Query own{.terms = {{.kind = Term::Kind::id, .value = "000"}}, .k = 5};
  const Query without{.terms = own.terms, .k = 4, .exclude_terms = true};
  const auto with_own = need(engine_->search("c", own)).hits;
  EXPECT_EQ(with_own[0].confidence, 1);
  EXPECT_EQ(with_own[1].confidence, need(engine_->search("c", without)).hits[0].confidence);

  EXPECT_EQ(need(engine_->calibration("c")).recommended, info.recommended);
  query.terms.push_back(query.terms.front());
  EXPECT_THAT(engine_->search("c", query).error().message, HasSubstr("several terms"));
  EXPECT_THAT(engine_->calibrate("c", {.label = "kind"}).error().message, HasSubstr("label"));  // three are too few
}

}  // namespace
}  // namespace eidetic
