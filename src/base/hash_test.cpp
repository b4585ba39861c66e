#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"

namespace eidetic {
namespace {

TEST(Sha256, AgreesWithTheStandardsExamples) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, IsTheSameInPiecesAndFromAFile) {
  const TemporaryDirectory folder;
  const std::string text(3'000'000, 'x');
  ASSERT_TRUE(write_file_atomically(folder / "a", text));
  Sha256 pieces;
  pieces.update(as_bytes(text).first(1000));
  pieces.update(as_bytes(text).subspan(1000));
  EXPECT_EQ(pieces.hex(), sha256_hex(as_bytes(text)));
  EXPECT_EQ(sha256_hex_of_file(folder / "a").value(), sha256_hex(as_bytes(text)));
}

TEST(Checksum, IsTheSameInPiecesAndSeesOneChangedBit) {
  std::string text(100'000, 'x');
  Checksum pieces;
  pieces.update(as_bytes(text).first(7));
  pieces.update(as_bytes(text).subspan(7));
  EXPECT_EQ(pieces.value(), checksum(as_bytes(text)));
  text[50'000] ^= 1;
  EXPECT_NE(pieces.value(), checksum(as_bytes(text)));
}

}  // namespace
}  // namespace eidetic
