#include "index/faiss_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace eidetic::faiss {

static_assert(std::endian::native == std::endian::little);

namespace {

// What people call an index that cannot be read, by how its four characters begin; longer beginnings first.
std::string_view name_of(std::string_view code) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"IHN", "HNSW"},
                                                                      {"INS", "NSG"},
                                                                      {"INN", "NNDescent"},
                                                                      {"IxH", "LSH"},
                                                                      {"IB", "binary"},
                                                                      {"IxRF", "Refine"},
                                                                      {"IPfs", "PQ fast scan"},
                                                                      {"IwPf", "IVF with PQ fast scan"},
                                                                      {"IwQR", "IVF with PQR"},
                                                                      {"Imiq", "multi-index"},
                                                                      {"IxRq", "residual quantizer"},
                                                                      {"IxLS", "local search quantizer"},
                                                                      {"Iv", "IVF as FAISS wrote it before 1.5"},
                                                                      {"null", "empty"}};
  for (const auto& [beginning, name] : kNames) {
    if (code.starts_with(beginning)) return name;
  }
  return {};
}

}  // namespace

bool is_one_of(const FourCc& code, std::string_view codes) {
  const auto at = codes.find(view(code));
  return at != std::string_view::npos && at % 5 == 0;  // "IxFl IxF2"
}
bool is_printable(const FourCc& code) {
  return std::ranges::all_of(code,
                             [](char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); });
}

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b ? std::numeric_limits<std::uint64_t>::max()
                                                                     : a * b;
}

std::vector<float> floats(Bytes bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::unexpected<Error> corrupt(std::string_view why) {
  return fail(ErrorCode::corrupt, fmt::format("is no sound FAISS index: {}", why));
}
std::unexpected<Error> cut_off() { return corrupt("it ends too early, so it was damaged or cut off"); }

std::unexpected<Error> unsupported(std::string_view what, const FourCc& code) {
  const auto name = name_of(view(code));
  return fail(ErrorCode::unsupported, fmt::format("{} {}{}, which cannot be read: {}", what, view(code),
                                                  name.empty() ? "" : fmt::format(" ({})", name), kReadable));
}

}  // namespace eidetic::faiss
