// Any text as preprocessing steps; what compiles is run on a small picture.
#include <string_view>

#include "image/preprocess.h"

namespace {

using namespace eidetic;

Image small_picture() {
  Image image{.width = 7, .height = 5, .pixels = {}};
  for (std::uint8_t i = 0; i < 7 * 5 * 3; ++i) image.pixels.push_back(i);
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Image image = small_picture();
  const auto steps = parse_json({reinterpret_cast<const char*>(data), size}, "steps");
  if (!steps) return 0;
  const auto preprocess = Preprocess::compile(*steps, "steps");
  if (!preprocess || preprocess->output_size() > 1 << 20) return 0;
  PreprocessScratch scratch;
  std::vector<float> tensor(preprocess->output_size());
  (void)preprocess->run(image, tensor, scratch);
  return 0;
}
