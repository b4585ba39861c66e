// Vectors made elsewhere, into collections and out of them: FAISS indexes, and open formats (.csv, .npy).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

// --- from FAISS ---

struct FaissImport {
  std::filesystem::path file;         // an index that FAISS has written, of a kind that docs/file-formats.md names
  std::filesystem::path names = {};   // name i is the id of vector i: see docs/cli.md; empty: its number is
  std::string collection = {};        // empty: the name of the file, without its ending
  std::optional<Metric> metric = {};  // in place of that of the file
  std::string index = "auto";         // see check_factory
  // Folder that relative names are in, on the engine's machine: the items' pictures. Empty: items have none, unless
  // their names are absolute paths or URLs.
  std::filesystem::path root = {};
  std::string model = {};  // that made the vectors, so that pictures can be searched with; empty: bare vectors
};

// A new collection of the vectors in a FAISS index, complete or not at all; file and names are of this machine, the
// engine may be a server's. Compressed vectors come as what is left of them. Goes through a file without a name in the
// folder for temporary ones, as large as the vectors. Errors: unsupported (another kind of index; a pickle of names),
// corrupt, invalid_argument (names and vectors that do not fit, a model of other dimensions), already_exists.
[[nodiscard]] Result<CollectionInfo> import_faiss(Engine& engine, const FaissImport& request);

// --- vectors in open formats: .csv and .npy, see docs/file-formats.md ---

// Both files are of this machine, the engine may be a server's.
struct VectorImport {
  std::filesystem::path file;         // by its ending: .csv, a row a vector, or .npy, a matrix
  std::filesystem::path names = {};   // .npy: as FaissImport::names; empty: what lies beside it, else ids are numbers
  std::string collection = {};        // made where it is not there; empty: the name of the file, without its ending
  std::optional<Metric> metric = {};  // of a new collection: cosine where not given
  std::string index = {};             // of a new collection: auto where not given; see check_factory
  std::string model = {};             // of a new collection: that made the vectors; empty: bare vectors
  std::filesystem::path root = {};    // as FaissImport::root
};

struct VectorImportReport {
  CollectionInfo collection;  // as it is then
  std::uint64_t imported = 0;
  std::uint64_t failed = 0;
  std::vector<ItemError> errors;  // one a failed row, at most 10,000
  bool interrupted = false;       // stopped by the token: nothing is imported
};

// Puts vectors made elsewhere into a collection: all good rows or, on an error, none. An id that is there is replaced.
// Goes through a file as import_faiss does, and, where the collection is there, through one NAME.import that is merged
// and dropped. Errors: those of reading, unsupported, corrupt, invalid_argument (no good row; another number of
// dimensions, metric, index or model than the collection's). `progress`: rows read, on the calling thread.
[[nodiscard]] Result<VectorImportReport> import_vectors(Engine& engine, const VectorImport& request,
                                                        const std::function<void(const IndexProgress&)>& progress = {},
                                                        std::stop_token stop = {});

struct VectorExport {
  std::string collection;
  std::filesystem::path file;      // by its ending: .csv, or .npy with ids and metadata in FILE.jsonl beside it
  std::string label = "category";  // .csv: the metadata field of the last column, or kFolderLabel
};

// Writes the vectors of a collection by id, atomically. How many they are. Errors: unsupported (another ending),
// not_found, those of writing.
[[nodiscard]] Result<std::uint64_t> export_vectors(Engine& engine, const VectorExport& request);

}  // namespace eidetic
