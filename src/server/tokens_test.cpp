#include "server/tokens.h"

#include <gtest/gtest.h>

namespace eidetic {
namespace {

const std::vector<Token> kTokens = {{"reader-0123456789", Role::read, "web"},
                                    {"writer-0123456789", Role::write, "shop"},
                                    {"admin--0123456789", Role::admin, ""}};

TEST(Tokens, GiveTheRoleAndTheNameOfTheirToken) {
  const Tokens tokens(kTokens);
  const auto reader = tokens.identify("Bearer reader-0123456789");
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->role, Role::read);
  EXPECT_EQ(reader->name, "web");
  EXPECT_EQ(tokens.identify("Bearer writer-0123456789")->role, Role::write);
  EXPECT_EQ(tokens.identify("Bearer admin--0123456789")->role, Role::admin);
}

TEST(Tokens, TakeTheSchemeInAnyCase) {
  const Tokens tokens(kTokens);
  EXPECT_TRUE(tokens.identify("bearer reader-0123456789"));
  EXPECT_TRUE(tokens.identify("  BEARER   reader-0123456789  "));
}

TEST(Tokens, RefuseWhatIsNotTheirs) {
  const Tokens tokens(kTokens);
  for (const std::string_view header :
       {"", "Bearer", "Bearer ", "reader-0123456789", "Basic reader-0123456789", "Bearer reader-012345678",
        "Bearer reader-01234567890", "Bearer Reader-0123456789", "Bearerreader-0123456789",
        "Bearer reader-0123456789 writer-0123456789"}) {
    EXPECT_FALSE(tokens.identify(header)) << header;
  }
}

TEST(Tokens, AreOpenToAllWhereThereAreNone) {
  const Tokens tokens({});
  EXPECT_TRUE(tokens.open());
  EXPECT_EQ(tokens.identify("")->role, Role::admin);
  EXPECT_FALSE(Tokens(kTokens).open());
}

TEST(Roles, AreReadByName) {
  EXPECT_EQ(parse_role("write"), Role::write);
  EXPECT_FALSE(parse_role("none"));
  EXPECT_FALSE(parse_role("Admin"));
  EXPECT_LT(Role::read, Role::write);
  EXPECT_LT(Role::write, Role::admin);
}

}  // namespace
}  // namespace eidetic
