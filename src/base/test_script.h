// For tests: a Python script as a child process that serves on 127.0.0.1. It prints its port first, and ends when its
// standard input does.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace eidetic {

class TestScript {
 public:
  // The script and its arguments.
  explicit TestScript(std::vector<std::string> words) {
    ::setenv("no_proxy", "127.0.0.1", 1);
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    words.insert(words.begin(), {"python3", "-IS"});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::posix_spawnp(&process_, "python3", &actions, nullptr, arguments.data(), environ) != 0) std::abort();
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    char port[16] = "";
    if (::read(output[0], port, sizeof(port) - 1) <= 0) std::abort();
    ::close(output[0]);
    port_ = std::atoi(port);
  }
  TestScript(const TestScript&) = delete;
  TestScript& operator=(const TestScript&) = delete;
  ~TestScript() {
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] int port() const { return port_; }
  // Ends it in the midst of what it does.
  void kill() const { ::kill(process_, SIGKILL); }

 private:
  pid_t process_ = 0;
  int input_ = -1;
  int port_ = 0;
};

}  // namespace eidetic
