#include "net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_files.h"
#include "net/http.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

TEST(PublicAddress, LetsThePublicInternetThrough) {
  for (const auto* address : {"1.1.1.1",          "8.8.8.8",         "9.255.255.255",
                              "11.0.0.0",         "100.63.255.255",  "100.128.0.0",
                              "126.255.255.255",  "128.0.0.0",       "169.253.255.255",
                              "172.15.255.255",   "172.32.0.0",      "192.0.1.0",
                              "192.167.255.255",  "192.169.0.0",     "198.17.255.255",
                              "198.20.0.0",       "223.255.255.255", "2606:4700:4700::1111",
                              "2a00:1450::1",     "2001:4860::8888", "::ffff:8.8.8.8",
                              "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(public_address(address)) << address;
  }
}

TEST(PublicAddress, RefusesEverythingElse) {
  for (const auto* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.8.8.8",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.7",
                              "192.88.99.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.9",
                              "224.0.0.1",
                              "239.255.255.250",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::127.0.0.1",
                              "::8.8.8.8",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::ffff:169.254.169.254",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a00:1",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001::1",
                              "2001:db8::1",
                              "2001:10::1",
                              "2002:7f00:1::",
                              "2002:a00:1::1",
                              "2002:c0a8:101::",
                              "3fff::1",
                              "5f00::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "fe80::1",
                              "fe80::1%eth0",
                              "fec0::1",
                              "ff02::1",
                              "",
                              "localhost",
                              "1.1.1",
                              "0x7f.1",
                              "1.1.1.1.1",
                              "[::1]"}) {
    EXPECT_FALSE(public_address(address)) << address;
  }
}

class Guarded : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file_atomically(folder_ / "secret.txt", "secret")); }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
};

TEST_F(Guarded, NothingIsFetchedFromThisMachine) {
  const HttpClient client({.guard = public_address});
  const auto body = client.get(server_.url("secret.txt"), 100);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(body.error().message, testing::HasSubstr("127.0.0.1 is no public address"));
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(Guarded, ARedirectToThisMachineIsRefused) {
  // The first address is let through, as a public one that redirects would be; from there on the real guard decides.
  bool first = true;
  const HttpClient client({.guard = [&](std::string_view address) -> Result<void> {
    return std::exchange(first, false) ? Result<void>() : public_address(address);
  }});
  const TestServer inside(folder_.path());
  const auto body = client.get(server_.url("a?redirect=" + inside.url("secret.txt")), 100);
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, testing::HasSubstr("no public address"));
  EXPECT_FALSE(first);
  EXPECT_EQ(inside.requests(), "");
}

}  // namespace
}  // namespace eidetic
