#include "index/row_states.h"

#include <fmt/format.h>

namespace eidetic {

Result<void> RowStates::check_new(std::span<const Row> rows, const VectorStore& store) const {
  Row least = end();
  for (const Row row : rows) {
    if (row < least) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("row {} is added after row {}: rows are added once, in rising order", row, least - 1));
    }
    if (row >= store.rows()) {
      return fail(ErrorCode::invalid_argument, fmt::format("row {} is not in the store of {} rows", row, store.rows()));
    }
    least = row + 1;
  }
  return {};
}

void RowStates::publish(Row row) {
  states_[row].store(kLive, std::memory_order_release);
  live_.fetch_add(1, std::memory_order_relaxed);
  end_.store(row + 1, std::memory_order_release);
}

void RowStates::remove(std::span<const Row> rows) {
  for (const Row row : rows) {
    if (row >= end() || !live(row)) continue;
    states_[row].store(kRemoved, std::memory_order_release);
    live_.fetch_sub(1, std::memory_order_relaxed);
    removed_.fetch_add(1, std::memory_order_relaxed);
  }
}

void RowStates::save(CheckedWriter& out, Row end) const {
  for (Row row = 0; row < end; ++row) out.value(states_[row].load(std::memory_order_acquire));
}

Result<bool> RowStates::load(CheckedReader& in, Row end) {
  const auto bytes = in.bytes(end);
  if (bytes.size() != end) return false;
  std::uint64_t live = 0;
  std::uint64_t removed = 0;
  for (Row row = 0; row < end; ++row) {
    const auto state = static_cast<std::uint8_t>(bytes[row]);
    if (state > kRemoved) return false;
    EIDETIC_CHECK(reserve(row));
    states_[row].store(state, std::memory_order_relaxed);
    live += state == kLive ? 1 : 0;
    removed += state == kRemoved ? 1 : 0;
  }
  live_.store(live, std::memory_order_relaxed);
  removed_.store(removed, std::memory_order_relaxed);
  end_.store(end, std::memory_order_release);
  return true;
}

}  // namespace eidetic
