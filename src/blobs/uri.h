// URIs (RFC 3986) as far as pictures need them. Pure functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

// "https" of "HTTPS://example.org/x"; empty for what is a plain path. A URI is what begins with a scheme of two or
// more characters and "://", or with "data:", "file:" or "stored:".
[[nodiscard]] std::string uri_scheme(std::string_view uri);

// "stored:3fb2c1…": a picture that the data folder keeps, by the SHA-256 of its bytes.
[[nodiscard]] std::string stored_uri(std::string_view hash);
// The hash in it; nullopt for any other URI.
[[nodiscard]] std::optional<std::string_view> hash_of_stored(std::string_view uri);

// "file:///home/me/My%20Pictures/x.jpg"; a relative path is taken from the current folder.
[[nodiscard]] std::string file_uri(const std::filesystem::path& path);

// The path behind a file: URI or a plain path; nullopt for any other URI, a malformed one, or a file of another host.
[[nodiscard]] std::optional<std::filesystem::path> file_of_uri(std::string_view uri);

// The URI as messages show it: shortened where it carries data, and without the password it may hold.
[[nodiscard]] std::string printable_uri(std::string_view uri);

}  // namespace eidetic
