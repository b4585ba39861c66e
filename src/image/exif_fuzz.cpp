// Any bytes through read_exif: as a picture of any format, and as the EXIF block of a JPEG.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "image/exif.h"

namespace {

using namespace eidetic;

void check(const Json& fields) {
  for (const auto& [name, value] : fields.items()) {
    if (value.is_string() && !is_utf8(value.get<std::string>())) std::abort();
    if (value.is_number_float() && !std::isfinite(value.get<double>())) std::abort();
    if (value.is_object()) check(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check(read_exif(bytes, true));

  constexpr std::size_t kMostInSegment = 65'527;
  const auto block = bytes.first(std::min(bytes.size(), kMostInSegment));
  const std::size_t length = block.size() + 8;
  std::vector<std::byte> jpeg;
  for (const unsigned byte :
       {0xffU, 0xd8U, 0xffU, 0xe1U, static_cast<unsigned>(length >> 8), static_cast<unsigned>(length & 0xff)}) {
    jpeg.push_back(static_cast<std::byte>(byte));
  }
  for (const char c : {'E', 'x', 'i', 'f', '\0', '\0'}) jpeg.push_back(static_cast<std::byte>(c));
  jpeg.insert(jpeg.end(), block.begin(), block.end());
  check(read_exif(jpeg, true));
  return 0;
}
