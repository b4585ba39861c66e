#include "blobs/uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "eidetic/engine.h"

#include "base/text.h"
#include "net/http.h"

namespace eidetic {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string uri_scheme(std::string_view uri) {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || colon < 2) return "";
  const std::string scheme = to_lower(uri.substr(0, colon));
  const auto allowed = [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; };
  if (scheme[0] < 'a' || scheme[0] > 'z' || !std::ranges::all_of(scheme, allowed)) return "";
  const bool is_uri =
      scheme == "data" || scheme == "file" || scheme == kStoredScheme || uri.substr(colon).starts_with("://");
  return is_uri ? scheme : "";
}

std::string stored_uri(std::string_view hash) { return fmt::format("{}:{}", kStoredScheme, hash); }

std::optional<std::string_view> hash_of_stored(std::string_view uri) {
  if (uri_scheme(uri) != kStoredScheme) return std::nullopt;
  return uri.substr(kStoredScheme.size() + 1);
}

Result<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) {
      return fail(ErrorCode::invalid_argument, fmt::format("bad escape '{}'", text.substr(i, 3)));
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::string file_uri(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  std::string uri = "file://";
  for (const char c : error ? path.native() : absolute.native()) {
    if (is_alphanumeric(c) || std::string_view("-._~/").contains(c)) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::optional<std::filesystem::path> file_of_uri(std::string_view uri) {
  const std::string scheme = uri_scheme(uri);
  if (scheme.empty()) return std::filesystem::path(uri);
  if (scheme != "file") return std::nullopt;
  uri.remove_prefix(scheme.size() + 1);
  if (uri.starts_with("//")) {
    uri.remove_prefix(2);
    if (uri.starts_with("localhost/")) uri.remove_prefix(9);
  }
  if (!uri.starts_with('/')) return std::nullopt;
  auto path = percent_decode(uri);
  if (!path) return std::nullopt;
  return std::filesystem::path(*std::move(path));
}

std::string printable_uri(std::string_view uri) {
  constexpr std::size_t kShown = 40;
  if (uri_scheme(uri) == "data" && uri.size() > kShown) return fmt::format("{}…", uri.substr(0, kShown));
  return printable_url(uri);
}

}  // namespace eidetic
