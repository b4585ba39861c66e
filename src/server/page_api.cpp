// The page for people: its documents at `/` and below `/collections`, what they load below `/assets`.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "server/api.h"
#include "server/page.h"

namespace eidetic {
namespace {

// All that the page loads and asks is this server's, but for pictures that people give it (blob:, data:). Its code
// makes no style or script of text, so nothing here is unsafe-inline.
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// Whether a list such as "gzip, br;q=0.5" takes gzip (RFC 9110, section 12.5.3).
bool takes_gzip(std::string_view accepted) {
  for (const std::string_view part : split(accepted, ',')) {
    const std::string_view name = trim(part.substr(0, part.find(';')));
    if (to_lower(name) != "gzip" && name != "*") continue;
    const auto quality = part.find("q=");
    return quality == std::string_view::npos || part.find_first_of("123456789", quality) != std::string_view::npos;
  }
  return false;
}

const PageFile* find_file(std::string_view name) {
  const auto files = page_files();
  const auto found = std::ranges::find(files, name, &PageFile::name);
  return found == files.end() ? nullptr : &*found;
}

HttpResponse file_response(const HttpRequest& request, const PageFile& file, std::string_view caching) {
  const bool packed = !file.gzip.empty() && takes_gzip(request.accept_encoding);
  const std::string tag = fmt::format("\"{}{}\"", file.hash, packed ? "-gzip" : "");
  HttpResponse response;
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", caching);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!request.if_none_match.empty() && request.if_none_match.find(tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  response.content_type = file.media_type;
  response.body = packed ? file.gzip : file.content;
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

// The one document of the page, which shows what its address says. Its query is the page's own matter.
Answer document(Api&, HttpRequest& request) {
  HttpResponse response = file_response(request, *find_file("index.html"), "no-cache");
  response.headers.emplace_back("Content-Security-Policy", kPagePolicy);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  return response;
}

// Browsers ask for HTML; clients of an older system, which found a line here, do not.
Answer home(Api& api, HttpRequest& request) {
  if (request.accept.find("text/html") == std::string::npos) {
    EIDETIC_ANSWER_TRY(HttpResponse line, older_home(request));
    line.headers.emplace_back("Vary", "Accept");
    return line;
  }
  EIDETIC_ANSWER_TRY(HttpResponse page, document(api, request));
  page.headers.emplace_back("Vary", "Accept");
  return page;
}

Answer asset(Api&, HttpRequest& request) {
  const std::string name = "assets/" + request.captures[0];
  if (const PageFile* file = find_file(name)) {
    return file_response(request, *file, "public, max-age=31536000, immutable");
  }
  return std::unexpected(
      Problem(404, "not_found", fmt::format("the page has no file '{}'; loading it anew helps", name)));
}

constexpr Route kRoutes[] = {
    {"GET", "/", Role::none, LaneKind::network, BodyKind::none, home, true},
    {"GET", "/collections/{collection}", Role::none, LaneKind::network, BodyKind::none, document, true},
    {"GET", "/collections/{collection}/{view}", Role::none, LaneKind::network, BodyKind::none, document, true},
    {"GET", "/assets/{file}", Role::none, LaneKind::network, BodyKind::none, asset},
};

}  // namespace

std::span<const Route> page_routes() { return kRoutes; }

}  // namespace eidetic
