#include "image/exif.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/test_files.h"
#include "base/text.h"
#include "image/encode.h"

namespace eidetic {
namespace {

using namespace std::string_literals;

std::string number(std::uint32_t value, int bytes, bool little) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text.push_back(static_cast<char>(value >> 8 * (little ? i : bytes - 1 - i)));
  }
  return text;
}

// An EXIF block, written field by field.
class Block {
 public:
  explicit Block(bool little = true) : little_(little) {}

  struct Field {
    std::uint16_t tag, type;
    std::uint32_t count;
    std::string value;
  };
  [[nodiscard]] Field ascii(std::uint16_t tag, const std::string& text) const {
    return {tag, 2, static_cast<std::uint32_t>(text.size() + 1), text + '\0'};
  }
  [[nodiscard]] Field u16(std::uint16_t tag, std::uint32_t value) const {
    return {tag, 3, 1, number(value, 2, little_)};
  }
  [[nodiscard]] Field u8(std::uint16_t tag, std::uint32_t value) const {
    return {tag, 1, 1, number(value, 1, little_)};
  }
  [[nodiscard]] Field rational(std::uint16_t tag,
                               const std::vector<std::pair<std::uint32_t, std::uint32_t>>& values) const {
    Field field{tag, 5, static_cast<std::uint32_t>(values.size()), {}};
    for (const auto& [above, below] : values) field.value += number(above, 4, little_) + number(below, 4, little_);
    return field;
  }

  // The main directory, and those for the camera's settings and the place.
  std::vector<Field> main, exif, gps;

  [[nodiscard]] std::string bytes() const {
    std::string block = (little_ ? "II*\0"s : "MM\0*"s) + number(8, 4, little_);
    const std::size_t main_size = directory_size(main.size() + 2);
    const auto exif_at = static_cast<std::uint32_t>(block.size() + main_size + values_size(main));
    const auto gps_at = static_cast<std::uint32_t>(exif_at + directory_size(exif.size()) + values_size(exif));
    auto all = main;
    all.push_back({0x8769, 4, 1, number(exif_at, 4, little_)});
    all.push_back({0x8825, 4, 1, number(gps_at, 4, little_)});
    append(block, all);
    append(block, exif);
    append(block, gps);
    return block;
  }

 private:
  static std::size_t directory_size(std::size_t fields) { return 2 + 12 * fields + 4; }
  static std::size_t values_size(const std::vector<Field>& fields) {
    std::size_t size = 0;
    for (const auto& field : fields) size += field.value.size() > 4 ? field.value.size() : 0;
    return size;
  }
  void append(std::string& block, const std::vector<Field>& fields) const {
    std::size_t values_at = block.size() + directory_size(fields.size());
    std::string values;
    block += number(static_cast<std::uint32_t>(fields.size()), 2, little_);
    for (const auto& [tag, type, count, value] : fields) {
      block += number(tag, 2, little_) + number(type, 2, little_) + number(count, 4, little_);
      if (value.size() > 4) {
        block += number(static_cast<std::uint32_t>(values_at + values.size()), 4, little_);
        values += value;
      } else {
        block += value + std::string(4 - value.size(), '\0');
      }
    }
    block += number(0, 4, little_) + values;
  }

  bool little_;
};

// A JPEG of 6 x 4 pixels with this block.
std::string jpeg_with(const std::string& block) {
  Image image{.width = 6, .height = 4, .pixels = std::vector<std::uint8_t>(72, 100)};
  const auto encoded = encode_jpeg(image).value();
  std::string file(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  const std::string segment = "Exif\0\0"s + block;
  return file.substr(0, 2) + "\xff\xe1" + number(static_cast<std::uint32_t>(segment.size() + 2), 2, false) + segment +
         file.substr(2);
}

Json read(const std::string& file, bool with_place = true) { return read_exif(as_bytes(file), with_place); }

Block camera(bool little) {
  Block block(little);
  block.main = {block.ascii(0x010f, "Canon "), block.ascii(0x0110, "EOS R5"), block.u16(0x0112, 6)};
  block.exif = {block.rational(0x829a, {{1, 250}}),
                block.rational(0x829d, {{28, 10}}),
                block.u16(0x8827, 400),
                block.ascii(0x9003, "2024:05:17 14:03:22"),
                block.ascii(0x9011, "+02:00"),
                block.rational(0x920a, {{50, 1}}),
                block.u16(0xa405, 50),
                block.ascii(0xa434, "RF50mm F1.8 STM")};
  block.gps = {block.ascii(0x0001, "N"), block.rational(0x0002, {{50, 1}, {56, 1}, {2860, 100}}),
               block.ascii(0x0003, "W"), block.rational(0x0004, {{6, 1}, {57, 1}, {0, 1}}),
               block.u8(0x0005, 1),      block.rational(0x0006, {{125, 10}})};
  return block;
}

TEST(ReadExif, GivesWhatACameraWrote) {
  for (const bool little : {true, false}) {
    const Json fields = read(jpeg_with(camera(little).bytes()));
    const Json expected = {{"make", "Canon"},
                           {"model", "EOS R5"},
                           {"lens", "RF50mm F1.8 STM"},
                           {"taken", "2024-05-17T14:03:22+02:00"},
                           {"exposure_s", 0.004},
                           {"f_number", 2.8},
                           {"iso", 400},
                           {"focal_mm", 50},
                           {"focal_35mm", 50},
                           {"orientation", 6},
                           {"width", 4},
                           {"height", 6},
                           {"gps", {{"latitude", 50.9412778}, {"longitude", -6.95}, {"altitude_m", -12.5}}}};
    EXPECT_EQ(fields, expected) << fields.dump(2);
  }
}

TEST(ReadExif, ThePlaceIsOnlyGivenWhereItIsAskedFor) {
  const std::string file = jpeg_with(camera(true).bytes());
  EXPECT_FALSE(read(file, false).contains("gps"));
  EXPECT_EQ(read(file, false).dump().find("50.94"), std::string::npos);
  EXPECT_TRUE(read(jpeg_with(Block().bytes()), true).at("gps").is_null());
}

TEST(ReadExif, ValuesThatMakeNoSenseAreLeftOut) {
  Block block;
  block.main = {block.ascii(0x010f, "   "), block.ascii(0x0110, std::string(5000, 'x')), block.u16(0x0112, 9)};
  block.exif = {block.rational(0x829a, {{1, 0}}), block.rational(0x829d, {{0, 1}}), block.ascii(0x8827, "high"),
                block.ascii(0x9003, "0000:00:00 00:00:00"), block.ascii(0x9004, "2019:13:01 00:00:00")};
  block.gps = {block.ascii(0x0001, "N"), block.rational(0x0002, {{91, 1}, {0, 1}, {0, 1}}), block.ascii(0x0003, "E"),
               block.rational(0x0004, {{6, 1}, {57, 1}, {0, 1}})};
  const Json expected = {{"width", 6}, {"height", 4}, {"gps", nullptr}};
  EXPECT_EQ(read(jpeg_with(block.bytes())), expected);
}

TEST(ReadExif, TheTimeOfDigitisingStandsInForThatOfTaking) {
  Block block;
  block.exif = {block.ascii(0x9003, "    :  :     :  :  "), block.ascii(0x9004, "1999:12:31 23:59:59")};
  EXPECT_EQ(read(jpeg_with(block.bytes())).at("taken"), "1999-12-31T23:59:59");
}

TEST(ReadExif, TextsAreUtf8) {
  Block block;
  block.main = {block.ascii(0x010f, "M\xfcller"), block.ascii(0x0110, "Фотон")};
  const Json fields = read(jpeg_with(block.bytes()));
  EXPECT_EQ(fields.at("make"), "Müller");
  EXPECT_EQ(fields.at("model"), "Фотон");
}

TEST(ReadExif, WidthAndHeightAreThoseOfAnyFormat) {
  EXPECT_EQ(read("P6\n3 2\n255\n" + std::string(18, 'x'), false), Json({{"width", 3}, {"height", 2}}));
  EXPECT_EQ(read("no picture at all", false), Json::object());
}

TEST(ReadExif, OfEveryFormatThatCamerasAndProgramsWriteItInto) {
  const std::filesystem::path folder = std::filesystem::path(EIDETIC_SOURCE_DIR) / "tests/data/fuzz/exif";
  for (const auto* const name : {"camera.jpg", "camera.png", "camera.webp", "camera.avif"}) {
    SCOPED_TRACE(name);
    const Json fields = read_exif(read_file(folder / name).value(), true);
    EXPECT_EQ(fields.value("iso", 0), 400);
    EXPECT_EQ(fields.value("taken", ""), "2024-05-17T14:03:22");
    EXPECT_EQ(fields.value("width", 0), 8);
    EXPECT_EQ(fields.at("gps"), Json({{"latitude", 50.5}, {"longitude", 7.25}}));
  }
  // A TIFF file is built as a block is.
  const Json fields = read(camera(false).bytes());
  EXPECT_EQ(fields.value("iso", 0), 400);
  EXPECT_EQ(fields.at("gps").value("latitude", 0.0), 50.9412778);
}

TEST(ReadExif, EveryPrefixOfAFileIsReadSafely) {
  const std::string file = jpeg_with(camera(false).bytes());
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_TRUE(read(file.substr(0, size)).is_object());
  }
  const std::string block = camera(true).bytes();
  for (std::size_t i = 8; i < block.size(); ++i) {
    auto damaged = block;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    EXPECT_TRUE(read(jpeg_with(damaged)).is_object());
  }
}

TEST(ReadExif, ReadsEveryDifficultFile) {
  EIDETIC_NEEDS_SHARED("tricky/tricky.csv");
  for (const auto& entry : std::filesystem::directory_iterator(shared_file("tricky"))) {
    SCOPED_TRACE(entry.path());
    const auto bytes = read_file(entry.path()).value();
    const Json fields = read_exif(bytes, true);
    const auto image = decode_image(bytes);
    if (!image || !fields.contains("width")) continue;
    EXPECT_EQ(fields.at("width"), image->width);
    EXPECT_EQ(fields.at("height"), image->height);
  }
  const auto exif_of = [](const char* name) {
    return read_exif(read_file(shared_file("tricky") / name).value(), true);
  };
  EXPECT_EQ(exif_of("exif_o6_portrait.jpg").at("orientation"), 6);
  EXPECT_EQ(exif_of("hopper_orientation_6.webp").at("orientation"), 6);
  EXPECT_TRUE(exif_of("exif_imagemagick_orientation.png").contains("orientation"));
}

}  // namespace
}  // namespace eidetic
