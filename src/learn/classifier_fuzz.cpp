// Classifiers from hostile hands: whatever deserialize accepts must be safe to ask and to save, and is the same after
// that. The first byte chooses whether the rest is the content of a file or edits of a good one. The checksum is put
// right, as an attacker would.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "learn/classifier.h"

namespace {

using namespace eidetic;

constexpr std::size_t kHeaderBytes = 12;

// Everything before the checksum.
std::vector<std::byte> good_classifier(std::size_t hidden) {
  const HeadShape shape{.inputs = 3, .hidden = hidden, .classes = 2};
  auto bytes = Classifier::make(
                   {.names = {"one", "two"}, .shape = shape, .parameters = std::vector<float>(shape.parameters(), .5F)})
                   .value()
                   .serialize();
  bytes.resize(bytes.size() - sizeof(std::uint64_t));
  return bytes;
}

// Each edit: two bytes of where, one byte of what.
void edit(std::vector<std::byte>& file, std::span<const std::uint8_t> edits) {
  for (; edits.size() >= 3; edits = edits.subspan(3)) {
    file[kHeaderBytes + (edits[0] + edits[1] * 256U) % (file.size() - kHeaderBytes)] = std::byte{edits[2]};
  }
  if (edits.size() == 1)
    file.resize(std::max(kHeaderBytes, file.size() - std::min<std::size_t>(edits[0], file.size())));
}

void use(const Classifier& classifier) {
  for (const float value : {0.F, 1.F, -1e20F}) {
    const auto prediction = classifier.classify(std::vector<float>(classifier.dimensions(), value));
    if (!prediction) continue;
    const auto inside = [](float share) { return share >= 0 && share <= 1.001F; };
    if (!std::ranges::all_of(prediction->probabilities, inside)) std::abort();
    if (!(prediction->confidence >= 0 && prediction->confidence <= 1)) std::abort();
    if (!vote(std::array{*prediction, *prediction})) std::abort();
  }
  const auto bytes = classifier.serialize();
  const auto again = Classifier::deserialize(bytes, "fuzz");
  if (!again || again->serialize() != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array good = {good_classifier(0), good_classifier(4)};
  if (size == 0) return 0;
  const std::span rest(data + 1, size - 1);
  std::vector<std::byte> file = good[data[0] % good.size()];
  if (data[0] < 128) {
    edit(file, rest);
  } else {
    file.resize(kHeaderBytes);
    const auto bytes = std::as_bytes(rest);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  const std::uint64_t sum = checksum(file);
  file.resize(file.size() + sizeof(sum));
  std::memcpy(file.data() + file.size() - sizeof(sum), &sum, sizeof(sum));
  if (const auto classifier = Classifier::deserialize(file, "fuzz")) use(*classifier);
  (void)Classifier::deserialize(std::as_bytes(rest), "fuzz");
  return 0;
}
