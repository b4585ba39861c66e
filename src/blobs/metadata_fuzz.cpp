// Any bytes as a metadata file of each kind: every row becomes one JSON object or one error.
#include <cstdlib>
#include <string_view>

#include "blobs/metadata.h"

namespace {

using namespace eidetic;

void read(std::string_view text, const char* name) {
  std::vector<ItemError> errors;
  const auto table = MetadataTable::parse(text, name, errors);
  if (!table && table.error().code != ErrorCode::invalid_argument) std::abort();
  if (!table) return;
  table->report_unused(errors);
  for (const auto& error : errors) {
    auto same = *table;
    const auto* const row = same.find(error.uri);
    if (row != nullptr && !Json::parse(*row).is_object()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* const name : {"x.csv", "x.jsonl", "x"}) read(text, name);
  return 0;
}
