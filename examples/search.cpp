// search FOLDER PICTURE: indexes a folder of pictures, then prints those that look most like PICTURE.
#include <eidetic/engine.h>

#include <cstdlib>
#include <iostream>

template <typename T>
T need(eidetic::Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << result.error().message << '\n';
  std::exit(1);
}

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: search FOLDER PICTURE\n", 2;
  const auto engine = need(eidetic::Engine::open({.data_dir = "example-data"}));
  const auto model = need(engine->embedder("default", eidetic::Metric::cosine));
  const auto vectors = need(engine->embed({{argv[2]}}, "default"));
  const auto vector = need(vectors.front());
  std::cout << model->space().describe() << ": " << vector.size() << " numbers from " << argv[2] << '\n';

  if (!engine->describe("pictures")) need(engine->create("pictures", {}));
  const auto report = need(engine->index("pictures", {.paths = {argv[1]}}));
  std::cout << report.indexed << " pictures indexed, " << report.skipped << " unchanged\n";

  const auto found = need(engine->search("pictures", {.terms = {{.value = argv[2]}}, .k = 5}));
  for (const auto& hit : found.hits) std::cout << hit.similarity << "  " << hit.id << '\n';
}
