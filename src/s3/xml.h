// The XML that S3 speaks, of answers that anybody may have written. Wraps pugixml, which reads neither document type
// declarations nor entities but XML's own five. Pure functions; internal to this room.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "s3/client.h"

namespace eidetic {

// An <Error>; empty fields where it says nothing, or is none.
struct S3Failure {
  std::string code, message;
  std::string region;  // of the bucket, where that is what is wrong
};
[[nodiscard]] S3Failure parse_failure(std::string_view xml);

struct S3Page {
  std::vector<S3Object> objects;
  std::string next;  // the token of the page that follows; empty: none does
};
// Errors of these: corrupt, naming `what` was asked.
[[nodiscard]] Result<S3Page> parse_page(std::string_view xml, std::string_view what);
[[nodiscard]] Result<std::string> parse_upload_id(std::string_view xml, std::string_view what);
// An answer of status 200 may still be an <Error>: completing takes long, and the status is sent before it is done.
[[nodiscard]] Result<std::optional<S3Failure>> parse_completed(std::string_view xml, std::string_view what);

// <CompleteMultipartUpload> of the ETags of parts 1, 2, 3 …
[[nodiscard]] std::string completing(std::span<const std::string> etags);

// Seconds since 1970: "2009-10-12T17:50:30.000Z" of XML, "Mon, 12 Oct 2009 17:50:30 GMT" of headers; 0 for anything
// else.
[[nodiscard]] std::int64_t parse_s3_time(const std::string& text);

}  // namespace eidetic
