// Which pictures of a collection are edits of one another: requests and answers of Engine::duplicates and on_duplicate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

// How closely pictures are compared, to tell copies from look-alikes. never: by their perceptual hashes, which every
// picture is read for once and which do not know crops; unsure: pairs that these leave open by their pixels too, which
// takes 50 ms of one thread a picture; always: every pair by its pixels.
enum class Verify { never, unsure, always };
[[nodiscard]] std::string_view to_string(Verify verify) noexcept;
[[nodiscard]] Result<Verify> parse_verify(std::string_view name);

// What told that two items are copies, the surest of: the same bytes; the pixels of both, laid over each other; their
// perceptual hashes; their vectors alone, where a picture is not there or has nothing on it.
enum class CopyEvidence { content, pixels, hash, vectors };
[[nodiscard]] std::string_view to_string(CopyEvidence evidence) noexcept;
[[nodiscard]] Result<CopyEvidence> parse_copy_evidence(std::string_view name);

inline constexpr double kDefaultCopyScore = 0.5;

// What becomes of a new picture that is a copy of one that is there, or came before it in the same call. store: it is
// stored, and nothing is looked for. report: it is stored, and told of. skip: it is told of, and not stored.
enum class OnDuplicate { store, report, skip };
[[nodiscard]] std::string_view to_string(OnDuplicate what) noexcept;
[[nodiscard]] Result<OnDuplicate> parse_on_duplicate(std::string_view name);

struct CopyOf {
  std::string id;         // of the item that it is a copy of
  double copy_score = 0;  // the chance that both are edits of the same picture, 0 to 1
  CopyEvidence evidence = CopyEvidence::vectors;
};

struct DuplicatesRequest {
  double min_copy_score = kDefaultCopyScore;  // 0 to 1: pairs below it are no copies
  Verify verify = Verify::unsure;
  std::string filter = {};       // only items that pass; see parse_filter
  std::uint32_t neighbors = 10;  // of each item, that may be its copies: 1 to kMaxDuplicateNeighbors
  std::uint32_t limit = 1000;    // groups that are told, the largest first: 1 to kMaxDuplicateGroups; all are counted
};
inline constexpr std::uint32_t kMaxDuplicateNeighbors = 100;
inline constexpr std::uint32_t kMaxDuplicateGroups = 100'000;

struct DuplicatesProgress {
  std::string stage;  // "items", "neighbors", "hashes", "pictures"
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

// Every member is a copy of one of them, the centre: copies of copies do not chain.
struct DuplicateGroup {
  struct Member {
    std::string id;
    std::uint64_t size_bytes = 0;           // 0: unknown
    std::int32_t width = 0, height = 0;     // pixels; 0: the picture was not looked at
    double similarity = 1;                  // to the centre; see Metric
    std::optional<int> hash_distance = {};  // bits of 64, from the centre; nullopt: not known
    double copy_score = 1;                  // with the centre
    CopyEvidence evidence = CopyEvidence::content;
  };
  std::string centre;           // id of a member
  std::vector<Member> members;  // the one to keep first: most pixels, then most bytes, then oldest; at least two
};

struct DuplicatesReport {
  std::string collection;
  std::uint64_t items = 0;       // that pass the filter
  std::uint64_t groups = 0;      // found
  std::uint64_t duplicates = 0;  // items that are not the ones to keep, of all groups
  std::uint64_t exact = 0;       // of these, same bytes as another member
  std::uint64_t pairs = 0;       // of near items that were judged
  std::uint64_t verified = 0;    // of these, by their pixels
  std::uint64_t unreadable = 0;  // pictures that could not be read: judged by vectors alone
  double seconds = 0;
  std::vector<DuplicateGroup> found;  // the largest first, then by the id that is to be kept
};

}  // namespace eidetic
