// Pictures, queries and items as a server takes them: what is a file of this machine is read here and sent along.
// Thread-safe functions; internal to this room.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"

#include "base/json.h"

namespace eidetic::remote {

inline constexpr std::size_t kMaxPictureBytes = DecodeOptions{}.max_bytes;

// The file that a path or file: URI names; nullopt for all other URIs, which the server reads itself.
[[nodiscard]] std::optional<std::filesystem::path> local_file(std::string_view path_or_uri);

// Fails as reading the file would.
[[nodiscard]] Result<void> check_readable(const std::filesystem::path& file);

// An answer of this status is about the picture that was sent, not about the server or the collection.
[[nodiscard]] bool is_about_picture(long status) noexcept;
// The error with the picture's name before it, unless it names it already.
[[nodiscard]] Error named(std::string_view uri, Error error);

// What of a query is neither a term nor a model, where it is said: as fields of JSON, and, each a scalar, as
// parameters.
[[nodiscard]] Json options_json(const Query& query);
// The schema Query. `own` gets the URIs under which items that were made of the sent pictures are stored. Errors: those
// of reading the files.
[[nodiscard]] Result<Json> query_json(const Query& query, std::vector<std::string>& own);
// The schema NewItem.
[[nodiscard]] Result<Json> new_item_json(const NewItem& item);

// Where the server keeps a picture whose bytes it was given: "stored:3fb2c1…".
[[nodiscard]] std::string stored_uri(std::string_view sha256);

}  // namespace eidetic::remote
