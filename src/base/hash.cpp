#include "base/hash.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/file.h"

namespace eidetic {

struct Digest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  explicit State(const EVP_MD* kind) { EVP_DigestInit_ex(context, kind, nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>(kind == Kind::md5 ? EVP_md5() : EVP_sha256())) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::span<const std::byte> bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &size);
  return hex_of(std::as_bytes(std::span(digest)).first(size));
}

std::string hex_of(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    text += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

Sha256Bytes hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes) {
  Sha256Bytes code{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), reinterpret_cast<unsigned char*>(code.data()), &size);
  return code;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Result<std::string> sha256_hex_of_file(const std::filesystem::path& path) {
  EIDETIC_TRY(const File file, File::open(path, O_RDONLY));
  Sha256 digest;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  while (true) {
    const ssize_t count = ::read(file.descriptor(), buffer.data(), buffer.size());
    if (count == 0) return digest.hex();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read", path, errno);
    digest.update(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

struct Checksum::State {
  XXH3_state_t* state = XXH3_createState();
  State() { XXH3_64bits_reset(state); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(state); }
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;
Checksum::~Checksum() = default;

void Checksum::update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_->state, bytes.data(), bytes.size());
}

std::uint64_t Checksum::value() const { return XXH3_64bits_digest(state_->state); }

std::uint64_t checksum(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace eidetic
