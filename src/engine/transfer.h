// A whole collection as one file, for moving and keeping. Little-endian:
//
//   "EIDETIC COLLECTION 2\n"
//   u32 length, JSON: name, model, hash, dimensions, metric, precision, index, settings
//   an attachment each: u8 2; name and content, each u32 length and bytes (none in version 1, which is read too)
//   an item each: u8 1; id, uri, content hash and metadata, each u32 length and bytes; u64 size in bytes,
//                 i64 modification time in ns; dimensions x f32
//   u8 0, u64 count of items, u64 XXH3-64 of all bytes before it
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/backend.h"
#include "eidetic/error.h"
#include "eidetic/item.h"

#include "base/file.h"

namespace eidetic {

// Reads the format from memory; for hostile bytes too: whatever is wrong is `corrupt`, naming `what`. Not thread-safe.
class ExportReader {
 public:
  // Checks the checksum over everything and reads the header. `file` must outlive the reader.
  [[nodiscard]] static Result<ExportReader> open(std::span<const std::byte> file, std::string what);

  [[nodiscard]] const CollectionSpec& spec() const noexcept { return spec_; }
  // What is kept with the collection under names; those read so far, all of them once the first item was read.
  [[nodiscard]] const std::map<std::string, std::string>& attachments() const noexcept { return attachments_; }
  // The next item; nullopt after the last.
  [[nodiscard]] Result<std::optional<Item>> next();

 private:
  ExportReader(std::span<const std::byte> rest, std::string what) : rest_(rest), what_(std::move(what)) {}

  template <typename T>
  [[nodiscard]] Result<T> number();
  [[nodiscard]] Result<std::string> text();
  [[nodiscard]] Result<Vector> vector();
  [[nodiscard]] Result<void> read_header();
  [[nodiscard]] std::unexpected<Error> corrupt(std::string_view why) const;

  std::span<const std::byte> rest_;
  std::string what_;
  CollectionSpec spec_;
  std::map<std::string, std::string> attachments_;
  std::uint64_t count_ = 0;
};

// Writes the format: the attachments, and the items that `next` gives until it gives none. How many they were.
[[nodiscard]] Result<std::uint64_t> write_export(const CollectionSpec& spec,
                                                 const std::map<std::string, std::string>& attachments,
                                                 const std::function<Result<std::vector<Item>>()>& next,
                                                 const Sink& sink);
// How many items were written. Items that change meanwhile may be in the file as they were or as they are.
[[nodiscard]] Result<std::uint64_t> export_collection(Backend& backend, const CollectionInfo& collection,
                                                      const std::filesystem::path& file);
// The collection, complete; on any error there is none.
[[nodiscard]] Result<CollectionInfo> import_collection(Backend& backend, const std::filesystem::path& file,
                                                       const std::optional<std::string>& name);
// Drops collections whose import was cut off by the end of the process.
[[nodiscard]] Result<void> drop_cut_off_imports(Backend& backend);

}  // namespace eidetic
