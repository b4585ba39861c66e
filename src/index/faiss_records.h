// The records of a FAISS index, one in another, taken apart into what its vectors are read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

#include "index/faiss_codec.h"
#include "index/faiss_input.h"

namespace eidetic::faiss {

struct Entry {
  std::int64_t id;
  std::uint32_t list, place;
};

struct Records {
  std::uint32_t dimensions = 0;
  std::optional<Metric> metric;  // nullopt: one of FAISS's others
  std::string kind;              // as index_factory spells it
  std::uint64_t size = 0;
  Codec codec;
  std::vector<Transform> transforms;  // in the order they were applied
  std::vector<Bytes> lists;           // codes, where they lie in the file; one list where there is no IVF
  std::vector<float> centroids;       // of the lists, where codes are relative to them
  std::vector<Entry> entries;         // by id; empty where ids are places
};

// Every length is held against what is left before it is used. Errors as FaissFile::open, without their subject.
[[nodiscard]] Result<Records> read_records(Bytes content);

}  // namespace eidetic::faiss
