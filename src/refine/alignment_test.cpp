#include "refine/alignment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <vector>

#include "base/file.h"
#include "base/test_files.h"
#include "refine/augment.h"
#include "refine/test_textures.h"

namespace eidetic {
namespace {

LocalFeatures features_of(const Image& image) { return extract_features(image).value(); }
LocalFeatures features_of_query(const Image& image) { return extract_features(image, kQueryFeatures).value(); }
Alignment aligned(const Image& query, const Image& hit) { return align(features_of_query(query), features_of(hit)); }

// A picture through a map from its plane to the new one.
Image seen_through(const Image& image, const PlaneMap& map, std::int32_t width, std::int32_t height) {
  Image seen = blank(width, height);
  paste(seen, image, map.inverse().value(), corners_of(image.width, image.height));
  return seen;
}

TEST(Align, APictureWithItselfIsAllOfIt) {
  const Image image = texture(320, 240, 1);
  const Alignment found = aligned(image, image);
  ASSERT_TRUE(found.verified);
  EXPECT_TRUE(found.whole_query);
  EXPECT_GT(overlap(found.quad, corners_of(320, 240)), 0.99);
  EXPECT_GT(found.query_overlap_pct, 99);
  EXPECT_GT(found.candidate_overlap_pct, 99);
  EXPECT_EQ(found.pairs.size(), static_cast<std::size_t>(found.inliers));
  EXPECT_LE(found.inliers, found.matches);
  EXPECT_GT(found.inliers, 300);
}

TEST(Align, ACropLiesWhereItWasCut) {
  const Image image = texture(320, 240, 2);
  for (int seed = 0; seed < 5; ++seed) {
    Dice dice(static_cast<std::uint64_t>(seed));
    const Composite made = cut_out(image, dice);
    const Alignment found = aligned(made.query, image);
    ASSERT_TRUE(found.verified) << seed;
    EXPECT_TRUE(found.whole_query) << seed;
    EXPECT_GT(overlap(found.quad, made.truth), 0.97) << seed;
    EXPECT_GT(found.query_overlap_pct, 98) << seed;
    EXPECT_NEAR(found.candidate_overlap_pct, 100 * signed_area(made.truth) / (320.0 * 240), 3) << seed;
    // Corner by corner, from the query's top left on.
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(found.quad[i].x, made.truth[i].x, 4) << seed << ' ' << i;
      EXPECT_NEAR(found.quad[i].y, made.truth[i].y, 4) << seed << ' ' << i;
      const auto mapped_corner = found.homography(found.query_quad[i]);
      EXPECT_NEAR(mapped_corner->x, found.quad[i].x, 1e-6);
    }
  }
}

TEST(Align, APastedPartLiesWhereItWasCut) {
  const Image image = texture(320, 240, 3);
  for (int seed = 0; seed < 5; ++seed) {
    Dice dice(static_cast<std::uint64_t>(seed));
    const Composite made = pasted_scene(image, texture(300, 240, 50 + static_cast<std::uint64_t>(seed)), dice);
    const Alignment found = aligned(made.query, image);
    ASSERT_TRUE(found.verified) << seed;
    EXPECT_FALSE(found.whole_query) << seed;
    EXPECT_GT(overlap(found.quad, made.truth), 0.85) << seed;
    EXPECT_GT(overlap(found.query_quad, made.query_truth), 0.85) << seed;
    EXPECT_NEAR(found.candidate_overlap_pct, 100 * signed_area(made.truth) / (320.0 * 240), 8) << seed;
    const double share = 100 * signed_area(made.query_truth) / (made.query.width * made.query.height);
    EXPECT_NEAR(found.query_overlap_pct, share, 0.2 * share) << seed;
  }
}

TEST(Align, AHitThatIsACropOfTheQueryIsAllSeen) {
  const Image image = texture(400, 300, 4);
  const Image crop = seen_through(image, {{1, 0, -120, 0, 1, -60, 0, 0, 1}}, 180, 150);
  const Alignment found = aligned(image, crop);
  ASSERT_TRUE(found.verified);
  EXPECT_FALSE(found.whole_query);
  EXPECT_GT(overlap(found.quad, corners_of(180, 150)), 0.97);
  EXPECT_GT(found.candidate_overlap_pct, 97);
  EXPECT_NEAR(found.query_overlap_pct, 100 * 180 * 150 / (400.0 * 300), 1);
}

TEST(Align, PerspectiveIsFollowed) {
  const Image image = texture(320, 240, 5);
  const PlaneMap view = {{1.0, -0.15, 40, 0.1, 1.0, 20, 7e-4, 4e-4, 1}};
  const Alignment found = aligned(seen_through(image, view, 340, 300), image);
  ASSERT_TRUE(found.verified);
  for (const PlanePosition corner : corners_of(320, 240)) {
    const auto there = found.homography(view(corner).value());
    ASSERT_TRUE(there);
    EXPECT_NEAR(there->x, corner.x, 4);
    EXPECT_NEAR(there->y, corner.y, 4);
  }
}

TEST(Align, OtherAndMirroredPicturesDoNot) {
  const Image image = texture(320, 240, 6);
  const LocalFeatures features = features_of(image);
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    const Alignment found = align(features_of(texture(320, 240, seed)), features);
    EXPECT_FALSE(found.verified) << seed;
    EXPECT_EQ(found.inliers, 0) << seed;
    EXPECT_TRUE(found.pairs.empty()) << seed;
    EXPECT_EQ(found.score, 0) << seed;
  }
  EXPECT_FALSE(aligned(mirrored(image), image).verified);
  EXPECT_FALSE(aligned(blank(200, 200), image).verified);
  EXPECT_FALSE(align(features, {.width = 10, .height = 10}).verified);
}

TEST(Align, BrightnessAndContrastMayDiffer) {
  const Image image = texture(320, 240, 7);
  Dice dice(3);
  Composite made = pasted_scene(image, texture(300, 240, 70), dice);
  for (auto& level : made.query.pixels) level = static_cast<std::uint8_t>(30 + level * 0.6);
  const Alignment found = aligned(made.query, image);
  ASSERT_TRUE(found.verified);
  EXPECT_GT(overlap(found.quad, made.truth), 0.85);
}

TEST(Align, NeedsInliersNotInALine) {
  const auto features = [](double height) {
    LocalFeatures made{.width = 400, .height = 300, .small = blank(160, 120)};
    Dice dice(21);
    for (int i = 0; i < 40; ++i) {
      made.keypoints.push_back({.x = static_cast<float>(dice.uniform(20, 380)),
                                .y = static_cast<float>(150 + dice.uniform(-height, height)),
                                .scale = 3,
                                .angle = 1});
      for (std::size_t d = 0; d < kDescriptorBytes; ++d) {
        made.descriptors.push_back(static_cast<std::uint8_t>(dice.below(60)));
      }
    }
    return made;
  };
  EXPECT_TRUE(align(features(100), features(100)).verified);
  EXPECT_FALSE(align(features(3), features(3)).verified);
}

TEST(Align, CornersBeginAtTheTopLeftOfTheQuery) {
  const Image image = texture(320, 240, 13);
  Image scene = texture(640, 480, 14);
  const PlaneMap upside_down = similarity_of({{160, 120}, {330, 250}}, 1, 3.14159265);
  paste(scene, image, upside_down.inverse().value(), {{{50, 40}, {270, 40}, {270, 200}, {50, 200}}});
  const Alignment found = aligned(scene, image);
  ASSERT_TRUE(found.verified);
  ASSERT_FALSE(found.whole_query);
  constexpr double kOff = 10;
  EXPECT_NEAR(found.query_quad[0].x, 220, kOff);
  EXPECT_NEAR(found.query_quad[0].y, 170, kOff);
  EXPECT_NEAR(found.query_quad[2].x, 440, kOff);
  EXPECT_NEAR(found.quad[0].x, 270, kOff);
  EXPECT_NEAR(found.quad[0].y, 200, kOff);
  EXPECT_TRUE(is_convex(found.quad));
}

TEST(Align, IsTheSameEachTime) {
  const Image image = texture(320, 240, 11);
  Dice dice(5);
  const Composite made = pasted_scene(image, texture(300, 240, 12), dice);
  const Alignment first = aligned(made.query, image);
  const auto again = align(deserialize_features(serialize_features(features_of_query(made.query))).value(),
                           deserialize_features(serialize_features(features_of(image))).value());
  EXPECT_EQ(first.homography.h, again.homography.h);
  EXPECT_EQ(first.quad, again.quad);
  EXPECT_EQ(first.score, again.score);
}

TEST(Align, RanksBySureness) {
  const Alignment sure{.verified = true, .score = 50};
  const Alignment less{.verified = true, .score = 9};
  const Alignment none{.verified = false};
  EXPECT_TRUE(ranks_before(sure, less));
  EXPECT_FALSE(ranks_before(less, sure));
  EXPECT_TRUE(ranks_before(less, none));
  EXPECT_FALSE(ranks_before(none, none));
}

// A few of what `bench/refine_bench` measures: photographs, cut, turned, scaled, compressed, pasted into another.
TEST(Align, PartsOfPhotographsAreFoundAmongOthers) {
  EIDETIC_NEEDS_SHARED("images/labels.csv");
  std::vector<Image> photos;
  std::vector<LocalFeatures> features;
  std::ifstream list(shared_file("images/labels.csv"));
  std::string line;
  for (int number = 0; std::getline(list, line); ++number) {
    if (number % 170 != 1) continue;
    const auto bytes = read_file(shared_file("images/" + line.substr(0, line.find(','))));
    photos.push_back(decode_image(bytes.value()).value());
    features.push_back(features_of(photos.back()));
  }
  ASSERT_GE(photos.size(), 12U);
  Dice dice(2004);
  int queries = 0;
  int found = 0;
  int placed = 0;
  for (std::size_t source = 0; source < photos.size(); ++source) {
    const std::size_t scene = (source + 5) % photos.size();
    const Composite made = pasted_scene(photos[source], photos[scene], dice);
    if (!has_enough_texture(features_of(made.piece))) continue;
    ++queries;
    const LocalFeatures query = features_of_query(made.query);
    std::size_t best = source;
    Alignment best_alignment = align(query, features[source]);
    for (std::size_t i = 0; i < photos.size(); ++i) {
      if (i == source || i == scene) continue;
      Alignment other = align(query, features[i]);
      if (!ranks_before(best_alignment, other)) best = i, best_alignment = std::move(other);
    }
    if (best != source || !best_alignment.verified) continue;
    ++found;
    placed += overlap(best_alignment.quad, made.truth) >= 0.8 ? 1 : 0;
  }
  EXPECT_GE(queries, 10);
  EXPECT_GE(found, 0.9 * queries) << found << " of " << queries;
  EXPECT_GE(placed, 0.9 * queries) << placed << " of " << queries;
}

}  // namespace
}  // namespace eidetic
