// A change of a collection's model while it is searched: vectors of the new model are made beside those that are there,
// and put in their place at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/evaluation.h"

namespace eidetic {

struct ItemError;

struct MigrateRequest {
  // migrate: vectors of the new model are made of all items, and the collection is switched to it. prepare: they are
  // made, and the collection waits for the switch. switch_over: what was added since gets its vectors, and the
  // collection is switched. rollback: within the time of grace, the same back to the model before.
  enum class Step { migrate, prepare, switch_over, rollback };
  Step step = Step::migrate;
  std::string model = {};    // migrate and prepare: the new one, a bundle name or path
  bool drop_failed = false;  // items that have no vector of that model are removed at the switch, which else is refused
  std::uint64_t grace_s = std::uint64_t{7} * 24 * 3600;  // how long the old vectors are kept; 0: not at all
};
inline constexpr std::uint64_t kMaxGrace = std::uint64_t{10} * 366 * 24 * 3600;

// "migrate", "prepare", "switch", "rollback".
[[nodiscard]] std::string_view to_string(MigrateRequest::Step step) noexcept;
[[nodiscard]] Result<MigrateRequest::Step> parse_migrate_step(std::string_view name);

struct MigrationReport {
  std::string collection;
  std::uint64_t embedded = 0;      // items that got their vector
  std::uint64_t kept = 0;          // that had it
  std::uint64_t failed = 0;        // that have none: bare vectors, and pictures that cannot be read or have changed
  std::uint64_t dropped = 0;       // of these, removed at the switch
  bool switched = false;           // false: it was not asked for, or refused as items have failed
  std::vector<ItemError> errors;   // one a failed item, named by its id
  std::vector<std::string> notes;  // what the collection had learnt and lost
  double seconds = 0;
  bool interrupted = false;  // stopped by the token: what is made is kept, the same request goes on from there
};

// Searches with items of the collection itself, in both spaces.
struct CompareRequest {
  std::uint32_t sample = 100;  // items searched with, 1 to kMaxCompared
  std::uint64_t seed = 1;      // of which these are
  std::string label = {};      // where set, both are evaluated by it too: a metadata field, or kFolderLabel
};
inline constexpr std::uint32_t kMaxCompared = 10'000;
inline constexpr std::uint32_t kComparedHits = 10;

struct MigrationComparison {
  std::string collection;
  std::string model, other_model;  // that is searched; whose vectors are beside
  std::uint64_t items = 0;         // of the collection
  std::uint64_t compared = 0;      // those that have vectors of both
  struct Found {
    std::string id;
    double similarity = 0;
  };
  struct Search {
    std::string id;  // searched with, and left out
    double overlap = 0;
    std::vector<Found> hits, other_hits;  // the first kComparedHits of each, best first
  };
  std::vector<Search> searches;
  double overlap = 0;                              // mean share of hits that both find
  double overlap_margin = 0;                       // half of its 95 % confidence interval
  double same_first = 0;                           // share of searches whose first hit is the same
  std::optional<EvalReport> report, other_report;  // with a label: of the items that have vectors of both
};

}  // namespace eidetic
