#include "index/faiss_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/npy.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Made by FAISS itself: tests/data/faiss/make.py.
std::filesystem::path sample(std::string_view name) {
  return std::filesystem::path(EIDETIC_SOURCE_DIR) / "tests/data/faiss" / name;
}

struct Readable {
  const char* name;
  const char* kind;
  Metric metric;
  bool places;
};

class ReadableFaissFile : public testing::TestWithParam<Readable> {};

TEST_P(ReadableFaissFile, GivesWhatFaissReconstructs) {
  const auto [name, kind, metric, places] = GetParam();
  const auto file = FaissFile::open(sample(std::string(name) + ".index"));
  ASSERT_TRUE(file) << file.error().message;
  const auto expected = read_npy(sample(std::string(name) + ".npy"));
  ASSERT_TRUE(expected) << expected.error().message;
  EXPECT_EQ(file->kind(), kind);
  EXPECT_EQ(file->metric(), metric);
  EXPECT_EQ(file->ids_are_places(), places);
  ASSERT_EQ(file->size(), expected->shape[0]);
  ASSERT_EQ(file->dimensions(), expected->shape[1]);
  for (std::uint64_t i = 0; i < file->size(); ++i) {
    const Vector vector = file->vector(i);
    ASSERT_EQ(vector.size(), file->dimensions());
    for (std::size_t j = 0; j < vector.size(); ++j) {
      EXPECT_NEAR(vector[j], expected->values[i * vector.size() + j], 1e-6) << "vector " << i << ", component " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReadableFaissFile,
                         testing::Values(Readable{"flat", "Flat", Metric::euclidean, true},
                                         Readable{"flat_dot", "Flat", Metric::dot, true},
                                         Readable{"ivf_flat", "IVF4,Flat", Metric::euclidean, false},
                                         Readable{"ivf_pq", "IVF4,PQ2", Metric::dot, false},
                                         Readable{"pq", "PQ4x6", Metric::euclidean, true},
                                         Readable{"sqfp16", "SQfp16", Metric::euclidean, true},
                                         Readable{"ivf_sq8", "IVF4,SQ8", Metric::euclidean, false},
                                         Readable{"pca", "PCA4,Flat", Metric::euclidean, true},
                                         Readable{"opq", "Linear4,PQ2x4", Metric::euclidean, true},
                                         Readable{"l2norm", "L2norm,Flat", Metric::dot, true},
                                         Readable{"idmap", "IDMap,Flat", Metric::euclidean, false},
                                         Readable{"sparse", "IVF16,Flat", Metric::euclidean, false}),
                         [](const auto& info) { return info.param.name; });

TEST(FaissFile, GivesIdsInRisingOrder) {
  const auto mapped = FaissFile::open(sample("idmap.index"));
  ASSERT_TRUE(mapped) << mapped.error().message;
  for (std::uint64_t i = 0; i < mapped->size(); ++i) EXPECT_EQ(mapped->id(i), 3 * static_cast<std::int64_t>(i));
  const auto sparse = FaissFile::open(sample("sparse.index"));
  ASSERT_TRUE(sparse) << sparse.error().message;
  EXPECT_EQ(sparse->id(0), 2);
  EXPECT_EQ(sparse->id(1), 7);
  EXPECT_EQ(sparse->id(2), 90);
}

TEST(FaissFile, KnowsNoMetricButItsTwo) {
  const auto file = FaissFile::open(sample("cityblock.index"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metric(), std::nullopt);
}

TEST(FaissFile, NamesWhatItCannotRead) {
  const auto refuses = [](const char* name, ErrorCode code, const auto& message) {
    const auto file = FaissFile::open(sample(name));
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().code, code) << name;
    EXPECT_THAT(file.error().message, AllOf(HasSubstr(name), message));
  };
  refuses("hnsw.index", ErrorCode::unsupported, AllOf(HasSubstr("HNSW"), HasSubstr("IHNf"), HasSubstr("IVF")));
  refuses("ivf_hnsw.index", ErrorCode::unsupported, AllOf(HasSubstr("IVF over IHNf"), HasSubstr("IndexFlat")));
  refuses("binary.index", ErrorCode::unsupported, HasSubstr("binary"));
  refuses("pcaw.index", ErrorCode::unsupported, AllOf(HasSubstr("8 to 4 dimensions"), HasSubstr("orthonormal")));
  refuses("untrained.index", ErrorCode::invalid_argument, HasSubstr("never trained"));
  refuses("negative.index", ErrorCode::invalid_argument, HasSubstr("-1"));
  refuses("twice.index", ErrorCode::invalid_argument, HasSubstr("id 5"));
  refuses("flat.npy", ErrorCode::corrupt, HasSubstr("does not begin as one"));
}

class DamagedFaissFile : public testing::TestWithParam<const char*> {
 protected:
  Result<FaissFile> open(const std::string& content) {
    std::filesystem::remove(file_);  // thousands of times: not to be synced, as files written over would be
    std::ofstream(file_, std::ios::binary) << content;
    return FaissFile::open(file_);
  }

  const TemporaryDirectory folder_;
  const std::filesystem::path file_ = folder_ / "x.index";
};

TEST_P(DamagedFaissFile, IsRefusedAtAnyOtherLength) {
  const std::string sound = read_text(sample(GetParam())).value();
  ASSERT_TRUE(open(sound));
  for (std::size_t length = 0; length <= sound.size() + 1; length += length < sound.size() - 40 ? 17 : 1) {
    if (length == sound.size()) continue;
    const auto file = open((sound + "x").substr(0, length));
    ASSERT_FALSE(file) << length;
    EXPECT_EQ(file.error().code, ErrorCode::corrupt) << file.error().message;
    EXPECT_THAT(file.error().message, HasSubstr("x.index"));
  }
}

// All counts are 8 bytes: with each 8 bytes of the file a huge or a negative number, nothing is allocated that it asks
// for.
TEST_P(DamagedFaissFile, BelievesNoNumber) {
  const std::string sound = read_text(sample(GetParam())).value();
  for (const char byte : {'\x7f', '\xff'}) {
    for (std::size_t at = 4; at + 8 <= sound.size(); ++at) {
      auto damaged = sound;
      std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(at), 8, byte);
      const auto file = open(damaged);
      if (!file) continue;  // it lay in what is passed over, or in a vector
      for (std::uint64_t i = 0; i < file->size(); ++i) ASSERT_EQ(file->vector(i).size(), file->dimensions());
    }
  }
}

// Its number of vectors stands behind four characters and its dimensions.
TEST_P(DamagedFaissFile, IsRefusedWhereItSaysOneVectorMoreOrFewer) {
  const std::string sound = read_text(sample(GetParam())).value();
  for (const int step : {-1, 1}) {
    auto damaged = sound;
    damaged[8] = static_cast<char>(damaged[8] + step);
    const auto file = open(damaged);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, ErrorCode::corrupt) << file.error().message;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DamagedFaissFile,
                         testing::Values("flat.index", "ivf_sq8.index", "opq.index", "pca.index", "idmap.index",
                                         "sparse.index"),
                         [](const auto& info) {
                           return std::string(info.param, std::string_view(info.param).find('.'));
                         });

}  // namespace
}  // namespace eidetic
