#include "training/checkpoint.h"

#include <algorithm>
#include <string>

#include "base/file.h"
#include "index/checked_file.h"

namespace eidetic {
namespace {

constexpr FileKind kCheckpoint = {.magic = "EIDTHEAD", .version = 1};
constexpr std::uint64_t kMostBytes = std::uint64_t{8} << 30;

void write_floats(CheckedWriter& out, const std::vector<float>& values) {
  out.value<std::uint64_t>(values.size());
  out.bytes(std::as_bytes(std::span(values)));
}

void write_text(CheckedWriter& out, std::string_view text) {
  out.value<std::uint64_t>(text.size());
  out.bytes(as_bytes(text));
}

std::vector<float> read_floats(CheckedReader& in) {
  const auto count = in.value<std::uint64_t>();
  const auto bytes = in.bytes(count > kMostBytes ? kMostBytes : count * sizeof(float));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string read_text(CheckedReader& in) {
  const auto bytes = in.bytes(in.value<std::uint64_t>());
  std::string text(bytes.size(), '\0');
  std::ranges::transform(bytes, text.begin(), [](std::byte byte) { return static_cast<char>(byte); });
  return text;
}

void write_state(CheckedWriter& out, const Adam::State& state) {
  out.value(state.steps);
  write_floats(out, state.first);
  write_floats(out, state.second);
}

Adam::State read_state(CheckedReader& in) {
  Adam::State state;
  state.steps = in.value<std::uint64_t>();
  state.first = read_floats(in);
  state.second = read_floats(in);
  return state;
}

}  // namespace

Result<void> write_checkpoint(const std::filesystem::path& file, std::string_view key,
                              const HeadCheckpoint& checkpoint) {
  return write_checked_file(file, kCheckpoint, [&](CheckedWriter& out) {
    write_text(out, key);
    out.value<std::uint64_t>(checkpoint.epochs.size());
    for (const Epoch& epoch : checkpoint.epochs) {
      out.value<std::uint64_t>(epoch.number);
      for (const double value : {epoch.loss, epoch.learning_rate, epoch.mined, epoch.seconds}) out.value(value);
      for (const auto& [name, measure] : kRetrievalMeasures) out.value(epoch.held_out.*measure);
    }
    write_floats(out, checkpoint.parameters);
    write_floats(out, checkpoint.loss_parameters);
    write_state(out, checkpoint.optimizer);
    write_state(out, checkpoint.loss_optimizer);
    write_text(out, checkpoint.random);
    write_floats(out, checkpoint.best);
    out.value<std::uint64_t>(checkpoint.best_epoch);
    out.value(checkpoint.best_map_at_r);
  });
}

std::optional<HeadCheckpoint> read_checkpoint(const std::filesystem::path& file, std::string_view key) {
  const auto bytes = read_file(file, kMostBytes);
  if (!bytes) return std::nullopt;
  auto in = read_checked(*bytes, kCheckpoint, file);
  if (!in || read_text(*in) != key) return std::nullopt;
  HeadCheckpoint checkpoint;
  const auto epochs = in->value<std::uint64_t>();
  for (std::uint64_t i = 0; i < epochs && !in->failed(); ++i) {
    Epoch& epoch = checkpoint.epochs.emplace_back();
    epoch.number = static_cast<unsigned>(in->value<std::uint64_t>());
    for (double* value : {&epoch.loss, &epoch.learning_rate, &epoch.mined, &epoch.seconds})
      *value = in->value<double>();
    for (const auto& [name, measure] : kRetrievalMeasures) epoch.held_out.*measure = in->value<double>();
  }
  checkpoint.parameters = read_floats(*in);
  checkpoint.loss_parameters = read_floats(*in);
  checkpoint.optimizer = read_state(*in);
  checkpoint.loss_optimizer = read_state(*in);
  checkpoint.random = read_text(*in);
  checkpoint.best = read_floats(*in);
  checkpoint.best_epoch = static_cast<unsigned>(in->value<std::uint64_t>());
  checkpoint.best_map_at_r = in->value<double>();
  if (!in->complete()) return std::nullopt;
  return checkpoint;
}

}  // namespace eidetic
