#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "index/checked_file.h"
#include "learn/calibration.h"

namespace eidetic {
namespace {

constexpr FileKind kFile = {.magic = "EIDECALI", .version = 1};
constexpr std::size_t kMaxRates = 1000;

bool of_newer_version(std::span<const std::byte> bytes) {
  CheckedReader in(bytes);
  const auto magic = in.bytes(kFile.magic.size());
  const auto version = in.value<std::uint32_t>();
  return !in.failed() && std::memcmp(magic.data(), kFile.magic.data(), magic.size()) == 0 && version > kFile.version;
}

bool is_share(double value) { return value >= 0 && value <= 1; }

bool is_good(const CalibrationCurve& curve) {
  return curve.similarity >= 0 && curve.similarity + curve.best >= 0 &&
         std::ranges::all_of(std::array{curve.similarity, curve.best, curve.offset},
                             [](double value) { return std::abs(value) <= kMaxCalibrationNumber; });
}

void write_rate(CheckedWriter& out, const CalibrationRate& rate) {
  for (const double value : {rate.minimum, rate.lost, rate.refused}) out.value(value);
}

std::optional<CalibrationRate> read_rate(CheckedReader& in) {
  CalibrationRate rate;
  rate.minimum = in.value<double>();
  rate.lost = in.value<double>();
  rate.refused = in.value<double>();
  if (in.failed() || !is_share(rate.minimum) || !is_share(rate.lost) || !is_share(rate.refused)) return std::nullopt;
  return rate;
}

bool read_bins(CheckedReader& in, CalibrationReport& report) {
  const auto error = in.value<double>();
  if (!is_share(error)) return false;
  report.calibration_error = error;
  for (std::size_t i = 0; i < kCalibrationBins; ++i) {
    ReliabilityBin bin;
    bin.predicted = in.value<double>();
    bin.observed = in.value<double>();
    bin.count = in.value<std::uint64_t>();
    if (!is_share(bin.predicted) || !is_share(bin.observed)) return false;
    report.bins.push_back(bin);
  }
  return true;
}

// False: it cannot be what serialize wrote.
bool read_report(CheckedReader& in, CalibrationReport& report) {
  const auto labelled = in.value<std::uint32_t>();
  if (labelled > 1) return false;
  report.labelled = labelled == 1;
  report.items = in.value<std::uint64_t>();
  report.cases = in.value<std::uint64_t>();
  report.labels = in.value<std::uint64_t>();
  const auto recommended = read_rate(in);
  const auto rates = in.value<std::uint32_t>();
  if (!recommended || rates > kMaxRates) return false;
  report.recommended = *recommended;
  for (std::uint32_t i = 0; i < rates; ++i) {
    const auto rate = read_rate(in);
    if (!rate) return false;
    report.rates.push_back(*rate);
  }
  return !report.labelled || read_bins(in, report);
}

}  // namespace

std::vector<std::byte> Calibration::serialize() const {
  std::vector<std::byte> bytes;
  const Sink sink = [&](std::span<const std::byte> part) -> Result<void> {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  };
  CheckedWriter out(sink);
  out.bytes(as_bytes(kFile.magic));
  out.value(kFile.version);
  out.value(static_cast<std::uint32_t>(metric_));
  for (const double value : {curve_.similarity, curve_.best, curve_.offset}) out.value(value);
  out.value(std::uint32_t{report_.labelled});
  for (const std::uint64_t value : {report_.items, report_.cases, report_.labels}) out.value(value);
  write_rate(out, report_.recommended);
  out.value(static_cast<std::uint32_t>(report_.rates.size()));
  for (const CalibrationRate& rate : report_.rates) write_rate(out, rate);
  if (report_.labelled) {
    out.value(report_.calibration_error.value_or(0));
    for (const ReliabilityBin& bin : report_.bins) {
      out.value(bin.predicted);
      out.value(bin.observed);
      out.value(bin.count);
    }
  }
  out.value(out.sum());
  return bytes;
}

Result<Calibration> Calibration::deserialize(std::span<const std::byte> bytes, std::string_view what) {
  if (of_newer_version(bytes)) {
    return fail(ErrorCode::unsupported, fmt::format("'{}' is a calibration of a newer Eidetic", what));
  }
  EIDETIC_TRY(CheckedReader in, read_checked(bytes, kFile, what));
  Calibration calibration;
  const auto metric = in.value<std::uint32_t>();
  for (double* const value : {&calibration.curve_.similarity, &calibration.curve_.best, &calibration.curve_.offset}) {
    *value = in.value<double>();
  }
  const bool good = metric <= static_cast<std::uint32_t>(Metric::euclidean) && is_good(calibration.curve_) &&
                    read_report(in, calibration.report_) && in.complete();
  if (!good) return fail(ErrorCode::corrupt, fmt::format("'{}' is no calibration that was written here", what));
  calibration.metric_ = static_cast<Metric>(metric);
  return calibration;
}

}  // namespace eidetic
