#include "server/uri.h"

#include <fmt/format.h>

#include "base/text.h"

namespace eidetic {
namespace {

int hex_digit(char letter) noexcept {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

// The path and query of an absolute target; others as they are.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (to_lower(target.substr(0, scheme.size())) != scheme) continue;
    target.remove_prefix(scheme.size());
    const auto end = target.find_first_of("/?");
    return end == std::string_view::npos ? std::string_view("/") : target.substr(end);
  }
  return target;
}

Result<void> parse_path(std::string_view path, std::vector<std::string>& segments) {
  if (path == "/" || path.empty()) return {};
  for (const std::string_view raw : split(path.substr(1), '/')) {
    if (raw == "." || raw == "..") {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the path has the segment '{0}'; a name '{0}' is written {1}", raw,
                              raw == "." ? "%2E" : "%2E%2E"));
    }
    EIDETIC_TRY(auto segment, percent_decode(raw, "the path"));
    segments.push_back(std::move(segment));
  }
  return {};
}

Result<void> parse_query(std::string_view query, RequestTarget& target) {
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    EIDETIC_TRY(auto name, percent_decode(pair.substr(0, equals), "the query", true));
    const std::string_view raw = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    EIDETIC_TRY(auto value, percent_decode(raw, "the query", true));
    const auto [place, added] = target.query.emplace(std::move(name), std::move(value));
    if (!added) target.repeated = place->first;
  }
  return {};
}

}  // namespace

Result<RequestTarget> parse_request_target(std::string_view target) {
  for (const char letter : target) {
    if (static_cast<unsigned char>(letter) <= 0x20 || letter == 0x7F || letter == '#') {
      return fail(ErrorCode::invalid_argument, "the request target has a blank, a control character or a '#'");
    }
  }
  target = without_authority(target);
  if (!target.starts_with('/') && !target.starts_with('?')) {
    return fail(ErrorCode::invalid_argument, "the request target is no path: it has to begin with '/'");
  }
  RequestTarget parsed;
  const auto question = target.find('?');
  EIDETIC_CHECK(parse_path(target.substr(0, question), parsed.segments));
  if (question != std::string_view::npos) EIDETIC_CHECK(parse_query(target.substr(question + 1), parsed));
  return parsed;
}

Result<std::string> percent_decode(std::string_view text, std::string_view what, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} has a % that no two hexadecimal digits follow; write a plain % as %25", what));
      }
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (decoded.back() == '\0') return fail(ErrorCode::invalid_argument, fmt::format("{} has a zero byte", what));
  }
  if (!is_utf8(decoded)) return fail(ErrorCode::invalid_argument, fmt::format("{} is not UTF-8", what));
  return decoded;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text == "." || text == "..") return text == "." ? "%2E" : "%2E%2E";  // else a segment of another meaning
  std::string encoded;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (kPlain.contains(letter)) {
      encoded += letter;
    } else {
      encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return encoded;
}

}  // namespace eidetic
