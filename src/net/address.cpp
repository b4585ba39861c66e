#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace eidetic {
namespace {

using V6 = std::array<std::uint8_t, 16>;

struct V4Net {
  std::uint32_t prefix;
  unsigned bits;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return (a << 24U) | (b << 16U) | (c << 8U) | d;
}

// IANA's special-purpose registry of IPv4, without what it calls globally reachable.
constexpr std::array kRefusedV4 = {
    V4Net{v4(0, 0, 0, 0), 8},        // this network
    V4Net{v4(10, 0, 0, 0), 8},       // private
    V4Net{v4(100, 64, 0, 0), 10},    // shared by customers of a provider
    V4Net{v4(127, 0, 0, 0), 8},      // loopback
    V4Net{v4(169, 254, 0, 0), 16},   // link-local, and where clouds answer for a machine's secrets
    V4Net{v4(172, 16, 0, 0), 12},    // private
    V4Net{v4(192, 0, 0, 0), 24},     // protocol assignments
    V4Net{v4(192, 0, 2, 0), 24},     // documentation
    V4Net{v4(192, 88, 99, 0), 24},   // 6to4 relays, no longer in use
    V4Net{v4(192, 168, 0, 0), 16},   // private
    V4Net{v4(198, 18, 0, 0), 15},    // benchmarks
    V4Net{v4(198, 51, 100, 0), 24},  // documentation
    V4Net{v4(203, 0, 113, 0), 24},   // documentation
    V4Net{v4(224, 0, 0, 0), 4},      // multicast
    V4Net{v4(240, 0, 0, 0), 4},      // reserved, and broadcast
};

bool is_public(std::uint32_t address) {
  return std::ranges::none_of(kRefusedV4, [&](const V4Net& net) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32U - net.bits);
    return (address & mask) == net.prefix;
  });
}

std::uint32_t v4_at(const V6& address, std::size_t at) {
  return v4(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

bool begins(const V6& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

bool is_public(const V6& address) {
  // Addresses of IPv4 in other clothes are as public as what they carry.
  if (begins(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF})) return is_public(v4_at(address, 12));  // mapped
  if (begins(address, {0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) return is_public(v4_at(address, 12));  // NAT64
  if (begins(address, {0x20, 0x02})) return is_public(v4_at(address, 2));                                       // 6to4
  if (begins(address, {0x20, 0x01, 0, 0})) return false;                 // Teredo: behind somebody's router
  if (begins(address, {0x20, 0x01, 0x0D, 0xB8})) return false;           // documentation
  if (begins(address, {0x20, 0x01}) && address[2] < 2) return false;     // 2001::/23: protocol assignments
  if (begins(address, {0x3F, 0xFF}) && address[2] < 0x10) return false;  // 3fff::/20: documentation
  // Only 2000::/3 is handed out to the public. Outside are ::, ::1, v4-compatible, 64:ff9b:1::, 100::, fc00::/7,
  // fe80::/10, fec0::/10 and ff00::/8.
  return (address[0] & 0xE0U) == 0x20;
}

}  // namespace

Result<void> public_address(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  bool good = false;
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
    good = is_public(ntohl(four.s_addr));
  } else if (::inet_pton(AF_INET6, text.c_str(), &six) == 1) {
    V6 bytes{};
    std::memcpy(bytes.data(), &six, bytes.size());
    good = is_public(bytes);
  }
  if (good) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is no public address: this server fetches nothing from there", address));
}

}  // namespace eidetic
