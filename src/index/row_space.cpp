#include "index/row_space.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

namespace eidetic {
namespace {

constexpr unsigned kMinShift = 10;  // 1,024 rows of any size fill whole pages
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

RowSpace::RowSpace(std::size_t row_bytes, std::size_t segment_bytes)
    : row_bytes_(row_bytes),
      shift_(
          std::clamp<unsigned>(static_cast<unsigned>(std::bit_width(segment_bytes / row_bytes)) - 1U, kMinShift, 24)),
      mask_((Row{1} << shift_) - 1),
      segment_count_(std::size_t{1} << (32 - shift_)),
      // calloc's pages are untouched until used: an empty table of a million segments costs nothing.
      segments_(static_cast<std::byte**>(std::calloc(segment_count_, sizeof(std::byte*)))) {
  if (segments_ == nullptr) std::abort();
}

RowSpace::~RowSpace() {
  for (std::size_t i = 0; i < segment_count_ && segments_[i] != nullptr; ++i)
    ::munmap(segments_[i], row_bytes_ << shift_);
}

Result<void> RowSpace::reserve(Row row, int descriptor) {
  const std::size_t bytes = row_bytes_ << shift_;
  // Segments are mapped in order, so the destructor may stop at the first hole.
  std::size_t first = row >> shift_;
  while (first > 0 && segments_[first - 1] == nullptr) --first;
  for (std::size_t i = first; i <= row >> shift_; ++i) {
    if (segments_[i] != nullptr) continue;
    void* address =
        descriptor < 0
            ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            : ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(i * bytes));
    if (address == MAP_FAILED) {
      return fail(ErrorCode::overloaded, fmt::format("no address space for {} more bytes of an index: {}", bytes,
                                                     std::generic_category().message(errno)));
    }
    auto* const segment = static_cast<std::byte*>(address);
    // A scan is bound by memory; small pages would make it wait for their addresses as well. The first pages of the
    // first segment stay small, for small collections.
    const std::size_t small = i == 0 ? 2 * kHugePage : 0;
    if (descriptor < 0 && bytes > small) ::madvise(segment + small, bytes - small, MADV_HUGEPAGE);
    __atomic_store_n(&segments_.get()[i], segment, __ATOMIC_RELEASE);
  }
  return {};
}

}  // namespace eidetic
