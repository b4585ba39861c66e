// What a collection stores, and what a search gives back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

namespace eidetic {

// One picture in a collection. Ids are unique within a collection; storing an id again replaces the item.
struct Item {
  std::string id;   // 1 to 1,024 bytes of UTF-8; for a file indexed from a folder: its path relative to that folder
  std::string uri;  // where the picture is: file:, http(s):, data:; may be empty for bare vectors
  std::string content_hash;      // SHA-256 (hex) of the encoded picture; empty when unknown
  std::uint64_t size_bytes = 0;  // of the encoded picture; 0 when unknown
  std::int64_t modified_ns = 0;  // modification time of the file since 1970, nanoseconds; 0 when unknown
  std::string metadata = "{}";   // one JSON object, UTF-8
  Vector vector;                 // dimensions of the collection's space; empty where not asked for
  std::vector<Vector> parts =
      {};  // of parts of the picture, up to kMaxParts; given to be stored, read by Backend::parts
  // Of an item that was read: which storing of the id it is of; another one after every upsert. 0: it is not said.
  std::uint64_t version = 0;
};

inline constexpr std::size_t kMaxParts = 256;

// Why one of many failed.
struct ItemError {
  std::string uri;
  Error error;
};

struct Hit {
  std::string id;
  double similarity = 0;  // larger is nearer; see Metric
  double distance = 0;    // smaller is nearer; see Metric
  std::string uri;
  std::string metadata;                    // one JSON object
  std::optional<std::uint32_t> part = {};  // the place in Item::parts of what was nearest; nullopt: the whole picture
};

}  // namespace eidetic
