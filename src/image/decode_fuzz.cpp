// Any bytes through decode_image, at a scale and orientation setting that they choose themselves, and the picture
// through a preprocessing of every kind.
#include <cstdlib>

#include "eidetic/image.h"

#include "image/preprocess.h"

namespace {

using namespace eidetic;

constexpr std::uint64_t kMaxPixels = 1 << 20;  // so that a run takes milliseconds

Preprocess compile(const char* steps) { return Preprocess::compile(Json::parse(steps), "fuzz").value(); }

const Preprocess& preprocess_of(std::size_t choice) {
  static const Preprocess all[] = {
      compile(R"([{"resize_short_side":{"size":64}},{"center_crop":{"width":56,"height":56}},{"to_float":{}}])"),
      compile(R"([{"letterbox":{"width":33,"height":47,"filter":"lanczos3"}},{"layout":{"order":"interleaved"}}])"),
      compile(R"([{"center_crop":{"width":40,"height":20,"pad":[1,2,3]}},{"resize":{"width":31,"height":9}}])"),
      compile(R"([{"resize":{"width":50,"height":70,"filter":"nearest"}},{"channel_order":{"order":"BGR"}}])"),
  };
  return all[choice % std::size(all)];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::size_t choice = size == 0 ? 0 : data[size - 1];
  const DecodeOptions options{
      .max_pixels = kMaxPixels, .apply_orientation = choice % 2 == 0, .min_short_side = choice % 3 == 0 ? 32 : 0};
  const auto image = decode_image(std::as_bytes(std::span(data, size)), options);
  if (!image) return 0;
  if (image->pixels.size() != std::size_t{3} * image->width * image->height) std::abort();
  static PreprocessScratch scratch;
  std::vector<float> tensor(preprocess_of(choice).output_size());
  (void)preprocess_of(choice).run(*image, tensor, scratch);
  return 0;
}
