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

void write_plan(CheckedWriter& out, const IndexPlan& plan, const TrainingReport& training) {
  const std::string kind = plan.to_string();
  out.value(static_cast<std::uint32_t>(kind.size()));
  out.bytes(std::as_bytes(std::span(kind)));
  out.value(training);
}

std::optional<IndexPlan> read_plan(CheckedReader& in, const VectorStore& store, IndexPlan::Structure structure,
                                   TrainingReport& training) {
  constexpr std::uint32_t kLongestKind = 64;
  const auto length = in.value<std::uint32_t>();
  if (length > kLongestKind) return std::nullopt;
  const auto name = in.bytes(length);
  const std::string kind(reinterpret_cast<const char*>(name.data()), name.size());
  const auto plan = plan_index(kind, store.dimensions());
  training = in.value<TrainingReport>();
  if (!plan || plan->structure != structure || plan->to_string() != kind) return std::nullopt;
  if (plan->needs_training() && training.rows == 0) return std::nullopt;
  // Nothing is made larger than the file is.
  const std::uint64_t inner = plan->inner_dimensions(store.dimensions());
  std::uint64_t numbers = plan->projection != IndexPlan::Projection::none ? inner * store.dimensions() : 0;
  if (plan->cells > 1) numbers += plan->cells * inner;
  if (plan->code == IndexPlan::Code::product) numbers += inner << plan->bits;
  if (numbers > in.left() / sizeof(float)) return std::nullopt;
  return *plan;
}

Result<void> check_params(const SearchParams& params) {
  if (params.k < 1 || params.k > kMaxK) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} results asked for: 1 to {} are possible", params.k, kMaxK));
  }
  if (params.ef > kMaxEf) {
    return fail(ErrorCode::invalid_argument, fmt::format("ef is {}: up to {} is possible", params.ef, kMaxEf));
  }
  if (params.rescore > kMaxEf) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("rescore is {}: up to {} is possible", params.rescore, kMaxEf));
  }
  if (params.nprobe > kMaxNprobe) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("nprobe is {}: up to {} is possible", params.nprobe, kMaxNprobe));
  }
  return {};
}

}  // namespace eidetic
