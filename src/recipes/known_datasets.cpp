// The data sets that are known by name, and where they are to be had.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "eidetic/datasets.h"
#include "eidetic/engine.h"

#include "base/text.h"

namespace eidetic {
namespace {

const std::array<Dataset, 4>& known() {
  static const std::array<Dataset, 4> list = {{
      {.name = "caltech-101",
       .title = "Caltech-101: objects of 101 kinds, and clutter",
       .homepage = "https://data.caltech.edu/records/mzrjq-6wc02",
       .licence = "CC BY 4.0",
       .url = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
       .download_bytes = 137'414'764,
       .inner_archives = {"caltech-101/101_ObjectCategories.tar.gz"},
       .pictures = "caltech-101/101_ObjectCategories",
       .label = std::string(kFolderLabel)},
      {.name = "fashion-product-images-small",
       .title = "Fashion Product Images (Small): clothes, shoes and accessories of a shop",
       .homepage = "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small",
       .pictures = "images",
       .facts = Dataset::Facts::styles,
       .label = "articleType"},
      {.name = "oxford-iiit-pet",
       .title = "Oxford-IIIT Pet: cats and dogs of 37 breeds",
       .homepage = "https://www.robots.ox.ac.uk/~vgg/data/pets/",
       .licence = "CC BY-SA 4.0",
       .url = "https://thor.robots.ox.ac.uk/~vgg/data/pets/images.tar.gz",
       .download_bytes = 791'918'971,
       .pictures = "images",
       .facts = Dataset::Facts::names,
       .label = "label"},
      {.name = "voc2012",
       .title = "PASCAL VOC 2012: scenes with objects of 20 kinds",
       .homepage = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
       .licence = "photographs of flickr, under its terms of use",
       .url = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
       .download_bytes = 1'999'639'040,
       .pictures = "VOCdevkit/VOC2012/JPEGImages",
       .facts = Dataset::Facts::voc,
       .label = "object"},
  }};
  return list;
}

}  // namespace

std::span<const Dataset> datasets() { return known(); }

Result<Dataset> find_dataset(std::string_view name) {
  std::vector<std::string> names;
  for (const Dataset& dataset : known()) {
    if (to_lower(dataset.name) == to_lower(name)) return dataset;
    names.push_back(dataset.name);
  }
  const std::string near = did_you_mean(name, names);
  return fail(ErrorCode::not_found, fmt::format("no data set is known as '{}'{} Known are: {}", name,
                                                near.empty() ? "." : near, fmt::join(names, ", ")));
}

}  // namespace eidetic
