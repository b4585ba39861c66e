// Maps from one picture's plane to another's: similarities, affine maps and homographies, and polygons under them.
// Computed in double. Thread rule: pure functions and values; any thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

namespace eidetic {

struct PlanePosition {
  double x = 0;
  double y = 0;

  friend bool operator==(const PlanePosition&, const PlanePosition&) = default;
};

using Quad = std::array<PlanePosition, 4>;

struct PositionPair {
  PlanePosition from;
  PlanePosition to;
};

// A homography, row by row: (x, y) goes to (h0 x + h1 y + h2, h3 x + h4 y + h5) / (h6 x + h7 y + h8).
struct PlaneMap {
  std::array<double, 9> h = {1, 0, 0, 0, 1, 0, 0, 0, 1};

  // nullopt on and beyond the map's horizon.
  [[nodiscard]] std::optional<PlanePosition> operator()(PlanePosition at) const noexcept;
  // How many times larger areas become at a place; negative where they are mirrored, 0 beyond the horizon.
  [[nodiscard]] double area_factor(PlanePosition at) const noexcept;
  [[nodiscard]] std::optional<PlaneMap> inverse() const noexcept;
};

// What takes a position, a length of 1 and an angle to others: by one pair of keypoints.
[[nodiscard]] PlaneMap similarity_of(const PositionPair& pair, double scale, double angle) noexcept;

// Least squares; nullopt where the pairs do not determine the map. Similarities need two pairs, affine maps three,
// homographies four (normalised direct linear transformation: Hartley 1997).
[[nodiscard]] std::optional<PlaneMap> fit_similarity(std::span<const PositionPair> pairs);
[[nodiscard]] std::optional<PlaneMap> fit_affine(std::span<const PositionPair> pairs);
[[nodiscard]] std::optional<PlaneMap> fit_homography(std::span<const PositionPair> pairs);

// The four corners of [0, width] x [0, height], from the first pixel on clockwise as pictures are seen.
[[nodiscard]] Quad corners_of(double width, double height) noexcept;
[[nodiscard]] std::optional<Quad> mapped(const PlaneMap& map, const Quad& quad) noexcept;
// Strictly, and clockwise as pictures are seen.
[[nodiscard]] bool is_convex(const Quad& quad) noexcept;

// Positive for polygons that run clockwise as pictures are seen.
[[nodiscard]] double signed_area(std::span<const PlanePosition> polygon) noexcept;
// The part of a polygon inside a convex quad (Sutherland and Hodgman 1974); empty where there is none.
[[nodiscard]] std::vector<PlanePosition> clipped(std::span<const PlanePosition> polygon, const Quad& to);

}  // namespace eidetic
