// FAISS files from hostile hands: whatever open accepts can be read to its end.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "index/faiss_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto path = std::filesystem::temp_directory_path() / ("eidetic-fuzz-" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto file = eidetic::FaissFile::open(path);
  if (!file) return 0;
  for (std::uint64_t i = 1; i < file->size(); ++i) {
    if (file->id(i) <= file->id(i - 1)) std::abort();
  }
  if (file->size() > 0 && file->id(0) < 0) std::abort();
  // A few from all over the file: small ones may stand for vectors of many dimensions.
  constexpr std::uint64_t kVectors = 20;
  const std::uint64_t step = std::max<std::uint64_t>(file->size() / kVectors, 1);
  for (std::uint64_t i = 0; i < file->size(); i += step) {
    if (file->vector(i).size() != file->dimensions()) std::abort();
  }
  if (file->size() > 0) (void)file->vector(file->size() - 1);
  return 0;
}
