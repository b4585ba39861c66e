#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/test_files.h"
#include "net/http.h"
#include "net/test_server.h"

namespace eidetic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Exchange : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file_atomically(folder_ / "lines.txt", "one\r\ntwo\n\nfour")); }

  static Json told(const Result<HttpAnswer>& answer) {
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? parse_json(answer->body, "the echo").value_or(Json()) : Json();
  }

  TemporaryDirectory folder_;
  TestServer server_{folder_.path()};
  HttpClient client_;
};

TEST_F(Exchange, SendsMethodHeadersAndBytes) {
  const std::string body = "a body";
  for (const std::string method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const Json echo = told(client_.exchange({.method = method,
                                             .url = server_.url("a%2Fb?x=1"),
                                             .headers = {"Authorization: Bearer abc", "Content-Type: text/plain"},
                                             .body = as_bytes(body)}));
    EXPECT_EQ(echo["method"], method);
    EXPECT_EQ(echo["path"], "/a%2Fb?x=1");
    EXPECT_EQ(echo["headers"]["authorization"], "Bearer abc");
    EXPECT_EQ(echo["headers"]["content-type"], "text/plain");
    EXPECT_EQ(echo["size"], 6);
    EXPECT_EQ(echo["sha256"], sha256_hex(as_bytes(body)));
  }
  EXPECT_EQ(told(client_.exchange({.method = "POST", .url = server_.url("x")}))["headers"]["content-length"], "0");
  EXPECT_EQ(told(client_.exchange({.url = server_.url("-/echo")}))["method"], "GET");
}

TEST_F(Exchange, SendsAFile) {
  const std::string content(3'000'000, 'x');
  ASSERT_TRUE(write_file_atomically(folder_ / "large", content));
  std::uint64_t last = 0;
  const Json echo = told(client_.exchange({.method = "PUT",
                                           .url = server_.url("x"),
                                           .body_file = folder_ / "large",
                                           .progress = [&](std::uint64_t done, std::uint64_t total) {
                                             EXPECT_EQ(total, content.size());
                                             last = done;
                                           }}));
  EXPECT_EQ(echo["sha256"], sha256_hex(as_bytes(content)));
  EXPECT_EQ(last, content.size());
  const auto missing = client_.exchange({.method = "PUT", .url = server_.url("x"), .body_file = folder_ / "nothing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST_F(Exchange, GivesEveryStatusWithItsHeaders) {
  for (const long status : {201L, 302L, 404L, 429L, 503L}) {
    const auto url = server_.url(fmt::format("x?status={}&retry_after=7&location=/lines.txt", status));
    const auto answer = client_.exchange({.method = "POST", .url = url});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->ok(), status == 201);
    EXPECT_EQ(answer->header("retry-after"), "7");
    EXPECT_EQ(answer->header("x-nothing"), "");
  }
}

TEST_F(Exchange, RefusesAnswersOverTheLimit) {
  const auto answer = client_.exchange({.url = server_.url("lines.txt"), .max_answer_bytes = 5});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::overloaded);
}

TEST_F(Exchange, WritesGoodAnswersIntoAFileAndNoOther) {
  const auto file = folder_ / "out";
  const auto answer = client_.exchange({.url = server_.url("lines.txt"), .answer_file = file});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(read_text(file).value(), "one\r\ntwo\n\nfour");

  const auto refused = client_.exchange({.url = server_.url("-/echo?status=404"), .answer_file = folder_ / "none"});
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 404);
  EXPECT_THAT(refused->body, HasSubstr("/-/echo"));
  const auto cut = client_.exchange({.url = server_.url("lines.txt?cut=3"), .answer_file = folder_ / "none"});
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().message, HasSubstr("cut off"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
}

TEST_F(Exchange, GivesLinesAsTheyCome) {
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) -> Result<void> {
    lines.emplace_back(line);
    return {};
  };
  ASSERT_TRUE(client_.exchange({.url = server_.url("lines.txt"), .answer_line = take}));
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "four"));

  const auto ended = client_.exchange({.url = server_.url("lines.txt"), .answer_line = [](std::string_view) {
                                         return Result<void>(fail(ErrorCode::corrupt, "enough"));
                                       }});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "enough");
}

TEST_F(Exchange, KeepsAConnectionAThread) {
  std::set<int> ports;
  for (int i = 0; i < 20; ++i)
    ports.insert(told(client_.exchange({.method = "PUT", .url = server_.url("x")}))["port"].get<int>());
  EXPECT_THAT(ports, SizeIs(1));

  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const Json echo = told(client_.exchange({.method = "PUT", .url = server_.url("x")}));
        const std::scoped_lock lock(mutex);
        ports.insert(echo["port"].get<int>());
      }
    });
  }
  threads.clear();
  EXPECT_LE(ports.size(), 3U);
}

TEST_F(Exchange, BelievesTheCertificateItIsGiven) {
  const auto pem = folder_ / "server.pem";
  const std::string command = fmt::format(
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
      "-keyout '{0}' -out '{0}.crt' 2>/dev/null && cat '{0}.crt' >> '{0}'",
      pem.native());
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "needs the program openssl";
  const TestServer secure(folder_.path(), pem);
  const HttpCall request{.url = secure.url("lines.txt")};
  EXPECT_TRUE(HttpClient({.ca_file = pem}).exchange(request));
  EXPECT_TRUE(HttpClient({.insecure_tls = true}).exchange(request));
  const auto refused = client_.exchange(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("certificate"));
}

}  // namespace
}  // namespace eidetic
