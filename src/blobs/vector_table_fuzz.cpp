// Any bytes as a table of vectors: every row becomes a vector of the table's dimensions or one error.
#include <cmath>
#include <cstdlib>

#include "base/json.h"
#include "blobs/vector_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eidetic;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::uint32_t dimensions : {0U, 2U}) {
    auto table = VectorTable::open(text, "fuzz", dimensions);
    if (!table) {
      if (table.error().code != ErrorCode::invalid_argument) std::abort();
      continue;
    }
    if (table->dimensions() == 0) std::abort();
    while (const auto row = table->next()) {
      if (!*row) continue;
      if ((*row)->vector.size() != table->dimensions() || (*row)->id.empty()) std::abort();
      for (const float value : (*row)->vector) {
        if (!std::isfinite(value)) std::abort();
      }
      if (!Json::parse((*row)->metadata).is_object()) std::abort();
    }
  }
  return 0;
}
