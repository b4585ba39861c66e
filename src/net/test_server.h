// For tests: test_server.py, or another script that is started as it is, as a child process, serving a folder on
// 127.0.0.1 until destroyed.
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "net/http.h"

namespace eidetic {

class TestServer {
 public:
  // `certificate`: a PEM file with certificate and key; empty: without TLS.
  explicit TestServer(const std::filesystem::path& folder, const std::filesystem::path& certificate = {},
                      std::string script = EIDETIC_SOURCE_DIR "/src/net/test_server.py")
      : scheme_(certificate.empty() ? "http" : "https") {
    ::setenv("no_proxy", "127.0.0.1", 1);
    int input[2];
    int output[2];
    if (::pipe(input) != 0 || ::pipe(output) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    for (const int end : {input[0], input[1], output[0], output[1]}) {
      ::posix_spawn_file_actions_addclose(&actions, end);
    }
    std::string served = folder.native();
    std::string python = "python3";
    std::string isolated = "-IS";
    std::string pem = certificate.native();
    char* const arguments[] = {
        python.data(), isolated.data(), script.data(), served.data(), pem.empty() ? nullptr : pem.data(), nullptr};
    if (::posix_spawnp(&process_, "python3", &actions, nullptr, arguments, environ) != 0) std::abort();
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    char port[16] = "";
    if (::read(output[0], port, sizeof(port) - 1) <= 0) std::abort();
    ::close(output[0]);
    port_ = std::atoi(port);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(input_);
  }

  // `path` with its query, as test_server.py describes it.
  [[nodiscard]] std::string url(std::string_view path) const {
    return fmt::format("{}://127.0.0.1:{}/{}", scheme_, port_, path);
  }
  // What was asked for so far, one line each.
  [[nodiscard]] std::string requests() const {
    const auto body = HttpClient().get(url("-/requests"), 1 << 20);
    if (!body) return body.error().message;
    return {reinterpret_cast<const char*>(body->data()), body->size()};
  }

 private:
  std::string scheme_;
  pid_t process_ = 0;
  int input_ = -1;
  int port_ = 0;
};

}  // namespace eidetic
