#include "image/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace eidetic {
namespace {

using testing::HasSubstr;

Preprocess compile(std::string_view steps) {
  auto preprocess = Preprocess::compile(parse_json(steps, "steps").value(), "model.json");
  EXPECT_TRUE(preprocess.has_value()) << preprocess.error().message;
  return std::move(preprocess).value();
}

std::string compile_error(std::string_view steps) {
  const auto preprocess = Preprocess::compile(parse_json(steps, "steps").value(), "model.json");
  if (preprocess) return "compiled";
  EXPECT_EQ(preprocess.error().code, ErrorCode::invalid_argument);
  return preprocess.error().message;
}

using Paint = std::function<std::array<int, 3>(int x, int y)>;

Image picture(std::int32_t width, std::int32_t height, const Paint& paint) {
  Image image{.width = width, .height = height, .pixels = {}};
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      for (const int value : paint(x, y)) image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

Image ramp(std::int32_t width, std::int32_t height) {
  return picture(width, height, [](int x, int y) { return std::array{x % 256, y % 256, (x * 7 + y * 13) % 256}; });
}

Result<std::vector<float>> run(const Preprocess& preprocess, const Image& image) {
  std::vector<float> out(preprocess.output_size(), -1e9F);
  PreprocessScratch scratch;
  EIDETIC_CHECK(preprocess.run(image, out, scratch));
  return out;
}

std::vector<float> tensor(std::string_view steps, const Image& image) {
  auto result = run(compile(steps), image);
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return result.value_or(std::vector<float>{});
}

TEST(Preprocess, StretchesWithTheNamedFilter) {
  const Image image = picture(4, 1, [](int x, int) { return std::array{x * 80, 0, 0}; });  // 0 80 160 240
  const auto nearest = tensor(R"([{"resize":{"width":2,"height":1,"filter":"Nearest"}}])", image);
  EXPECT_EQ(nearest[0], 80);
  EXPECT_EQ(nearest[1], 240);
  // Triangle of support 2 around 1: weights 3/8, 3/8, 1/8 and 1/8 of the pixel beyond the border, which is left out.
  const auto triangle = tensor(R"([{"resize":{"width":2,"height":1,"filter":"Triangle"}}])", image);
  EXPECT_EQ(triangle[0], std::round((3 * 0 + 3 * 80 + 160) / 7.0));
  EXPECT_EQ(triangle[1], std::round((80 + 3 * 160 + 3 * 240) / 7.0));
  const auto plain = tensor(R"([{"resize":{"width":2,"height":1,"antialias":false}}])", image);
  EXPECT_EQ(plain[0], 40);
  EXPECT_EQ(plain[1], 200);
}

TEST(Preprocess, FiltersHaveTheNamesOfTheirFamilies) {
  const Image image = ramp(37, 23);
  const auto with = [&](std::string_view filter) {
    return tensor(R"([{"resize":{"width":16,"height":9,"filter":")" + std::string(filter) + R"("}}])", image);
  };
  EXPECT_EQ(with("bilinear"), with("Triangle"));
  EXPECT_EQ(with("bicubic"), with("CatmullRom"));
  EXPECT_EQ(with("LANCZOS3"), with("Lanczos"));
  EXPECT_NE(with("gaussian"), with("bilinear"));
  EXPECT_NE(with("bicubic"), with("lanczos3"));
}

// Seen through a crop around the middle, whose place depends on the size before it.
TEST(Preprocess, ShortSideIsTheFlooredPercentage) {
  const Image wide = ramp(600, 400);
  const auto by_percent = [](std::string_view crop) {
    return R"([{"resize_short_side":{"size":224,"scale_pct":87.5}},{"center_crop":)" + std::string(crop) + "}]";
  };
  const auto stretched = [](std::string_view size) { return R"([{"resize":)" + std::string(size) + "}]"; };
  EXPECT_EQ(tensor(by_percent(R"({"width":384,"height":256})"), wide),
            tensor(stretched(R"({"width":384,"height":256})"), wide));
  const Image tall = ramp(400, 600);
  EXPECT_EQ(tensor(by_percent(R"({"width":256,"height":384})"), tall),
            tensor(stretched(R"({"width":256,"height":384})"), tall));
}

TEST(Preprocess, LongSideIsRoundedOrTruncated) {
  const Image image = ramp(5, 3);  // 5 * 2 / 3 = 3.33, 5 * 4 / 3 = 6.67
  const auto fits = [&](int size, std::string_view rounding, int width) {
    const auto preprocess = compile(R"([{"resize_short_side":{"size":)" + std::to_string(size) + R"(,"rounding":")" +
                                    std::string(rounding) + R"("}},{"center_crop":{"width":)" + std::to_string(width) +
                                    R"(,"height":1}}])");
    return run(preprocess, image).has_value();
  };
  EXPECT_TRUE(fits(4, "round", 7));
  EXPECT_FALSE(fits(4, "round", 8));
  EXPECT_TRUE(fits(4, "truncate", 6));
  EXPECT_FALSE(fits(4, "truncate", 7));
  EXPECT_FALSE(fits(2, "round", 4));
}

TEST(Preprocess, CropIsCentred) {
  const Image image = ramp(11, 8);
  const auto out = tensor(R"([{"center_crop":{"width":4,"height":3}},{"layout":{"order":"interleaved"}}])", image);
  for (std::size_t y = 0; y < 3; ++y) {
    for (std::size_t x = 0; x < 4; ++x) {
      EXPECT_EQ(out[3 * (4 * y + x)], static_cast<float>(x + 3));      // (11 - 4) / 2
      EXPECT_EQ(out[3 * (4 * y + x) + 1], static_cast<float>(y + 2));  // (8 - 3) / 2
    }
  }
}

TEST(Preprocess, CropBeyondThePictureIsAnErrorOrPadded) {
  const Image image = picture(3, 2, [](int, int) { return std::array{9, 9, 9}; });
  const auto refused = run(compile(R"([{"center_crop":{"width":4,"height":4}}])"), image);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("3 x 2"));
  const auto out = tensor(R"([{"center_crop":{"width":4,"height":4,"pad":[1,2,3]}}])", image);
  const std::vector<float> red = {1, 1, 1, 1, 9, 9, 9, 1, 9, 9, 9, 1, 1, 1, 1, 1};
  EXPECT_EQ(std::vector(out.begin(), out.begin() + 16), red);
  EXPECT_EQ(out[16], 2);
  EXPECT_EQ(out[32], 3);
}

TEST(Preprocess, LetterboxCentresOnBlack) {
  const Image image = picture(300, 150, [](int, int) { return std::array{200, 100, 50}; });
  const auto out = tensor(R"([{"letterbox":{"width":224,"height":224}}])", image);
  for (std::size_t y = 0; y < 224; ++y) EXPECT_EQ(out[y * 224 + 100], y < 56 || y >= 168 ? 0 : 200) << y;
  // 5 x 3 in 5 x 6: three rows to share, the odd one below.
  const auto odd = tensor(R"([{"letterbox":{"width":5,"height":6,"color":[7,7,7]}}])",
                          picture(5, 3, [](int, int) { return std::array{1, 1, 1}; }));
  for (std::size_t y = 0; y < 6; ++y) EXPECT_EQ(odd[y * 5], y < 1 || y >= 4 ? 7 : 1) << y;
}

// Row 12 of the checklist: short side to 224, bicubic, then the middle, is the middle of the whole resized picture.
TEST(Preprocess, CroppingWhileResizingChangesNoPixel) {
  const Image image = ramp(640, 427);
  const auto cropped = tensor(R"([{"resize_short_side":{"size":224,"filter":"bicubic"}},
                                  {"center_crop":{"width":224,"height":224}}])",
                              image);
  const auto whole = tensor(R"([{"resize":{"width":336,"height":224,"filter":"bicubic"}}])", image);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < 224; ++y) {
      for (std::size_t x = 0; x < 224; ++x) {
        ASSERT_EQ(cropped[(c * 224 + y) * 224 + x], whole[(c * 224 + y) * 336 + x + 56]);
      }
    }
  }
}

TEST(Preprocess, NormalisesByHand) {
  const Image image = picture(2, 1, [](int x, int) { return x == 0 ? std::array{255, 128, 0} : std::array{1, 2, 3}; });
  const auto out = tensor(R"([{"resize":{"width":2,"height":1}},{"to_float":{}},
      {"normalize":{"sub":[0.485,0.456,0.406],"div":[0.229,0.224,0.225]}}])",
                          image);
  const std::vector<float> expected = {2.2489083F, -2.1007793F, 0.2051820F, -2.0007003F, -1.8044444F, -1.7521569F};
  ASSERT_EQ(out.size(), expected.size());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-5) << i;
}

TEST(Preprocess, CaffeOrderIsBgrWithoutScaling) {
  const Image image = picture(1, 1, [](int, int) { return std::array{10, 20, 30}; });
  const auto out = tensor(R"([{"resize":{"width":1,"height":1}},{"channel_order":{"order":"BGR"}},
      {"normalize":{"sub":[103.939,116.779,123.68],"div":[1,1,1]}}])",
                          image);
  EXPECT_NEAR(out[0], 30 - 103.939, 1e-5);
  EXPECT_NEAR(out[1], 20 - 116.779, 1e-5);
  EXPECT_NEAR(out[2], 10 - 123.68, 1e-5);
}

TEST(Preprocess, ChannelsKeepTheirNormalisationWhenReordered) {
  const Image image = picture(1, 1, [](int, int) { return std::array{10, 20, 30}; });
  const auto out = tensor(R"([{"resize":{"width":1,"height":1}},{"normalize":{"sub":[1,2,3],"div":[1,2,3]}},
      {"channel_order":{"order":"BGR"}}])",
                          image);
  EXPECT_NEAR(out[0], 9, 1e-5);
  EXPECT_NEAR(out[1], 9, 1e-5);
  EXPECT_NEAR(out[2], 9, 1e-5);
}

TEST(Preprocess, LayoutsHoldTheSameValues) {
  const Image image = ramp(5, 3);
  const auto planar = compile(R"([{"resize":{"width":5,"height":3}}])");
  EXPECT_TRUE(planar.shape().planar);
  const auto interleaved = compile(R"([{"resize":{"width":5,"height":3}},{"transpose":{"axes":[0,2,3,1]}}])");
  EXPECT_FALSE(interleaved.shape().planar);
  EXPECT_EQ(interleaved.shape().width, 5);
  EXPECT_EQ(interleaved.shape().height, 3);
  const auto planes = run(planar, image).value();
  const auto pixels = run(interleaved, image).value();
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 15; ++i) {
      EXPECT_EQ(planes[15 * c + i], image.pixels[3 * i + c]);
      EXPECT_EQ(pixels[3 * i + c], image.pixels[3 * i + c]);
    }
  }
  const auto back = compile(R"([{"resize":{"width":5,"height":3}},{"layout":{"order":"interleaved"}},
      {"transpose":{"axes":[0,3,1,2]}}])");
  EXPECT_EQ(run(back, image).value(), planes);
}

TEST(Preprocess, StepsAfterAPaddedOneSeeThePadding) {
  const Image image = picture(8, 2, [](int, int) { return std::array{100, 100, 100}; });
  const auto out = tensor(R"([{"letterbox":{"width":8,"height":8}},{"resize":{"width":2,"height":4,"filter":"nearest"}},
      {"center_crop":{"width":2,"height":2}}])",
                          image);
  EXPECT_EQ(std::vector(out.begin(), out.begin() + 4), (std::vector<float>{100, 100, 0, 0}));
}

TEST(Preprocess, ReusesItsScratchForPicturesOfAnySize) {
  const auto preprocess = compile(R"([{"resize_short_side":{"size":20}},{"center_crop":{"width":16,"height":16}}])");
  PreprocessScratch scratch;
  std::vector<float> out(preprocess.output_size());
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{90, 60}, {20, 20}, {7, 300}, {1, 1}, {90, 60}}) {
    const Image image = ramp(width, height);
    ASSERT_TRUE(preprocess.run(image, out, scratch).has_value());
    EXPECT_EQ(out, run(preprocess, image).value()) << width << " x " << height;
  }
}

TEST(Preprocess, RefusesWhatIsNoPicture) {
  const auto preprocess = compile(R"([{"resize":{"width":2,"height":2}}])");
  EXPECT_EQ(run(preprocess, Image{}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(preprocess, Image{.width = 2, .height = 2, .pixels = std::vector<std::uint8_t>(5)}).error().code,
            ErrorCode::invalid_argument);
}

TEST(Preprocess, TellsHowSmallAPictureMayBeDecoded) {
  EXPECT_EQ(
      compile(R"([{"resize_short_side":{"size":256}},{"center_crop":{"width":224,"height":224}}])").min_short_side(),
      512);
  EXPECT_EQ(compile(R"([{"resize":{"width":100,"height":200}}])").min_short_side(), 400);
  EXPECT_EQ(compile(R"([{"resize":{"width":100,"height":200,"filter":"nearest"}}])").min_short_side(), 0);
  EXPECT_EQ(compile(R"([{"center_crop":{"width":100,"height":200}}])").min_short_side(), 0);
}

TEST(Preprocess, ErrorsNameStepAndField) {
  EXPECT_EQ(
      compile_error(R"([{"to_float":{}},{"normalize":{"sub":[0,0,0],"div":[1,1,1]}},{"center_crop":{"height":2}}])"),
      "model.json: preprocess[2] 'center_crop': field 'width' is missing");
  EXPECT_THAT(compile_error(R"([{"resise":{"width":2,"height":2}}])"),
              HasSubstr("preprocess[0]: unknown step 'resise'; did you mean 'resize'"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2,"colour":1}}])"), HasSubstr("unknown field 'colour'"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2.5,"height":2}}])"), HasSubstr("'width' must be a whole number"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":0,"height":2}}])"), HasSubstr("'width' must be 1 to"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2,"filter":"box"}}])"), HasSubstr("'filter'"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"normalize":{"sub":[0,0],"div":[1,1,1]}}])"),
              HasSubstr("preprocess[1] 'normalize': field 'sub' must have 3 numbers"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"normalize":{"sub":[0,0,0],"div":[1,0,1]}}])"),
              HasSubstr("'div'"));
  EXPECT_THAT(compile_error(R"([{"letterbox":{"width":2,"height":2,"color":[0,0,256]}}])"), HasSubstr("'color'"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"transpose":{"axes":[0,3,1,2]}}])"),
              HasSubstr("preprocess[1] 'transpose': field 'axes'"));
}

TEST(Preprocess, RefusesStepsFedTheWrongKindOfInput) {
  EXPECT_THAT(compile_error(R"([{"to_float":{}},{"resize":{"width":2,"height":2}}])"),
              HasSubstr("preprocess[1] 'resize': needs a picture, but model.json: preprocess[0] 'to_float'"));
  EXPECT_THAT(compile_error(R"([{"normalize":{"sub":[0,0,0],"div":[1,1,1]}},{"center_crop":{"width":2,"height":2}}])"),
              HasSubstr("preprocess[1] 'center_crop': needs a picture"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"to_float":{}},{"to_float":{}}])"),
              HasSubstr("preprocess[2] 'to_float': needs 8-bit values"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"center_crop":{"width":3,"height":2}}])"),
              HasSubstr("preprocess[1] 'center_crop': crops 3 x 2 from a picture of 2 x 2"));
}

TEST(Preprocess, RefusesListsThatLeaveTheTensorOpen) {
  EXPECT_THAT(compile_error("[]"), HasSubstr("size of the tensor"));
  EXPECT_THAT(compile_error(R"([{"resize_short_side":{"size":2}}])"), HasSubstr("size of the tensor"));
  EXPECT_THAT(compile_error("{}"), HasSubstr("must be a list"));
  EXPECT_THAT(compile_error("[1]"), HasSubstr("preprocess[0] must be an object"));
  EXPECT_THAT(compile_error(R"([{"resize":{"width":2,"height":2}},{"normalize":{"sub":[0,0,0],"div":[1e-300,1,1]}}])"),
              HasSubstr("no float holds"));
}

}  // namespace
}  // namespace eidetic
