// Models loaded once and kept, by the name or path of their bundle and what they are for.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "eidetic/embedder.h"
#include "eidetic/error.h"

namespace eidetic {

// Asked for a model when it is needed.
using EmbedderSource = std::function<Result<std::shared_ptr<const Embedder>>()>;

// That the vectors of a space are made in.
[[nodiscard]] inline EmbedderOptions::Arithmetic arithmetic_of(const Space& space) {
  return space.precision == Precision::bf16 ? EmbedderOptions::Arithmetic::bf16 : EmbedderOptions::Arithmetic::f32;
}

// Thread-safe; a model that is being loaded holds up calls for that one only.
class Embedders {
 public:
  // `cache_dir`: see EmbedderOptions.
  Embedders(std::vector<std::filesystem::path> directories, unsigned threads, std::filesystem::path cache_dir)
      : directories_(std::move(directories)), threads_(threads), cache_dir_(std::move(cache_dir)) {}

  enum class Use { collections, queries };  // as many pictures a second as possible; or one as soon as possible

  // A model used for both is held twice. Errors: not_found naming the folders that were searched; those of
  // load_embedder.
  [[nodiscard]] Result<std::shared_ptr<const Embedder>> get(const std::string& model, Metric metric,
                                                            EmbedderOptions::Arithmetic arithmetic, Use use);
  // What a collection remembers its model by: the name of a bundle in one of the folders, else an absolute path.
  [[nodiscard]] Result<std::string> lasting_name(const std::string& model) const;

 private:
  const std::vector<std::filesystem::path> directories_;
  const unsigned threads_;
  const std::filesystem::path cache_dir_;
  std::mutex mutex_;
  struct Slot {
    std::mutex loading;
    std::shared_ptr<const Embedder> embedder;
  };
  std::map<std::tuple<std::string, Metric, EmbedderOptions::Arithmetic, Use>, std::shared_ptr<Slot>> slots_;
};

}  // namespace eidetic
