// What a collection is asked, and what it answers: requests and answers of Engine::search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/copies.h"
#include "eidetic/error.h"
#include "eidetic/item.h"
#include "eidetic/vector_index.h"

namespace eidetic {

// A part of a picture.
struct Crop {
  double x = 0, y = 0, width = 0,
         height = 0;  // pixels; or, where width and height are at most 1, fractions of the picture
};

// The parts of pictures that get vectors of their own, so that a part of a picture finds the whole, and the whole a
// part: as fractions. "none"; "2x3": tiles, two rows of three, in reading order, at most kMaxParts; "multi": nine of
// half the sides that overlap by half, then nine of a third. invalid_argument for anything else.
[[nodiscard]] Result<std::vector<Crop>> parse_regions(std::string_view plan);

// One part of a query. A single term of weight 1 searches with its vector as it is. Several are normalised, weighted
// and added up; the sum gets the terms' mean length (1 for models with l2_normalize).
struct Term {
  enum class Kind { picture, bytes, id, text, vector };
  Kind kind = Kind::picture;
  std::string value = {};             // picture: path or URI; id: item id; text: words
  std::vector<std::byte> bytes = {};  // bytes: the encoded picture
  Vector vector = {};                 // vector: dimensions of the space
  double weight = 1;                  // negative: less like this
  std::optional<Crop> crop = {};      // of picture, bytes and id: of an item whose picture can be read
};

[[nodiscard]] std::string_view to_string(Term::Kind kind) noexcept;

inline constexpr std::size_t kMaxTerms = 100;

// What is searched with beside a picture: eight variants of it (blurred, sharpened, noisy, mirrored, flipped, turned by
// a quarter, brighter, darker). pool: each finds its k, of which the k best are the answer, every item at its best.
// mean: the vectors of all nine are averaged, into one that matters less how the picture was taken. parts: in place of
// variants those of its regions that "multi" names, pooled: a scene finds what is in it.
enum class Augmentation { none, pool, mean, parts };
[[nodiscard]] std::string_view to_string(Augmentation augmentation) noexcept;
[[nodiscard]] Result<Augmentation> parse_augmentation(std::string_view name);

struct Query {
  std::vector<Term> terms = {};                   // 1 to kMaxTerms
  std::string model = {};                         // where set, refused unless its space is the collection's
  std::uint32_t k = 10;                           // 1 to kMaxK
  std::optional<double> min_similarity_pct = {};  // 0 to 100: kept where round(similarity, 4) >= pct / 100
  // 0 to 1: leave out hits that are less likely to be real matches; kRecommendedConfidence: below what the calibration
  // recommends. The collection must have been calibrated.
  std::optional<double> min_confidence = {};
  std::string filter = {};  // only items that pass, k where so many do; see parse_filter
  // Items are as near as the nearest of their regions, or they themselves where these are nearer: see set_regions.
  bool regions = false;
  // Hits that are copies of a better one are told with that one, and others come in their place. By the hashes of the
  // pictures, see Verify::never. With a k of at most kMaxCollapse.
  bool collapse = false;
  bool exclude_terms = false;                 // leave out the items that the terms name, and those of the same pictures
  Augmentation augment = Augmentation::none;  // of the terms that are pictures or bytes
  std::uint64_t seed = 1;                     // of what the variants leave to chance
  // So many of the best are verified by keypoints and ranked anew, those that show the same first; 0: none. Needs a
  // term of positive weight that is a picture, bytes or the id of an item with a picture: the first is looked for.
  std::uint32_t verify = 0;  // up to kMaxVerify
  // The name of a classifier: only items of the query's class are searched. Where that is unsure, where no item of the
  // class passes the filter, or where the nearest item of the class is more than twice as far as that of all, the whole
  // collection is searched, and the answer says so.
  std::string classify = {};
  std::string class_name = {};                      // in place of what the classifier says
  std::optional<double> min_class_confidence = {};  // 0 to 1; in place of the classifier's
  SearchDepth depth = {};                           // 0s: the collection's, see CollectionChange
};

inline constexpr std::uint32_t kMaxVerify = 1000;
inline constexpr std::uint32_t kMaxCollapse = 1000;
inline constexpr double kRecommendedConfidence = -1;

// A place in a picture, as fractions of its width and height from the top left corner.
struct PicturePoint {
  double x = 0, y = 0;
};

// Whether, and where, a hit shows what the query's picture shows: local features matched and held against a homography.
// It finds the same thing again, cropped, scaled, turned, mirrored or pasted into another picture; not the same kind of
// thing.
struct Verification {
  bool verified = false;  // what follows but `matches` and `note` is empty or 0 where not
  std::uint32_t matches = 0;
  std::uint32_t inliers = 0;  // matches that agree with the homography
  double score = 0;           // -log10 of how many alignments as good would be expected by chance
  bool mirrored = false;      // the hit shows the query's mirror image
  // Whether all of the query is seen in the hit, or only a part of it, as of a scene that the hit was pasted into.
  bool whole_query = false;
  std::vector<PicturePoint> quad = {};        // the four corners, in the hit, of what both show
  std::vector<PicturePoint> query_quad = {};  // the same corners in the query, after its crop
  double hit_overlap_pct = 0;                 // how much of the hit's area they enclose
  double query_overlap_pct = 0;               // how much of the query's
  std::string note = {};                      // why this hit could not be verified; empty: it was
};

struct SearchHit : Hit {
  // 0 to 1: the chance that it is a real match, in a collection that was calibrated and for a query of one picture, id
  // or vector.
  std::optional<double> confidence = {};
  std::optional<Verification> verification = {};  // of those that were asked for
  std::optional<Crop> region = {};        // the part of its picture that was nearest, as fractions; nullopt: all of it
  std::optional<Crop> query_region = {};  // the part of the query's that it was nearest to
  std::vector<CopyOf> copies = {};        // those that were collapsed into it, best first
};

struct Timing {
  std::string stage;  // "read", "decode", "augment", "preprocess", "inference", "classify", "search", "verify", "total"
  double ms = 0;      // of a search for several queries at once: this query's share
  std::uint64_t items = 0;  // that went through it
};

// What a query was taken for.
struct Classification {
  std::string classifier;
  std::string class_name;
  double confidence = 0;
  bool given = false;  // by the query
  // "": only items of the class were searched. Else why all were: "unsure", "empty", "nearer".
  std::string fallback = {};
  std::vector<std::pair<std::string, double>> classes = {};  // the most probable, up to 5
};

// What made an answer.
struct Explanation {
  struct Term {
    std::string kind;  // "picture", "bytes", "id", "text", "vector"
    std::string value;
    double weight = 1;
    std::uint32_t vectors = 1;  // it and its variants
  };
  std::vector<Term> terms;
  std::string filter = {};             // as it was searched with
  std::uint32_t candidates = 0;        // that the search gave
  std::uint32_t own = 0;               // left out as they are the query's own
  std::uint32_t copies = 0;            // collapsed into others
  std::uint32_t below_similarity = 0;  // left out of the candidates
  std::uint32_t below_confidence = 0;  // left out of the candidates
  std::optional<Classification> classification = {};
  std::uint32_t verified = 0;           // of those that were to be verified, how many show the same
  std::vector<std::string> notes = {};  // what a person should know of it
};

struct SearchResult {
  std::string collection;
  std::string model = {};       // whose vectors were searched, all of them; empty: bare vectors
  std::vector<SearchHit> hits;  // best first
  std::vector<Timing> timings;
  // Something was found, and all of it left out by min_similarity_pct or min_confidence.
  bool nothing_similar = false;
  Explanation explanation = {};
};

}  // namespace eidetic
