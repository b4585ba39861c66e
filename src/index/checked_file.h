// Files of ours that can be trusted or are refused: magic, version, content, checksum. Written atomically, read whole.
// All numbers are little-endian. Pure functions and values: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

#include "eidetic/error.h"

#include "base/file.h"
#include "base/hash.h"

namespace eidetic {

struct FileKind {
  std::string_view magic;  // 8 characters
  std::uint32_t version;
};

// Content in order. The first error stays, and is what write_checked_file returns.
class CheckedWriter {
 public:
  explicit CheckedWriter(const Sink& sink) : sink_(&sink) {}

  void bytes(std::span<const std::byte> content);
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  void value(const T& value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] const Result<void>& state() const noexcept { return state_; }
  [[nodiscard]] std::uint64_t sum() const { return checksum_.value(); }

 private:
  const Sink* sink_;
  Checksum checksum_;
  Result<void> state_;
};

[[nodiscard]] Result<void> write_checked_file(const std::filesystem::path& path, FileKind kind,
                                              const std::function<void(CheckedWriter&)>& write);

// Takes content apart. Reading past the end gives zeros and empty spans and is remembered: check complete(), or
// failed() on the way, before believing anything.
class CheckedReader {
 public:
  explicit CheckedReader(std::span<const std::byte> content) : rest_(content) {}

  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(static_cast<std::size_t>(count));
    return taken;
  }
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T value() {
    T result{};
    if (const auto source = bytes(sizeof(T)); !source.empty()) std::memcpy(&result, source.data(), sizeof(T));
    return result;
  }
  // Fills `values`; false where so much is not left.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] bool read(std::span<T> values) {
    const auto source = bytes(values.size_bytes());
    if (source.size() != values.size_bytes()) return false;
    if (!source.empty()) std::memcpy(values.data(), source.data(), source.size());
    return true;
  }
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  // Everything was there, and nothing is left.
  [[nodiscard]] bool complete() const noexcept { return !failed_ && rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
  bool failed_ = false;
};

// The content between version and checksum, when all of it is as it was written; otherwise corrupt, naming the file.
[[nodiscard]] Result<CheckedReader> read_checked(std::span<const std::byte> file, FileKind kind,
                                                 const std::filesystem::path& path);

}  // namespace eidetic
