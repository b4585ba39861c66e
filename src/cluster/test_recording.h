// For tests: test_recording.py, which answers as a search engine once did, or records one.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/test_script.h"

namespace eidetic {

class TestRecording {
 public:
  // Of test_recording.py: {"replay", FILE} or {"record", FOLDER, URL}.
  explicit TestRecording(std::vector<std::string> arguments) : script_(words(std::move(arguments))) {}

  // "127.0.0.1:41234"
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", script_.port()); }

 private:
  static std::vector<std::string> words(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), EIDETIC_SOURCE_DIR "/src/cluster/test_recording.py");
    return arguments;
  }

  TestScript script_;
};

}  // namespace eidetic
