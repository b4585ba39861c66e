#include "blobs/uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "eidetic/engine.h"

#include "base/text.h"
#include "net/http.h"

namespace eidetic {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

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

std::string file_uri(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  return "file://" + uri_encode(error ? path.native() : absolute.native(), true);
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
