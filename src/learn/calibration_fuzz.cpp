// Calibrations from hostile hands: whatever deserialize accepts gives confidences, and is written as it was read. The
// first byte chooses whether the rest is the content of a calibration or edits of a good one. The checksum is put
// right, as an attacker would.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "base/hash.h"
#include "learn/calibration.h"

namespace {

using namespace eidetic;

constexpr std::size_t kHeaderBytes = 12;

// Everything before the checksum of a good one.
std::vector<std::uint8_t> good_bytes(bool labelled) {
  constexpr std::size_t kRows = 120;
  Matrix vectors(kRows, 4);
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::uint32_t> labels;
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t label = row % 12;
    for (std::size_t i = 0; i < 4; ++i) {
      vectors[row][i] = static_cast<float>((label >> i) & 1U) + 0.1F + 0.1F * normal(random);
    }
    if (labelled) labels.push_back(static_cast<std::uint32_t>(label));
  }
  const auto bytes = Calibration::fit(vectors, labels).value().serialize();
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size() - sizeof(std::uint64_t)};
}

// Each edit: two bytes of where, one byte of what.
void edit(std::vector<std::uint8_t>& file, std::span<const std::uint8_t> edits) {
  for (; edits.size() >= 3; edits = edits.subspan(3)) {
    const std::size_t at = kHeaderBytes + (edits[0] + edits[1] * 256U) % (file.size() - kHeaderBytes);
    file[at] = edits[2];
  }
  if (edits.size() == 1) file.resize(std::max(kHeaderBytes, file.size() - edits[0]));
}

void use(const Calibration& calibration, std::span<const std::byte> bytes) {
  const std::vector<float> query = {1, 2, 3, 4};
  const std::vector<double> similarities = {1e300, 10, 1, 0.9, 0.5, 1e-3, 0, -1, -1e300};
  double before = 1;
  for (std::size_t first = 0; first < similarities.size(); ++first, before = 1) {
    for (const double confidence : calibration.confidences(query, std::span(similarities).subspan(first))) {
      if (!(confidence >= 0 && confidence <= before)) std::abort();
      before = confidence;
    }
  }
  if (!std::ranges::equal(calibration.serialize(), bytes)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::vector<std::uint8_t>> good = {good_bytes(true), good_bytes(false)};
  if (size == 0) return 0;
  const std::span rest(data + 1, size - 1);
  std::vector<std::uint8_t> file = good[data[0] % good.size()];
  if (data[0] < 128) {
    edit(file, rest);
  } else {
    file.resize(kHeaderBytes);
    file.insert(file.end(), rest.begin(), rest.end());
  }
  const std::uint64_t sum = checksum(std::as_bytes(std::span(file)));
  file.resize(file.size() + sizeof(sum));
  std::memcpy(file.data() + file.size() - sizeof(sum), &sum, sizeof(sum));
  const auto bytes = std::as_bytes(std::span(file));
  if (const auto calibration = Calibration::deserialize(bytes, "fuzzed")) use(*calibration, bytes);
  return 0;
}
