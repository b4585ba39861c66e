// Any bytes as each of the JSON bodies that carry pictures and vectors.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/json_in.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eidetic;
  constexpr std::size_t kMost = 100;
  const std::string body(reinterpret_cast<const char*>(data), size);
  if (const auto query = parse_query(body); query && (query->terms.empty() || query->terms.size() > kMaxTerms))
    std::abort();
  if (const auto queries = parse_queries(body, kMost); queries && queries->size() > kMost) std::abort();
  if (const auto items = parse_new_items(body); items && items->items.empty()) std::abort();
  (void)parse_item_lines(body);
  if (const auto picture = parse_picture(body); picture && picture->uri.empty() == picture->bytes.empty()) std::abort();
  (void)parse_older_request(body, true, true);
  return 0;
}
