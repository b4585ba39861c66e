// For tests: test_recording.py as a child process, which answers as a search engine once did, or records one.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace eidetic {

class TestRecording {
 public:
  // Of test_recording.py: {"replay", FILE} or {"record", FOLDER, URL}.
  explicit TestRecording(std::vector<std::string> arguments) {
    ::setenv("no_proxy", "127.0.0.1", 1);
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    std::vector<std::string> words = {"python3", "-IS", EIDETIC_SOURCE_DIR "/src/cluster/test_recording.py"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    if (::posix_spawnp(&process_, "python3", &actions, nullptr, pointers.data(), environ) != 0) std::abort();
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    char port[16] = "";
    if (::read(output[0], port, sizeof(port) - 1) <= 0) std::abort();
    ::close(output[0]);
    port_ = std::atoi(port);
  }
  TestRecording(const TestRecording&) = delete;
  TestRecording& operator=(const TestRecording&) = delete;
  ~TestRecording() {
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
  }

  // "127.0.0.1:41234"
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  pid_t process_ = 0;
  int input_ = -1;
  int port_ = 0;
};

}  // namespace eidetic
