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

TEST(Md5, AgreesWithTheStandardsExamples) {
  Md5 digest;
  digest.update(as_bytes("message digest"));
  EXPECT_EQ(digest.hex(), "f96b697d7cb7938d525a2f31aaf161d0");
}

// RFC 4231, test cases 1, 2 and 6.
TEST(HmacSha256, AgreesWithTheStandardsExamples) {
  const auto code = [](std::string_view key, std::string_view text) {
    return hex_of(hmac_sha256(as_bytes(key), as_bytes(text)));
  };
  EXPECT_EQ(code(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(code("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(code(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
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
