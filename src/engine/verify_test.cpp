#include "engine/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/test_files.h"
#include "engine/test_engine.h"
#include "image/encode.h"
#include "refine/augment.h"
#include "refine/test_textures.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Verify, FindsAPartOfAPictureAndSaysWhere) {
  const TemporaryDirectory folder;
  const auto engine = need(Engine::open({.data_dir = folder / "data"}));
  const auto jpeg = [](const Image& image) { return need(encode_jpeg(image)); };
  need(engine->create("verified", {}));
  std::vector<NewItem> items;
  const Image whole = texture(400, 300, 7);
  items.push_back({.id = "whole", .bytes = jpeg(whole)});
  items.push_back({.id = "mirror image", .bytes = jpeg(mirrored(whole))});
  for (unsigned i = 0; i < 6; ++i)
    items.push_back({.id = fmt::format("other {}", i), .bytes = jpeg(texture(400, 300, 50 + i))});
  items.push_back({.id = "bare", .vector = Vector(need(engine->describe("verified")).spec.space.dimensions, 1)});
  for (const auto& stored : need(engine->put("verified", items))) need(stored);

  // The middle quarter of the picture.
  Query query{.terms = {{.kind = Term::Kind::bytes, .bytes = jpeg(whole), .crop = Crop{.25, .25, .5, .5}}}, .k = 4};
  query.verify = 9;
  for (int times = 0; times < 2; ++times) {  // the second time from the cache
    const auto result = need(engine->search("verified", query));
    ASSERT_EQ(result.hits.size(), 4U);
    EXPECT_THAT((std::set<std::string>{result.hits[0].id, result.hits[1].id}), ElementsAre("mirror image", "whole"));
    EXPECT_EQ(result.explanation.candidates, 9U);
    EXPECT_EQ(result.explanation.verified, 2U);
    for (const auto& hit : std::span(result.hits).first(2)) {
      const auto& found = hit.verification.value();
      EXPECT_TRUE(found.verified);
      EXPECT_TRUE(found.whole_query);
      EXPECT_EQ(found.mirrored, hit.id == "mirror image");
      EXPECT_GT(found.inliers, 20U);
      EXPECT_NEAR(found.hit_overlap_pct, 25, 3);
      EXPECT_NEAR(found.query_overlap_pct, 100, 5);
      // Corner i of one is corner i of the other, so in the mirror image they run the other way round.
      ASSERT_EQ(found.quad.size(), 4U);
      ASSERT_EQ(found.query_quad.size(), 4U);
      for (std::size_t i = 0; i < 4; ++i) {
        const auto& [x, y] = found.query_quad[i];
        EXPECT_NEAR(found.quad[i].x, found.mirrored ? .75 - x / 2 : .25 + x / 2, .02);
        EXPECT_NEAR(found.quad[i].y, .25 + y / 2, .02);
      }
    }
    EXPECT_FALSE(result.hits[2].verification->verified);
    const auto verifying = std::ranges::find(result.timings, "verify", &Timing::stage);
    EXPECT_EQ(verifying->items, 9U);
  }
  // Together with others, and by the id of an item.
  const Query by_id{.terms = {{.kind = Term::Kind::id, .value = "whole"}}, .k = 9, .verify = 9};
  const auto many = need(engine->search("verified", std::vector<Query>{query, by_id}));
  EXPECT_EQ(need(many[0]).explanation.verified, 2U);
  const auto& all = need(many[1]).hits;
  EXPECT_EQ(all[0].id, "whole");
  const auto bare = std::ranges::find(all, "bare", &Hit::id);
  EXPECT_THAT(bare->verification->note, HasSubstr("no picture"));

  const auto drawn = need(engine->alignment("verified", query, "mirror image"));
  EXPECT_EQ(drawn.media_type, "image/jpeg");
  EXPECT_GT(need(decode_image(drawn.bytes)).width, 400);
  EXPECT_EQ(engine->alignment("verified", query, "bare").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine->alignment("verified", query, "none").error().code, ErrorCode::not_found);

  query.terms = {{.kind = Term::Kind::id, .value = "bare"}};
  EXPECT_THAT(engine->search("verified", query).error().message, HasSubstr("keypoints of a picture"));
  query.verify = kMaxVerify + 1;
  EXPECT_EQ(engine->search("verified", query).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace eidetic
