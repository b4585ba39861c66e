// Tables of class embeddings from hostile hands: what is accepted is written and read back the same, and makes a
// classifier or is refused.
#include <cstdlib>

#include "learn/text_classes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eidetic;
  const auto classes = parse_class_csv({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!classes) return 0;
  const std::string text = class_csv(*classes);
  const auto again = parse_class_csv(text, "fuzz");
  if (!again || again->names != classes->names || class_csv(*again) != text) std::abort();
  if (const auto classifier = text_classes(*classes)) {
    if (!classifier->classify(classes->vectors[0])) std::abort();
  }
  return 0;
}
