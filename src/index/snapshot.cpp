#include "index/snapshot.h"

#include <fmt/format.h>

namespace eidetic {

Result<void> write_snapshot(const std::filesystem::path& file, FileKind kind, const VectorStore& store, Row end,
                            const std::function<void(CheckedWriter&)>& content) {
  return write_checked_file(file, kind, [&](CheckedWriter& out) {
    out.value(store.dimensions());
    out.value(static_cast<std::uint32_t>(store.metric()));
    out.value(std::uint64_t{end});
    out.value(store.fingerprint(end));
    content(out);
  });
}

Result<Row> read_snapshot_header(CheckedReader& in, const VectorStore& store) {
  const auto dimensions = in.value<std::uint32_t>();
  const auto metric = in.value<std::uint32_t>();
  const auto end = in.value<std::uint64_t>();
  const auto fingerprint = in.value<std::uint64_t>();
  if (dimensions != store.dimensions() || metric != static_cast<std::uint32_t>(store.metric())) {
    return fail(ErrorCode::corrupt, "is of vectors of other dimensions or another metric");
  }
  if (end > store.rows() || fingerprint != store.fingerprint(static_cast<Row>(end))) {
    return fail(ErrorCode::corrupt, "is of other vectors than the store's");
  }
  return static_cast<Row>(end);
}

Result<void> check_params(const SearchParams& params) {
  if (params.k < 1 || params.k > kMaxK) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} results asked for: 1 to {} are possible", params.k, kMaxK));
  }
  if (params.ef > kMaxEf) {
    return fail(ErrorCode::invalid_argument, fmt::format("ef is {}: up to {} is possible", params.ef, kMaxEf));
  }
  return {};
}

}  // namespace eidetic
