// What FAISS's files are made of: numbers, arrays with their length before them, four characters that say what follows.
// And how what is wrong with one is said.
//
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "index/checked_file.h"

namespace eidetic::faiss {

using Bytes = std::span<const std::byte>;
using FourCc = std::array<char, 4>;

[[nodiscard]] inline std::string_view view(const FourCc& code) { return {code.data(), code.size()}; }
// `codes`: "IxFl IxF2".
[[nodiscard]] bool is_one_of(const FourCc& code, std::string_view codes);
// Letters and digits, as all of FAISS's are.
[[nodiscard]] bool is_printable(const FourCc& code);

// a times b, or what no file is as large as.
[[nodiscard]] std::uint64_t product(std::uint64_t a, std::uint64_t b);
[[nodiscard]] std::vector<float> floats(Bytes bytes);

// What can be read, and what to do with the others.
inline constexpr std::string_view kReadable =
    "Flat, PQ, SQ8 and SQfp16 can be read, also in IVF and behind IDMap, L2norm, PCA, OPQ and RR; with FAISS, copy its "
    "vectors (reconstruct_n) into an IndexFlat and write that";

// Messages lack their subject, the file.
[[nodiscard]] std::unexpected<Error> corrupt(std::string_view why);
[[nodiscard]] std::unexpected<Error> cut_off();
[[nodiscard]] std::unexpected<Error> unsupported(std::string_view what, const FourCc& code);

// A file, front to back. Numbers read behind the end are zeros: whoever goes by one checks ok() first.
class Input {
 public:
  explicit Input(Bytes content) : in_(content) {}

  template <typename T>
  [[nodiscard]] T value() {
    return in_.value<T>();
  }
  [[nodiscard]] Bytes bytes(std::uint64_t count) { return in_.bytes(count); }
  // How many, then they, each of `size` bytes.
  [[nodiscard]] Bytes array(std::size_t size) { return in_.bytes(product(in_.value<std::uint64_t>(), size)); }
  [[nodiscard]] bool ok() const noexcept { return !in_.failed(); }
  // Everything was there, and nothing is left.
  [[nodiscard]] bool complete() const noexcept { return in_.complete(); }

 private:
  CheckedReader in_;
};

}  // namespace eidetic::faiss
