// Every difficult file of the shared test material ends in pixels or in one clear error. What Pillow decodes is
// decoded; tests/parity compares the pixels.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "eidetic/image.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

// File -> why it is not decoded although Pillow does. docs/image-formats.md has the same list; both are empty.
const std::map<std::string, std::string> kExceptions = {};

const std::map<std::string, ErrorCode> kErrors = {
    {"bmp_b_reallybig.bmp", ErrorCode::overloaded},
    {"gen_bomb_30000x30000_1bit.png", ErrorCode::overloaded},
    {"jd_max_size.jpg", ErrorCode::overloaded},
    {"bmp_b_badwidth.bmp", ErrorCode::corrupt},
    {"broken.png", ErrorCode::corrupt},
    {"gen_truncated_half.webp", ErrorCode::corrupt},
    {"jd_derive-huffman-codes-overflow.jpg", ErrorCode::corrupt},
    {"jd_empty.jpg", ErrorCode::invalid_argument},
    {"gen_text_named.jpg", ErrorCode::invalid_argument},
    {"gen_html_named.png", ErrorCode::invalid_argument},
};

std::string size_text(std::int32_t width, std::int32_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

TEST(Tricky, EveryFileEndsInPixelsOrOneError) {
  EIDETIC_NEEDS_SHARED("tricky/tricky.csv");
  const auto table = parse_csv(read_text(shared_file("tricky/tricky.csv")).value(), "tricky.csv").value();
  const auto column = [&](std::string_view name) {
    return std::ranges::find(table.header, name) - table.header.begin();
  };
  for (const auto& row : table.rows) {
    const std::string& name = row[column("file")];
    SCOPED_TRACE(name);
    const auto bytes = read_file(shared_file("tricky") / name).value();
    const auto image = decode_image(bytes);
    if (row[column("pil_decode")] == "ok" && !kExceptions.contains(name)) {
      ASSERT_TRUE(image.has_value()) << image.error().message;
      const std::string size = row[column("pil_size")];
      EXPECT_TRUE(size == size_text(image->width, image->height) || size == size_text(image->height, image->width));
    }
    if (image) {
      EXPECT_EQ(image->pixels.size(), std::size_t{3} * image->width * image->height);
      EXPECT_FALSE(kErrors.contains(name));
    } else {
      EXPECT_FALSE(image.error().message.empty());
      EXPECT_EQ(image.error().message.find('\n'), std::string::npos);
      if (const auto expected = kErrors.find(name); expected != kErrors.end()) {
        EXPECT_EQ(image.error().code, expected->second) << image.error().message;
      }
    }
  }
}

}  // namespace
}  // namespace eidetic
