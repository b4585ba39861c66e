// Pictures and tensors as raw bytes, for the tests that compare them with Pillow's. Reads file names, one a line.
//   eidetic_image_tool decode [MIN_SHORT_SIDE]   each: "ok WIDTH HEIGHT\n" and RGB bytes, or "error CODE MESSAGE\n"
//   eidetic_image_tool tensor STEPS.json         each: "ok FLOATS\n" and the floats, or "error CODE MESSAGE\n"
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "eidetic/image.h"

#include "base/file.h"
#include "base/json.h"
#include "image/preprocess.h"

namespace {

using namespace eidetic;

void print_error(const Error& error) { fmt::print("error {} {}\n", to_string(error.code), error.message); }

Result<Image> decode_file(const std::string& path, std::int32_t min_short_side) {
  EIDETIC_TRY(const auto bytes, read_file(path));
  return decode_image(bytes, {.min_short_side = min_short_side});
}

void print_picture(const std::string& path, std::int32_t min_short_side) {
  const auto image = decode_file(path, min_short_side);
  if (!image) return print_error(image.error());
  fmt::print("ok {} {}\n", image->width, image->height);
  std::fwrite(image->pixels.data(), 1, image->pixels.size(), stdout);
}

Result<std::vector<float>> tensor_of(const Preprocess& preprocess, const std::string& path,
                                     PreprocessScratch& scratch) {
  EIDETIC_TRY(const Image image, decode_file(path, preprocess.min_short_side()));
  std::vector<float> tensor(preprocess.output_size());
  EIDETIC_CHECK(preprocess.run(image, tensor, scratch));
  return tensor;
}

Result<Preprocess> load_steps(const char* path) {
  EIDETIC_TRY(const std::string text, read_text(path));
  EIDETIC_TRY(const Json steps, parse_json(text, path));
  return Preprocess::compile(steps, path);
}

int print_tensors(const char* steps) {
  const auto preprocess = load_steps(steps);
  if (!preprocess) {
    print_error(preprocess.error());
    return 1;
  }
  PreprocessScratch scratch;
  for (std::string path; std::getline(std::cin, path);) {
    const auto tensor = tensor_of(*preprocess, path, scratch);
    if (!tensor) {
      print_error(tensor.error());
      continue;
    }
    fmt::print("ok {}\n", tensor->size());
    std::fwrite(tensor->data(), sizeof(float), tensor->size(), stdout);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string verb = count > 1 ? arguments[1] : "";
  if (verb == "tensor" && count == 3) return print_tensors(arguments[2]);
  if (verb != "decode") return 2;
  const std::int32_t min_short_side = count > 2 ? std::atoi(arguments[2]) : 0;
  for (std::string path; std::getline(std::cin, path);) print_picture(path, min_short_side);
  return 0;
}
