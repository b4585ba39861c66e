// The inside of an index as SVG pictures: its parts, the walk of a search, the map of a collection. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "eidetic/inspection.h"

namespace eidetic {

// Cells as circles as large as they are full, and their sizes in order; the layers of a graph above each other, with
// the nodes and links that are known.
[[nodiscard]] std::string svg_of(const IndexView& view, std::string_view collection);
// The steps from node to node through the layers, or the cells in the order of their visit; and what the codes said of
// each candidate beside what full precision says.
[[nodiscard]] std::string svg_of(const SearchWalk& walk, std::string_view collection);
// A point an item, coloured by label, else by cell, else by layer.
[[nodiscard]] std::string svg_of(const CollectionMap& map, std::string_view collection);

}  // namespace eidetic
