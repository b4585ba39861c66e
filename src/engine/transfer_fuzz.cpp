// Any bytes, with a checksum that fits, through the reader of exports.
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "engine/transfer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> file(input.begin(), input.end());
  const std::uint64_t sum = eidetic::checksum(file);
  file.resize(size + sizeof(sum));
  std::memcpy(file.data() + size, &sum, sizeof(sum));
  auto reader = eidetic::ExportReader::open(file, "fuzz");
  while (reader) {
    const auto item = reader->next();
    if (!item || !*item) break;
  }
  return 0;
}
