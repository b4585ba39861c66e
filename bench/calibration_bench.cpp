// What confidences are worth on labelled vectors: how often "nothing similar" is answered, and how true they are.
//   calibration_bench VECTORS.npy NAMES [--seeds N] [--svg FILE] [--json]        20 seeds where no other number is
//   given
// NAMES has a line a vector, whose label is what stands before the first slash: the .npy.files that `eidetic embed`
// writes beside the vectors of a folder of labelled folders. The metric is cosine. For each seed, half of the classes
// are drawn; the calibration sees these and no other. It is tried in three ways, with labels and without:
//   unseen   searches of the other classes among themselves, each item once as it is and once with its class taken away
//   in use   a collection of three quarters of the drawn classes' items is what was learnt from; searched with are the
//            last quarter, and items of the other classes, which are absent
//   sampled  as unseen, but learnt from every second item only
// Prints means over the seeds, with the worst seed (a way that is left with too few items is left out), and the
// reliability of first hits; half of the searches count as absent ones. --svg draws the reliability of `unseen`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/npy.h"
#include "index/vector_math.h"
#include "learn/calibration.h"

namespace {

using namespace eidetic;

struct Items {
  Matrix vectors;
  std::vector<std::uint32_t> labels;

  [[nodiscard]] Items chosen(const auto& wanted) const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < labels.size(); ++row) {
      if (wanted(row)) rows.push_back(row);
    }
    Items items{.vectors = Matrix(rows.size(), vectors.columns()), .labels = {}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::ranges::copy(vectors[rows[i]], items.vectors[i].begin());
      items.labels.push_back(labels[rows[i]]);
    }
    return items;
  }
};

Result<Items> read_items(const char* vectors, const char* names) {
  EIDETIC_TRY(const NpyArray array, read_npy(vectors));
  EIDETIC_TRY(const std::string text, read_text(names));
  if (array.shape.size() != 2) return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no matrix", vectors));
  Items items{.vectors = Matrix(array.shape[0], array.shape[1]), .labels = {}};
  std::ranges::copy(array.values, items.vectors.values().begin());
  std::map<std::string, std::uint32_t> known;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const auto label = known.try_emplace(line.substr(0, line.find('/')), known.size()).first->second;
    items.labels.push_back(label);
    at = end + 1;
  }
  if (items.labels.size() != items.vectors.rows()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has {} names for {} vectors", names, items.labels.size(), items.vectors.rows()));
  }
  for (std::size_t row = 0; row < items.labels.size(); ++row) {
    const auto vector = items.vectors[row];
    to_unit(vector, std::sqrt(dot_product(vector, vector)));
  }
  return items;
}

// One search's hits.
struct Search {
  std::vector<double> similarities;
  std::vector<bool> matches;
};
struct Searches {
  std::vector<Search> present;
  std::vector<Search> absent;
};

Searches among_themselves(const Items& items) {
  Searches searches;
  const auto cases = calibration_cases(items.vectors, items.labels, {.queries = items.labels.size()}).value();
  for (const CalibrationCase& each : cases) {
    searches.present.push_back({.similarities = each.similarities, .matches = each.matches});
    searches.absent.push_back({.similarities = each.strangers, .matches = std::vector<bool>(each.strangers.size())});
  }
  return searches;
}

std::vector<Search> searched(const Items& queries, const Items& collection) {
  std::vector<Search> searches;
  for (std::size_t query = 0; query < queries.labels.size(); ++query) {
    std::vector<std::pair<double, std::size_t>> hits;
    for (std::size_t row = 0; row < collection.labels.size(); ++row) {
      hits.emplace_back(dot_product(queries.vectors[query], collection.vectors[row]), row);
    }
    std::ranges::partial_sort(hits, hits.begin() + kCalibrationRanks, std::greater{});
    Search search;
    for (std::size_t i = 0; i < kCalibrationRanks; ++i) {
      search.similarities.push_back(hits[i].first);
      search.matches.push_back(collection.labels[hits[i].second] == queries.labels[query]);
    }
    searches.push_back(std::move(search));
  }
  return searches;
}

struct Tenth {
  double weight = 0, predicted = 0, observed = 0;
  std::uint64_t count = 0;
};
using Tenths = std::array<Tenth, kCalibrationBins>;

void add(Tenths& tenths, double confidence, bool match, double weight) {
  const auto place = static_cast<std::size_t>(confidence * kCalibrationBins);
  Tenth& tenth = tenths[std::min(place, kCalibrationBins - 1)];
  tenth.weight += weight;
  tenth.predicted += weight * confidence;
  tenth.observed += match ? weight : 0;
  ++tenth.count;
}
double error_of(const Tenths& tenths) {
  double error = 0, weight = 0;
  for (const Tenth& tenth : tenths) {
    error += std::abs(tenth.predicted - tenth.observed);
    weight += tenth.weight;
  }
  return error / weight;
}

// Of one way of trying; sums over the seeds that left enough to learn from.
struct Outcome {
  double seeds = 0;
  double refused = 0, least_refused = 1, lost = 0, most_lost = 0, first_error = 0, error = 0;
  double said_refused = 0, said_lost = 0, said_error = 0;
  Tenths firsts;

  void add_seed(const Calibration& calibration, const Searches& searches) {
    double refused_now = 0, lost_now = 0, right = 0;
    Tenths own_firsts, all;
    const auto take = [&](const std::vector<Search>& some) {
      for (const Search& search : some) {
        const double weight = 1 / static_cast<double>(some.size());
        const auto confidences = calibration.confidences({}, search.similarities);
        for (std::size_t i = 0; i < confidences.size(); ++i) {
          add(all, confidences[i], search.matches[i], weight / kCalibrationRanks);
        }
        const double first = confidences.front();
        const bool match = search.matches.front();
        add(own_firsts, first, match, weight);
        add(firsts, first, match, weight);
        const bool shown = first >= calibration.recommended();
        if (&some == &searches.absent && !shown) refused_now += weight;
        if (match) ++right;
        if (match && !shown) ++lost_now;
      }
    };
    ++seeds;
    take(searches.present);
    take(searches.absent);
    lost_now /= right;
    refused += refused_now;
    lost += lost_now;
    least_refused = std::min(least_refused, refused_now);
    most_lost = std::max(most_lost, lost_now);
    first_error += error_of(own_firsts);
    error += error_of(all);
    const CalibrationReport& report = calibration.report();
    said_refused += report.recommended.refused;
    said_lost += report.recommended.lost;
    said_error += report.calibration_error.value_or(0);
  }
};

constexpr std::array kWays = {"unseen", "in use", "sampled"};
constexpr std::array kFits = {"labels", "no labels"};
using Outcomes = std::array<std::array<Outcome, kWays.size()>, kFits.size()>;

Result<void> try_seed(const Items& items, std::uint64_t seed, Outcomes& outcomes) {
  std::mt19937_64 random(seed);
  std::vector<std::uint32_t> classes(std::ranges::max(items.labels) + 1);
  std::iota(classes.begin(), classes.end(), std::uint32_t{0});
  std::ranges::shuffle(classes, random);
  std::vector<bool> seen(classes.size());
  for (std::size_t i = 0; i < classes.size() / 2; ++i) seen[classes[i]] = true;
  std::vector<std::uint32_t> places(items.labels.size());
  std::iota(places.begin(), places.end(), std::uint32_t{0});
  std::ranges::shuffle(places, random);  // which items are put aside

  const Items drawn = items.chosen([&](std::size_t row) { return seen[items.labels[row]]; });
  const Items others = items.chosen([&](std::size_t row) { return !seen[items.labels[row]]; });
  const Items kept = items.chosen([&](std::size_t row) { return seen[items.labels[row]] && places[row] % 4 != 0; });
  const Items aside = items.chosen([&](std::size_t row) { return seen[items.labels[row]] && places[row] % 4 == 0; });
  const Items half = items.chosen([&](std::size_t row) { return seen[items.labels[row]] && places[row] % 2 == 0; });
  const Searches unseen = among_themselves(others);
  const Searches in_use{.present = searched(aside, kept), .absent = searched(others, kept)};
  const std::array<const Items*, kWays.size()> learnt_from = {&drawn, &kept, &half};
  const std::array<const Searches*, kWays.size()> tried = {&unseen, &in_use, &unseen};
  for (std::size_t way = 0; way < kWays.size(); ++way) {
    const Items& from = *learnt_from[way];
    for (std::size_t fit = 0; fit < kFits.size(); ++fit) {
      const auto labels = fit == 0 ? std::span<const std::uint32_t>(from.labels) : std::span<const std::uint32_t>();
      if (from.labels.size() < kLeastCalibrationCases) continue;
      EIDETIC_TRY(const Calibration calibration, Calibration::fit(from.vectors, labels, {.seed = seed}));
      outcomes[fit][way].add_seed(calibration, *tried[way]);
    }
  }
  return {};
}

void print_tables(const Outcomes& outcomes) {
  fmt::print(
      "| learnt from | tried | nothing similar, class absent | least | true hits lost | most | error, first hits | "
      "error, ten hits | said: nothing similar | lost | error |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (std::size_t fit = 0; fit < kFits.size(); ++fit) {
    for (std::size_t way = 0; way < kWays.size(); ++way) {
      const Outcome& outcome = outcomes[fit][way];
      const double seeds = outcome.seeds;
      if (seeds == 0) continue;
      fmt::print(
          "| {} | {} | {:.1f} % | {:.1f} % | {:.1f} % | {:.1f} % | {:.3f} | {:.3f} | {:.1f} % | {:.1f} % | {} |\n",
          kFits[fit], kWays[way], 100 * outcome.refused / seeds, 100 * outcome.least_refused,
          100 * outcome.lost / seeds, 100 * outcome.most_lost, outcome.first_error / seeds, outcome.error / seeds,
          100 * outcome.said_refused / seeds, 100 * outcome.said_lost / seeds,
          fit == 0 ? fmt::format("{:.3f}", outcome.said_error / seeds) : "");
    }
  }
  fmt::print(
      "\n| unseen, confidence of first hits | with labels: mean | matches | hits | without: mean | matches | hits |\n"
      "|---|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < kCalibrationBins; ++i) {
    fmt::print("| {:.1f} to {:.1f} |", static_cast<double>(i) / 10, static_cast<double>(i + 1) / 10);
    for (const auto& fit : outcomes) {
      const Tenth& tenth = fit[0].firsts[i];
      if (tenth.count == 0) {
        fmt::print(" | | 0 |");
      } else {
        fmt::print(" {:.3f} | {:.3f} | {} |", tenth.predicted / tenth.weight, tenth.observed / tenth.weight,
                   tenth.count);
      }
    }
    fmt::print("\n");
  }
}

void print_json(const Outcomes& outcomes) {
  for (std::size_t fit = 0; fit < kFits.size(); ++fit) {
    for (std::size_t way = 0; way < kWays.size(); ++way) {
      const Outcome& outcome = outcomes[fit][way];
      const double seeds = outcome.seeds;
      if (seeds == 0) continue;
      fmt::print(
          "{{\"fit\": \"{}\", \"way\": \"{}\", \"refused\": {:.4f}, \"lost\": {:.4f}, \"error\": {:.4f}, "
          "\"error_of_ten\": {:.4f}}}\n",
          kFits[fit], kWays[way], outcome.refused / seeds, outcome.lost / seeds, outcome.first_error / seeds,
          outcome.error / seeds);
    }
  }
}

// The reliability diagram: the diagonal is what would be right, the size of a dot how many hits it stands for.
std::string diagram(const Outcomes& outcomes) {
  constexpr double kSide = 300, kLeft = 60, kTop = 30;
  constexpr std::array kColors = {"#4477AA", "#EE6677"};
  const auto x = [](double share) { return kLeft + kSide * share; };
  const auto y = [](double share) { return kTop + kSide * (1 - share); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"#fff\"/>\n"
      "<text x=\"{2}\" y=\"18\" font-size=\"13\">Confidence and truth, first hits, classes never seen</text>\n",
      480, 380, kLeft);
  for (int i = 0; i <= 10; i += 2) {
    const double share = i / 10.0;
    svg += fmt::format("<path d=\"M{0:.0f} {1:.0f}H{2:.0f}M{3:.0f} {4:.0f}V{5:.0f}\" stroke=\"#ddd\"/>\n", x(0),
                       y(share), x(1), x(share), y(0), y(1));
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{:.1f}</text>\n", x(0) - 6, y(share) + 4,
                       share);
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:.1f}</text>\n", x(share), y(0) + 15,
                       share);
  }
  svg += fmt::format("<path d=\"M{:.0f} {:.0f}L{:.0f} {:.0f}\" stroke=\"#999\" stroke-dasharray=\"4\"/>\n", x(0), y(0),
                     x(1), y(1));
  svg +=
      fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">mean confidence</text>\n", x(0.5), y(0) + 34);
  svg += fmt::format(
      "<text transform=\"translate({:.0f} {:.0f}) rotate(-90)\" text-anchor=\"middle\">share that are "
      "matches</text>\n",
      kLeft - 36, y(0.5));
  for (std::size_t fit = 0; fit < kFits.size(); ++fit) {
    const Tenths& tenths = outcomes[fit][0].firsts;
    double all = 0;
    for (const Tenth& tenth : tenths) all += tenth.weight;
    std::string line, dots;
    for (const Tenth& tenth : tenths) {
      if (tenth.count == 0) continue;
      const double at = x(tenth.predicted / tenth.weight), height = y(tenth.observed / tenth.weight);
      line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? "M" : "L", at, height);
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"/>\n", at, height,
                          2 + 12 * std::sqrt(tenth.weight / all) / 2);
    }
    svg += fmt::format("<g fill=\"{0}\" fill-opacity=\"0.7\"><path d=\"{1}\" fill=\"none\" stroke=\"{0}\"/>\n{2}</g>\n",
                       kColors[fit], line, dots);
    const double row = y(1) + 20 + 18 * static_cast<double>(fit);
    svg += fmt::format(
        "<circle cx=\"{:.0f}\" cy=\"{:.0f}\" r=\"5\" fill=\"{}\"/><text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n",
        x(1) + 20, row - 4, kColors[fit], x(1) + 30, row, fit == 0 ? "with labels" : "without labels");
  }
  return svg + "</svg>\n";
}

Result<void> run(std::span<char*> arguments) {
  std::uint64_t seeds = 20;
  std::string svg;
  bool json = false;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    if (option == "--json") json = true;
    if (option == "--seeds" && i + 1 < arguments.size()) seeds = std::stoul(arguments[++i]);
    if (option == "--svg" && i + 1 < arguments.size()) svg = arguments[++i];
  }
  EIDETIC_TRY(const Items items, read_items(arguments[1], arguments[2]));
  Outcomes outcomes;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) EIDETIC_CHECK(try_seed(items, seed, outcomes));
  if (json) {
    print_json(outcomes);
  } else {
    print_tables(outcomes);
  }
  if (!svg.empty()) return write_file_atomically(svg, diagram(outcomes));
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    return fmt::print(stderr, "usage: calibration_bench VECTORS.npy NAMES [--seeds N] [--svg FILE] [--json]\n"), 2;
  }
  const auto done = run({arguments, static_cast<std::size_t>(count)});
  if (!done) return fmt::print(stderr, "calibration_bench: {}\n", done.error().message), 1;
}
