// One compiled network: a fixed input of batch 1, one output, and as many inferences at the same time as it has
// streams. Wraps OpenVINO, whose exceptions stay in network.cpp and graph.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eidetic/error.h"
#include "eidetic/space.h"

namespace eidetic {

struct NetworkOptions {
  std::optional<std::string> input =
      {};  // none: the only one, of `tokens` the only one that has none of the names below
  std::optional<std::string> layer = {};  // tensor or node; none: the last output
  std::vector<std::size_t> input_shape;   // what will be put in: [1, 3, H, W], [1, H, W, 3] or [1, tokens]
  // The input takes token ids, set as int64 whatever the model's own type. Inputs of the same shape named
  // attention_mask and token_type_ids, as text models have them, are fed beside it: Lease::mask(), zeros.
  bool tokens = false;
  Precision precision = Precision::f32;
  unsigned streams = 1;       // inferences at the same time
  unsigned threads_each = 1;  // that work on one of them
  // Where compiled networks are kept, as a folder; empty: nowhere. `identity` tells models apart in there.
  std::filesystem::path cache_dir = {};
  std::string identity = {};
};

// Thread-safe.
class Network {
 public:
  // One inference at a time, lent to one caller. Ends before the Network does.
  class Lease;

  // Errors: not_found (no such file or layer, with near names), corrupt (no model), unsupported (operations that are
  // not known, an input or output that cannot be of batch 1), invalid_argument (the model's input is of another shape).
  [[nodiscard]] static Result<Network> load(const std::filesystem::path& model, const NetworkOptions& options);
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  [[nodiscard]] const std::vector<std::size_t>& output_shape() const noexcept;
  [[nodiscard]] unsigned streams() const noexcept;
  // Waits until one is idle.
  [[nodiscard]] Lease borrow() const;

 private:
  struct State;
  explicit Network(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Network::Lease {
 public:
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  [[nodiscard]] std::size_t index() const noexcept { return index_; }  // below streams(); no other lease has it now
  // What infer() will read: all of input_shape. Call the one that fits NetworkOptions::tokens.
  [[nodiscard]] std::span<float> input();
  [[nodiscard]] std::span<std::int64_t> tokens();
  [[nodiscard]] std::span<std::int64_t> mask();  // as long as tokens(), or empty: the model takes none
  // Valid until the next infer(). Errors: internal; a result that is not finite.
  [[nodiscard]] Result<std::span<const float>> infer();

 private:
  friend class Network;
  Lease(State& state, std::size_t index) noexcept : state_(&state), index_(index) {}
  State* state_;
  std::size_t index_;
};

// Whether this processor computes in bf16 by itself.
[[nodiscard]] bool has_native_bf16() noexcept;
// Whether it adds up products of 8-bit numbers without losing the large ones (VNNI). Without it quantised models run
// in f32, on the numbers they were quantised to.
[[nodiscard]] bool has_native_int8() noexcept;

}  // namespace eidetic
