#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/index_test.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Factory, NamesThePartThatIsWrongAndTheNearestGoodOne) {
  EXPECT_TRUE(check_factory("Flat"));
  EXPECT_TRUE(check_factory("HNSW4"));
  EXPECT_TRUE(check_factory("HNSW64"));
  EXPECT_EQ(check_factory("HNSW12:24").value(), "HNSW12:24");
  EXPECT_EQ(check_factory("HNSW16:128").value(), "HNSW16");
  EXPECT_EQ(make_index("HNSW12:24", VectorStore::in_memory(4, Metric::cosine).value()).value()->stats().kind,
            "HNSW12:24");
  EXPECT_THAT(check_factory("HNSW16:3").error().message, HasSubstr("the nearest is 4"));
  const auto message = [](std::string_view factory) { return check_factory(factory).error().message; };
  EXPECT_THAT(message("HNSW16:"), HasSubstr("as in 'HNSW16:200'"));
  EXPECT_THAT(message("flat"), HasSubstr("'Flat'"));
  EXPECT_THAT(message("HNSW65"), HasSubstr("the nearest is 64"));
  EXPECT_THAT(message("HNSW3"), HasSubstr("the nearest is 4"));
  EXPECT_THAT(message("HNSW"), HasSubstr("as in 'HNSW16'"));
  EXPECT_THAT(message("HNSW16,PQ8"), HasSubstr("nothing can follow 'HNSW16', but 'PQ8' does"));
  EXPECT_THAT(message("IVF100"), HasSubstr("'IVF100,Flat'"));
  EXPECT_THAT(message("IVF1,Flat"), HasSubstr("the nearest is 2"));
  EXPECT_THAT(message("IVF100,QP8"), HasSubstr("'PQ8'"));
  EXPECT_THAT(message("IVF100,PQ8x3"), HasSubstr("the nearest is 4"));
  EXPECT_THAT(message("PCA64"), HasSubstr("'PCA64,Flat'"));
  EXPECT_THAT(message("PCA,Flat"), HasSubstr("as in 'PCA64,Flat'"));
  EXPECT_THAT(message("OPQ8_20,PQ8"), HasSubstr("the nearest number is 10"));
  EXPECT_THAT(message("IVFx,Flat"), HasSubstr("'x' is no number of cells"));
  for (const char* const good : {"IVF100,Flat", "IVF100,PQ8", "PQ16x4", "SQ8", "IVF2,SQ8", "PCA64,IVF100,PQ8",
                                 "OPQ8,IVF100,PQ8", "OPQ8_64,PQ8", "PCA64,HNSW16", "PCA8,Flat", "OPQ4,HNSW8:40"}) {
    EXPECT_EQ(check_factory(good).value(), good);
  }
  EXPECT_EQ(check_factory("IVF100,PQ8x8").value(), "IVF100,PQ8");
  EXPECT_EQ(check_factory("PCA512,IVF4,Flat", 512).value(), "IVF4,Flat");
  EXPECT_EQ(check_factory("PCA600,Flat", 512).value(), "Flat");
  EXPECT_EQ(check_factory("PCA511,Flat", 512).value(), "PCA511,Flat");
  EXPECT_THAT(check_factory("PQ7", 512).error().message, HasSubstr("nearest number is 8"));
  EXPECT_THAT(check_factory("PCA60,PQ8", 512).error().message, HasSubstr("nearest number is 10"));
  EXPECT_EQ(check_factory("PCA64,Flat", 5000).error().code, ErrorCode::unsupported);
  EXPECT_EQ(check_factory("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(check_factory("HNSW-4").error().code, ErrorCode::invalid_argument);
}

TEST(Factory, TakesProductCodesOfFourToSixteenBitsInSegmentsThatDivide) {
  const auto message = [](std::string_view factory) { return check_factory(factory, 96).error().message; };
  for (int bits = 4; bits <= 16; ++bits) {
    for (const std::string front : {"", "IVF100,", "OPQ8,"}) {
      const std::string factory = front + "PQ8x" + std::to_string(bits);
      EXPECT_EQ(check_factory(factory, 96).value(), bits == 8 ? front + "PQ8" : factory);
    }
  }
  EXPECT_THAT(message("PQ8x3"), AllOf(HasSubstr("number of bits 3 in 'PQ8x3'"), HasSubstr("the nearest is 4")));
  EXPECT_THAT(message("PQ8x17"), AllOf(HasSubstr("number of bits 17 in 'PQ8x17'"), HasSubstr("the nearest is 16")));
  EXPECT_THAT(message("IVF100,PQ8x0"), HasSubstr("number of bits 0 in 'PQ8x0'"));
  EXPECT_THAT(message("PQ8x"), HasSubstr("'' is no number of bits"));
  EXPECT_THAT(message("PQ10"), AllOf(HasSubstr("96 dimensions"), HasSubstr("'PQ10'"), HasSubstr("number is 12")));
  EXPECT_THAT(message("IVF100,PQ7x6"), AllOf(HasSubstr("'PQ7x6'"), HasSubstr("nearest number is 8")));
  EXPECT_THAT(message("OPQ5,PQ8"), AllOf(HasSubstr("'OPQ5'"), HasSubstr("nearest number is 6")));
  EXPECT_THAT(message("PQ0"), AllOf(HasSubstr("number of segments 0 in 'PQ0'"), HasSubstr("the nearest is 1")));
}

}  // namespace
}  // namespace eidetic
