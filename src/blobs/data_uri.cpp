#include "blobs/data_uri.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/text.h"
#include "blobs/uri.h"

namespace eidetic {
namespace {

Result<std::vector<std::byte>> decode_payload(std::string_view payload, bool base64) {
  EIDETIC_TRY(const std::string text, percent_decode(payload));
  if (base64) return decode_base64(text);
  const auto bytes = as_bytes(text);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

}  // namespace

Result<std::vector<std::byte>> decode_data_uri(std::string_view uri, std::size_t max_bytes) {
  const auto comma = uri.find(',');
  if (comma == std::string_view::npos) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has no comma before its data: data:image/jpeg;base64,…", printable_uri(uri)));
  }
  const auto too_large = [&] {
    return fail(ErrorCode::overloaded,
                fmt::format("'{}' carries more than {} bytes, the limit", printable_uri(uri), max_bytes));
  };
  const bool base64 = to_lower(uri.substr(0, comma)).ends_with(";base64");
  const std::string_view payload = uri.substr(comma + 1);
  // An escape takes three characters a byte, base64 four characters three bytes.
  if (payload.size() / 4 > max_bytes) return too_large();
  auto bytes = decode_payload(payload, base64);
  if (!bytes) return fail(bytes.error().code, fmt::format("'{}': {}", printable_uri(uri), bytes.error().message));
  if (bytes->size() > max_bytes) return too_large();
  return bytes;
}

}  // namespace eidetic
