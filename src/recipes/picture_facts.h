// What public data sets say of their pictures, each in its own way, as the JSON lines that `index` reads.
#pragma once

#include <cstdint>
#include <filesystem>

#include "eidetic/datasets.h"
#include "eidetic/error.h"

namespace eidetic {

// Writes `file`, a row for each picture that something is said of. `folder` is the unpacked data set, `pictures` the
// folder of its pictures in there. How many rows; 0, and no file, of Facts::none. Errors: corrupt (the files that say
// it are not there, or are not what they should be), those of writing.
//   names   pictures/Abyssinian_12.jpg: label "Abyssinian", species "cat" (of a capital letter) or "dog"
//   voc     ImageSets/Main/<object>_trainval.txt beside the pictures' folder, a line a picture, "2008_000002 1" where
//   it
//           shows one: objects ["dog", "person"]; object "dog" where there is but one
//   styles  styles.csv beside the pictures' folder: its columns, for the picture <id>.jpg
[[nodiscard]] Result<std::uint64_t> write_picture_facts(Dataset::Facts facts, const std::filesystem::path& folder,
                                                        const std::filesystem::path& pictures,
                                                        const std::filesystem::path& file);

}  // namespace eidetic
