// Digests: SHA-256 (FIPS 180-4) for content and model identity, MD5 (RFC 1321) where others name content by it, XXH3
// for checksums of our own files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "eidetic/error.h"

namespace eidetic {

class Digest {
 public:
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void update(std::span<const std::byte> bytes);
  // Lower-case hexadecimal digits, two a byte. Ends the digest: neither update nor hex may follow.
  [[nodiscard]] std::string hex();

 protected:
  enum class Kind { sha256, md5 };
  explicit Digest(Kind kind);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
class Sha256 : public Digest {
 public:
  Sha256() : Digest(Kind::sha256) {}
};
class Md5 : public Digest {
 public:
  Md5() : Digest(Kind::md5) {}
};

[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);
[[nodiscard]] Result<std::string> sha256_hex_of_file(const std::filesystem::path& path);

using Sha256Bytes = std::array<std::byte, 32>;
// HMAC (RFC 2104) over SHA-256.
[[nodiscard]] Sha256Bytes hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes);
// Lower-case hexadecimal digits, two a byte.
[[nodiscard]] std::string hex_of(std::span<const std::byte> bytes);

// Streaming XXH3-64; not for hostile collisions.
class Checksum {
 public:
  Checksum();
  Checksum(Checksum&&) noexcept;
  Checksum& operator=(Checksum&&) noexcept;
  ~Checksum();

  void update(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> bytes);

}  // namespace eidetic
