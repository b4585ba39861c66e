// Milliseconds a picture that decoding and preprocessing take on one thread, each picture's time the least of several
// rounds, then the mean over pictures.
//   image_bench STEPS.json PICTURE…
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "eidetic/image.h"

#include "base/file.h"
#include "base/json.h"
#include "image/preprocess.h"

namespace {

using namespace eidetic;

constexpr int kRounds = 7;

template <typename Work>
double least_ms(const Work& work) {
  double least = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    least = std::min(least, taken.count());
  }
  return least;
}

Result<Preprocess> load_steps(const char* path) {
  EIDETIC_TRY(const std::string text, read_text(path));
  EIDETIC_TRY(const Json steps, parse_json(text, path));
  return Preprocess::compile(steps, path);
}

struct Cost {
  double decode_ms = 0, preprocess_ms = 0;
};

Result<Cost> measure(const Preprocess& preprocess, const char* path, PreprocessScratch& scratch) {
  EIDETIC_TRY(const auto bytes, read_file(path));
  const DecodeOptions options{.min_short_side = preprocess.min_short_side()};
  EIDETIC_TRY(const Image image, decode_image(bytes, options));
  std::vector<float> tensor(preprocess.output_size());
  EIDETIC_CHECK(preprocess.run(image, tensor, scratch));
  return Cost{least_ms([&] { return decode_image(bytes, options).has_value(); }),
              least_ms([&] { return preprocess.run(image, tensor, scratch).has_value(); })};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const auto preprocess = load_steps(arguments[1]);
  if (!preprocess) {
    fmt::print(stderr, "{}\n", preprocess.error().message);
    return 1;
  }
  PreprocessScratch scratch;
  Cost sum;
  int measured = 0;
  for (int i = 2; i < count; ++i) {
    const auto cost = measure(*preprocess, arguments[i], scratch);
    if (!cost) {
      fmt::print(stderr, "{}: {}\n", arguments[i], cost.error().message);
      continue;
    }
    sum.decode_ms += cost->decode_ms;
    sum.preprocess_ms += cost->preprocess_ms;
    ++measured;
  }
  fmt::print("{} pictures: decode {:.3f} ms, preprocess {:.3f} ms\n", measured, sum.decode_ms / measured,
             sum.preprocess_ms / measured);
  return measured > 0 ? 0 : 1;
}
