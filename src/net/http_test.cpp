#include "net/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "base/test_files.h"
#include "net/test_server.h"
#include "net/transfer.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Http : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file_atomically(folder_ / "hello.txt", "hello, world")); }

  static std::string text(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  Error error_of(std::string_view path, const HttpOptions& options = {}, std::size_t max_bytes = 1000) {
    const auto body = HttpClient(options).get(server_.url(path), max_bytes);
    return body ? Error{ErrorCode::internal, "no error"} : body.error();
  }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
};

TEST_F(Http, GetsABodyUnderItsOwnName) {
  const auto body = HttpClient().get(server_.url("hello.txt"), 12);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(text(*body), "hello, world");
  EXPECT_THAT(server_.requests(), HasSubstr("/hello.txt  Eidetic/0."));
}

TEST_F(Http, FollowsRedirectsUpToTheLimit) {
  EXPECT_EQ(text(HttpClient().get(server_.url("a?redirect=/hello.txt"), 100).value()), "hello, world");
  const Error error = error_of("a?redirect=loop", {.max_redirects = 3});
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_THAT(error.message, HasSubstr("redirects more than 3 times"));
  EXPECT_EQ(error_of("a?redirect=file:///etc/passwd").code, ErrorCode::unsupported);
}

TEST_F(Http, NamesUrlAndStatus) {
  const Error missing = error_of("nothing.jpg");
  EXPECT_EQ(missing.code, ErrorCode::not_found);
  EXPECT_THAT(missing.message, AllOf(HasSubstr(server_.url("nothing.jpg")), HasSubstr("404")));
  const Error broken = error_of("x?status=503");
  EXPECT_EQ(broken.code, ErrorCode::unavailable);
  EXPECT_THAT(broken.message, HasSubstr("status 503"));
}

TEST_F(Http, RefusesBodiesOverTheLimitToldOrUntold) {
  EXPECT_EQ(error_of("hello.txt", {}, 11).code, ErrorCode::overloaded);
  const Error error = error_of("hello.txt?chunked=1", {}, 11);
  EXPECT_EQ(error.code, ErrorCode::overloaded);
  EXPECT_THAT(error.message, HasSubstr("more than 11 bytes"));
}

TEST_F(Http, GivesUpOnSilenceAndOnTheTotalTime) {
  EXPECT_THAT(error_of("hello.txt?stall=0", {.stall_timeout_s = 1}).message, HasSubstr("too slow"));
  EXPECT_THAT(error_of("hello.txt?stall=5", {.total_timeout_s = 0.3}).message, HasSubstr("too slow"));
}

TEST_F(Http, NamesACutConnection) {
  EXPECT_THAT(error_of("hello.txt?cut=5").message, HasSubstr("cut off after 5 bytes"));
}

TEST_F(Http, RefusesWhatIsNoWebAddress) {
  const HttpClient client;
  EXPECT_EQ(client.get("file:///etc/passwd", 100).error().code, ErrorCode::unsupported);
  EXPECT_EQ(client.get("http://a b/", 100).error().code, ErrorCode::invalid_argument);
  const auto unknown = client.get("http://user:secret@no-such-host.invalid/x", 100);
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
  EXPECT_THAT(unknown.error().message, AllOf(HasSubstr("no-such-host.invalid"), Not(HasSubstr("secret"))));
  EXPECT_EQ(client.get("http://127.0.0.1:1/", 100).error().code, ErrorCode::unavailable);
}

TEST_F(Http, AsksTheGuardBeforeConnectingOnRedirectsToo) {
  std::vector<std::string> asked;
  HttpOptions options{.guard = [&](std::string_view address) -> Result<void> {
    asked.emplace_back(address);
    if (asked.size() > 1) return fail(ErrorCode::invalid_argument, "private address");
    return {};
  }};
  const TestServer other(folder_.path());
  const HttpClient client(options);
  EXPECT_TRUE(client.get(server_.url("hello.txt"), 100));
  const auto refused = client.get(server_.url("a?redirect=" + other.url("hello.txt")), 100);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "private address");
  EXPECT_THAT(asked, ElementsAre("127.0.0.1", "127.0.0.1"));
  EXPECT_EQ(other.requests(), "");
}

TEST_F(Http, StopsWhenAskedTo) {
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  const auto body = HttpClient().get(server_.url("hello.txt?stall=5"), 100, stop.get_token());
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("was stopped"));
}

TEST_F(Http, ServesManyThreadsAtOnce) {
  const HttpClient client;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) EXPECT_TRUE(client.get(server_.url("hello.txt"), 100));
    });
  }
}

TEST(PrintableUrl, HidesUserAndPassword) {
  EXPECT_EQ(printable_url("https://me:secret@example.org/a@b"), "https://example.org/a@b");
  EXPECT_EQ(printable_url("https://example.org/a@b"), "https://example.org/a@b");
  EXPECT_EQ(printable_url("nonsense"), "nonsense");
}

}  // namespace
}  // namespace eidetic
