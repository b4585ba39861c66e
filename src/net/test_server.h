// For tests: test_server.py, or another script that is started as it is, as a child process, serving a folder on
// 127.0.0.1 until destroyed.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/test_script.h"
#include "net/http.h"

namespace eidetic {

class TestServer {
 public:
  // `certificate`: a PEM file with certificate and key; empty: without TLS.
  explicit TestServer(const std::filesystem::path& folder, const std::filesystem::path& certificate = {},
                      std::string script = EIDETIC_SOURCE_DIR "/src/net/test_server.py")
      : scheme_(certificate.empty() ? "http" : "https"), script_(words(std::move(script), folder, certificate)) {}
  ~TestServer() { script_.kill(); }

  // `path` with its query, as test_server.py describes it.
  [[nodiscard]] std::string url(std::string_view path) const {
    return fmt::format("{}://127.0.0.1:{}/{}", scheme_, script_.port(), path);
  }
  // What was asked for so far, one line each.
  [[nodiscard]] std::string requests() const {
    const auto body = HttpClient().get(url("-/requests"), 1 << 20);
    if (!body) return body.error().message;
    return {reinterpret_cast<const char*>(body->data()), body->size()};
  }

 private:
  static std::vector<std::string> words(std::string script, const std::filesystem::path& folder,
                                        const std::filesystem::path& certificate) {
    std::vector<std::string> words = {std::move(script), folder.native()};
    if (!certificate.empty()) words.push_back(certificate.native());
    return words;
  }

  std::string scheme_;
  TestScript script_;
};

}  // namespace eidetic
