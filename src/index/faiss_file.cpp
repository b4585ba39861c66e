#include "index/faiss_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace eidetic {

Result<FaissFile> FaissFile::open(const std::filesystem::path& path) {
  FaissFile file;
  EIDETIC_TRY(file.file_, MappedFile::open(path));
  auto records = faiss::read_records(file.file_.bytes());
  if (!records) return fail(records.error().code, fmt::format("'{}' {}", path.native(), records.error().message));
  file.records_ = *std::move(records);
  return file;
}

bool FaissFile::is_one(std::span<const std::byte> content) noexcept {
  faiss::FourCc code{};
  if (content.size() < code.size()) return false;
  std::memcpy(code.data(), content.data(), code.size());
  return faiss::is_printable(code) && (code[0] == 'I' || faiss::view(code).starts_with("NP"));
}

std::int64_t FaissFile::id(std::uint64_t i) const noexcept {
  return records_.entries.empty() ? static_cast<std::int64_t>(i) : records_.entries[i].id;
}

Vector FaissFile::vector(std::uint64_t i) const {
  const faiss::Codec& codec = records_.codec;
  const std::vector<float>& centroids = records_.centroids;
  const faiss::Entry entry =
      ids_are_places() ? faiss::Entry{.id = 0, .list = 0, .place = static_cast<std::uint32_t>(i)} : records_.entries[i];
  Vector vector(codec.dimensions);
  if (!centroids.empty()) {
    std::copy_n(centroids.data() + std::size_t{entry.list} * codec.dimensions, codec.dimensions, vector.data());
  }
  const faiss::Bytes code = records_.lists[entry.list].subspan(entry.place * codec.code_bytes, codec.code_bytes);
  faiss::add_decoded(codec, code, vector);
  for (std::size_t step = records_.transforms.size(); step-- > 0;) {
    vector = faiss::undo(records_.transforms[step], std::move(vector));
  }
  return vector;
}

}  // namespace eidetic
