#include "base/npy.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

TEST(Npy, WritesMatricesThatReadBack) {
  const TemporaryDirectory folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(write_npy(folder / "a.npy", 2, 3, values));
  const auto array = read_npy(folder / "a.npy");
  ASSERT_TRUE(array);
  EXPECT_EQ(array->shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(array->values, values);
}

TEST(Npy, ReadsWhatNumpyWrote) {
  EIDETIC_NEEDS_SHARED("models/golden/squeezenet1.1_logits.npy");
  const auto array = read_npy(shared_file("models/golden/squeezenet1.1_logits.npy"));
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(array->values.size() % 1000, 0U);
}

TEST(Npy, RefusesEveryTruncation) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_npy(folder / "a.npy", 2, 3, std::vector<float>(6, 1.0F)));
  const std::string whole = read_text(folder / "a.npy").value();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(write_file_atomically(folder / "cut.npy", whole.substr(0, size)));
    EXPECT_FALSE(read_npy(folder / "cut.npy")) << size;
  }
}

TEST(Npy, RefusesAShapeThatOverflows) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_npy(folder / "a.npy", 1ULL << 40, 1ULL << 40, std::vector<float>(6, 1.0F)));
  EXPECT_EQ(read_npy(folder / "a.npy").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace eidetic
