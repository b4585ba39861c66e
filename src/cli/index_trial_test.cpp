// Figures of `bench index` against what is counted here, by other means.
#include "cli/index_trial.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/test_files.h"
#include "cli/bench_vectors.h"
#include "index/test_vectors.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kDimensions = 24;

struct Bench {
  TemporaryDirectory folder;
  TestVectors data;
  IndexTask task;

  Bench(std::size_t rows, std::size_t queries, std::uint32_t k, Metric metric = Metric::cosine)
      : data(clustered_vectors(rows, kDimensions, 20, 1)) {
    std::shared_ptr<VectorStore> store = VectorStore::in_memory(kDimensions, metric).value();
    for (std::size_t i = 0; i < rows; ++i) EXPECT_TRUE(store->append(i, data[i]));
    Matrix asked(queries, kDimensions);
    const TestVectors others = clustered_vectors(queries, kDimensions, 20, 5);
    for (std::size_t i = 0; i < queries; ++i) std::ranges::copy(others[i], asked[i].begin());
    task = {.store = store, .queries = asked, .k = k, .threads = 2, .folder = folder.path()};
  }

  // Squared distances of all rows, as they are in the store.
  [[nodiscard]] std::vector<double> distances(std::size_t query) const {
    std::vector<double> all;
    double norm = 0;
    for (const float value : task.queries[query]) norm += double{value} * value;
    if (task.store->metric() != Metric::cosine) norm = 1;
    for (Row row = 0; row < task.store->rows(); ++row) {
      double sum = 0;
      for (std::size_t j = 0; j < kDimensions; ++j) {
        const double apart = task.queries[query][j] / std::sqrt(norm) - task.store->vector(row)[j];
        sum += apart * apart;
      }
      all.push_back(sum);
    }
    return all;
  }
  [[nodiscard]] Answers nearest() const {
    Answers answers;
    for (std::size_t i = 0; i < task.queries.rows(); ++i) {
      const auto all = distances(i);
      std::vector<Row> rows(all.size());
      std::iota(rows.begin(), rows.end(), Row{0});
      std::ranges::sort(rows, {}, [&](Row row) { return all[row]; });
      rows.resize(std::min<std::size_t>(task.k, rows.size()));
      answers.push_back(rows);
    }
    return answers;
  }
};

TEST(ExactAnswers, CountsWhatIsAmongTheNearest) {
  for (const Metric metric : {Metric::cosine, Metric::euclidean}) {
    const Bench bench(700, 40, 10, metric);
    const auto exact = ExactAnswers::of(bench.task).value();
    Answers answers = bench.nearest();
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 1);
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, 1);
    for (auto& rows : answers) std::ranges::reverse(rows);  // all there, the nearest last
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 0);
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, 1);
    EXPECT_DOUBLE_EQ(exact.recall(answers).nearest_in_k, 1);
    for (auto& rows : answers) rows.resize(4);
    EXPECT_DOUBLE_EQ(exact.recall(answers).nearest_in_k, 0);
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, .4);
    // Said twice is found once; a row that is not there, never.
    for (auto& rows : answers) rows = {rows[0], rows[0], rows[1], 7'000'000};
    EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, .2);
  }
}

TEST(ExactAnswers, TakesOneOfEquallyNearRowsForTheOther) {
  Bench bench(100, 5, 3);
  const std::shared_ptr<VectorStore> store = VectorStore::in_memory(kDimensions, Metric::cosine).value();
  for (Row row = 0; row < 60; ++row) ASSERT_TRUE(store->append(row, bench.data[row % 10]));  // six of each
  bench.task.store = store;
  const auto exact = ExactAnswers::of(bench.task).value();
  Answers answers = bench.nearest();
  for (auto& rows : answers) rows = {rows[0] % 10 + 50, rows[0] % 10 + 40, rows[0] % 10};
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 1);
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, 1);
}

TEST(ExactAnswers, LeavesMembersOutOfWhatIsFound) {
  Bench bench(300, 20, 4);
  for (Row i = 0; i < 20; ++i) {
    std::ranges::copy(bench.data[i * 3], bench.task.queries[i].begin());
    bench.task.members.push_back(i * 3);
  }
  EXPECT_EQ(bench.task.asked(), 5U);
  const auto exact = ExactAnswers::of(bench.task).value();
  bench.task.k = 6;
  Answers answers = bench.nearest();  // each query, and five others
  bench.task.k = 4;
  for (Row i = 0; i < 20; ++i) ASSERT_EQ(answers[i][0], i * 3);
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 1);
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, 1);
  for (auto& rows : answers) rows = {rows[5], rows[4], rows[3], rows[2], rows[1]};  // the nearest is no more among four
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 0);
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_k, .75);
  EXPECT_DOUBLE_EQ(exact.recall(answers).nearest_in_k, 0);
  for (Row i = 0; i < 20; ++i) answers[i].insert(answers[i].begin() + 2, i * 3);
  for (auto& rows : answers) std::swap(rows.front(), rows.back());  // first; the query itself takes no place
  EXPECT_DOUBLE_EQ(exact.recall(answers).at_1, 1);
  EXPECT_DOUBLE_EQ(exact.recall(answers).nearest_in_k, 1);
  const Trial flat = try_out(build_index("Flat", bench.task).value(), bench.task, exact, {}).value();
  EXPECT_DOUBLE_EQ(flat.points[0].recall.at_k, 1);
}

TEST(ExactAnswers, OfFewerRowsThanAskedForAreAllOfThem) {
  const Bench bench(7, 3, 10);
  EXPECT_DOUBLE_EQ(ExactAnswers::of(bench.task).value().recall(bench.nearest()).at_k, 1);
}

TEST(IndexTrial, FindsEverythingAtTheMostThoroughSettings) {
  const Bench bench(1500, 30, 10);
  const auto exact = ExactAnswers::of(bench.task).value();
  std::vector<Trial> trials;
  for (const char* const factory : {"Flat", "HNSW16", "IVF20,Flat", "IVF20,SQ8", "PQ6", "PCA6,Flat"}) {
    trials.push_back(try_out(build_index(factory, bench.task).value(), bench.task, exact, {}).value());
    const Trial& trial = trials.back();
    EXPECT_EQ(trial.contender->built().index, factory);
    EXPECT_GT(trial.contender->built().disk_bytes, 0U);
    // Each list ends where nothing is missing, and the recall here is that of the answers.
    EXPECT_DOUBLE_EQ(trial.points.back().recall.at_k, 1) << factory;
    for (std::size_t i = 0; i + 1 < trial.points.size(); ++i) {
      EXPECT_LT(std::min(trial.points[i].recall.at_k, trial.points[i].recall.at_1), 1) << factory;
    }
    double found = 0;
    const Answers nearest = bench.nearest();
    const Answers answers = trial.contender->answers(trial.points.front().params).value();
    for (std::size_t i = 0; i < answers.size(); ++i) {
      found += static_cast<double>(std::ranges::count_if(
          answers[i], [&](Row row) { return std::ranges::find(nearest[i], row) != nearest[i].end(); }));
    }
    EXPECT_NEAR(trial.points.front().recall.at_k, found / 300, 1e-12) << factory;
  }
  EXPECT_EQ(trials[0].points.size(), 1U);
  EXPECT_GT(trials[2].points.size(), 1U);

  ASSERT_TRUE(measure_round(trials, bench.task, {}));
  ASSERT_TRUE(measure_round(trials, bench.task, {}));
  summarise(trials);
  for (const Trial& trial : trials) {
    for (const Point& point : trial.points) {
      EXPECT_EQ(point.rates.size(), 2U);
      EXPECT_GT(point.queries_per_s, 0);
      EXPECT_GT(point.queries_per_s_all, 0);
      EXPECT_LE(point.p50_ms, point.p99_ms);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(bench.folder.path()));
  EXPECT_EQ(build_index("PQ6", Bench(100, 3, 10).task).error().code, ErrorCode::invalid_argument);
}

TEST(IndexTrial, StopsWhenAskedTo) {
  const Bench bench(100, 5, 10);
  const auto exact = ExactAnswers::of(bench.task).value();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(try_out(build_index("Flat", bench.task).value(), bench.task, exact, stop.get_token()));
}

TEST(IndexTrial, SweepsTheParameterThatAnIndexHas) {
  const Bench bench(1500, 5, 10);
  const auto texts = [&](const char* factory, bool rescores = true) {
    std::vector<std::string> all;
    for (const auto& list : sweep_of(factory, bench.task, rescores)) {
      for (const auto& params : list) all.push_back(describe(params));
    }
    return all;
  };
  EXPECT_THAT(texts("Flat"), ElementsAre(""));
  EXPECT_THAT(texts("SQ8", false), ElementsAre(""));
  EXPECT_EQ(texts("HNSW16").front(), "ef 10");
  EXPECT_EQ(texts("PCA6,HNSW16").back(), "ef 1024");
  EXPECT_THAT(texts("IVF6,Flat"), ElementsAre("nprobe 1", "nprobe 2", "nprobe 4", "nprobe 6"));
  EXPECT_THAT(texts("IVF2,PQ6"),
              ElementsAre("nprobe 1, rescore 20", "nprobe 2, rescore 20", "nprobe 1, rescore 100",
                          "nprobe 2, rescore 100", "nprobe 1, rescore 500", "nprobe 2, rescore 500"));
  EXPECT_THAT(texts("IVF2,PQ6", false), ElementsAre("nprobe 1", "nprobe 2"));
  EXPECT_EQ(texts("PQ6").front(), "rescore 10");
  EXPECT_EQ(texts("PQ6").back(), "rescore 1500");
}

TEST(IndexTrial, TriesTheSettingsThatAreGiven) {
  Bench bench(1500, 5, 10);
  bench.task.depths = {{.ef = 32}, {.ef = 32, .nprobe = 1}, {.nprobe = 3, .rescore = 5}};
  const auto texts = [&](const char* factory, bool rescores = true) {
    std::vector<std::string> all;
    for (const auto& list : sweep_of(factory, bench.task, rescores)) all.push_back(describe(list.at(0)));
    return all;
  };
  EXPECT_THAT(texts("Flat"), ElementsAre(""));
  EXPECT_THAT(texts("HNSW16"), ElementsAre("ef 32", ""));
  EXPECT_THAT(texts("IVF6,Flat"), ElementsAre("", "nprobe 1", "nprobe 3"));
  EXPECT_THAT(texts("IVF6,PQ6"), ElementsAre("", "nprobe 1", "nprobe 3, rescore 5"));
  EXPECT_THAT(texts("PQ6"), ElementsAre("", "rescore 5"));
  EXPECT_THAT(texts("PQ6", false), ElementsAre(""));
}

Trial made_up(std::initializer_list<std::tuple<double, double, double>> points) {
  Trial trial;
  for (const auto& [at_1, at_k, rate] : points) {
    trial.points.push_back({.params = {}, .recall = {.at_1 = at_1, .at_k = at_k}, .queries_per_s = rate});
  }
  return trial;
}

TEST(Target, IsReachedByTheFastestThatFindsEnough) {
  const Trial trial = made_up({{.9, .8, 900}, {.95, .97, 300}, {.96, .96, 400}, {1, .99, 100}});
  const Target target = parse_target("recall=0.95", 10).value();
  EXPECT_EQ(fastest(trial, target), &trial.points[2]);
  EXPECT_EQ(fastest(trial, parse_target("recall@1=.95", 10).value()), &trial.points[2]);
  EXPECT_EQ(fastest(trial, parse_target("recall@10=.8", 10).value()), &trial.points[0]);
  EXPECT_EQ(fastest(trial, parse_target("recall=1", 10).value()), nullptr);
  EXPECT_EQ(&most_thorough(trial, target), &trial.points[3]);
  for (const char* const wrong : {"recall=2", "recall=0", "recall=-1", "recall=", "recall", "recall@5=.9", "speed=3",
                                  "recall=nan", "recall=.9x", ""}) {
    EXPECT_THAT(parse_target(wrong, 10).error().message, HasSubstr("like recall=0.95")) << wrong;
  }
}

TEST(Front, LeavesOutWhatIsSlowerAndFindsNoMore) {
  const Trial trial = made_up({{0, .5, 900}, {0, .8, 500}, {0, .7, 400}, {0, .9, 100}, {0, .9, 90}, {0, .5, 950}});
  EXPECT_THAT(front_of(trial), ElementsAre(&trial.points[5], &trial.points[1], &trial.points[3]));
}

TEST(Suggestions, SuitTheVectors) {
  for (const std::uint32_t dimensions : {1U, 2U, 13U, 31U, 96U, 512U, 1000U, 4096U, 10'000U}) {
    for (const std::uint64_t rows : {2U, 40U, 300U, 100'000U}) {
      const auto all = suggest_indexes(rows, dimensions);
      EXPECT_EQ(all.front().factory, "Flat");
      for (const auto& [factory, left_out] : all) {
        if (!left_out.empty()) continue;
        EXPECT_EQ(check_factory(factory, dimensions).value(), factory);
        EXPECT_LE(least_training_rows(factory).value(), rows);
      }
    }
  }
  std::vector<std::string> names;
  for (const auto& suggestion : suggest_indexes(100'000, 512)) {
    names.push_back(suggestion.factory);
    EXPECT_EQ(suggestion.left_out, "");
  }
  EXPECT_THAT(names, ElementsAre("Flat", "HNSW16", "IVF316,Flat", "IVF316,SQ8", "IVF316,PQ64", "PQ64", "PCA128,Flat",
                                 "PCA128,HNSW16", "OPQ64,IVF316,PQ64"));
  EXPECT_THAT(suggest_indexes(40, 64).back().left_out, HasSubstr("at least 256 vectors, and there are 40"));
}

TEST(HeldOut, TakesExactlySoManySpreadEvenly) {
  for (const std::uint64_t total : {1U, 7U, 100U, 12'345U}) {
    for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, total / 3, total - 1}) {
      if (count > total) continue;
      const HeldOut held(count, total);
      std::uint64_t taken = 0;
      std::uint64_t first_half = 0;
      for (std::uint64_t row = 0; row < total; ++row) {
        taken += held(row) ? 1 : 0;
        if (row == total / 2) first_half = taken;
      }
      EXPECT_EQ(taken, count);
      EXPECT_LE(first_half, count / 2 + 1);
      EXPECT_FALSE(held(total));
    }
  }
}

}  // namespace
}  // namespace eidetic
