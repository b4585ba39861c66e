// For tests of the embedded backend: one in a folder of its own, to be closed and opened again, and what is put into
// it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "eidetic/backend.h"

#include "backend/embedded.h"
#include "base/test_files.h"
#include "base/threads.h"

namespace eidetic {

struct EmbeddedHarness {
  [[nodiscard]] EmbeddedOptions options() {
    EmbeddedOptions made;
    made.data_dir = folder.path();
    made.pool = &pool;
    return made;
  }
  // Closes what is open before.
  void open() {
    backend.reset();
    backend = open_embedded_backend(options()).value();
  }

  TemporaryDirectory folder;
  ThreadPool pool{2};
  std::unique_ptr<Backend> backend;
};

inline CollectionSpec make_spec(std::string name, std::uint32_t dimensions, std::string index) {
  CollectionSpec made;
  made.name = std::move(name);
  made.space.dimensions = dimensions;
  made.index = std::move(index);
  return made;
}

inline Item make_item(std::string id, Vector vector) {
  Item made;
  made.id = std::move(id);
  made.vector = std::move(vector);
  return made;
}

// Independent normal components.
template <typename Random>
Vector random_vector(Random& random, std::uint32_t dimensions) {
  std::normal_distribution<float> normal;
  Vector made(dimensions);
  for (float& value : made) value = normal(random);
  return made;
}

// "IVF4,Flat" as the name of a test.
inline std::string index_test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& letter : name) letter = letter == ',' ? '_' : letter;
  return name;
}

}  // namespace eidetic
