// The target of a request (RFC 9112, section 3.2): path segments and query parameters, decoded. Pure; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

struct RequestTarget {
  // "/v1/a%2Fb/" is {"v1", "a/b", ""}; "/" is {}. Each is valid UTF-8 without a zero byte.
  std::vector<std::string> segments;
  std::map<std::string, std::string, std::less<>> query;  // a parameter without "=" has the value ""
  std::string repeated;  // a parameter that was given twice, of which the first is in `query`; empty: none
};

// Origin form ("/path?query") or absolute form ("http://host/path"). In the query, "+" is a space. invalid_argument: a
// wrong escape, %00, what is not UTF-8, a segment "." or ".." (written plainly; escaped it is a name like any other),
// and any other form of target.
[[nodiscard]] Result<RequestTarget> parse_request_target(std::string_view target);

// %41 becomes A. invalid_argument beginning with `what`: a wrong escape, a zero byte, what is not UTF-8.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, std::string_view what,
                                                 bool plus_is_space = false);
// For a segment or a query value: everything escaped but letters, digits and -._~
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace eidetic
