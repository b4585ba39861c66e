// An Engine that is a server's: every call is a request of docs/openapi.yaml.
//
// Files and folders that a caller names are those of this machine: pictures are sent, exports and imports streamed.
// Only what runs on the server later (start_index, watch, backup) names paths of the server. embedder() is unsupported.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "eidetic/engine.h"
#include "eidetic/error.h"

namespace eidetic {

struct RemoteOptions {
  std::string url;         // "https://pictures.example.org", with the path that the server is under, where it is
  std::string token = {};  // sent with every request; empty: none
  std::filesystem::path ca_file = {};  // certificates (PEM) to believe in place of the system's
  double connect_timeout_s = 10;
  double answer_timeout_s = 600;  // without a byte arriving: measuring a large collection takes a while
  unsigned connections = 4;       // pictures sent at the same time
  unsigned tries = 5;             // of a request that the server is too busy for, or that does not reach it
  double max_wait_s = 30;         // between two of them, whatever the server asks for
};

// Connects with the first call, which is where a server that is not there is found out: unavailable, naming the URL.
// Errors of the server keep their code; what is said of the token is an invalid_argument. Errors: invalid_argument (no
// http or https URL, a token with other than visible ASCII characters).
[[nodiscard]] Result<std::unique_ptr<Engine>> connect_engine(const RemoteOptions& options);

// What can be told of a server without changing anything.
struct ServerStatus {
  Result<void> health;          // it is reached and says that it is well; needs no token
  Result<std::string> version;  // it takes the token
};
[[nodiscard]] Result<ServerStatus> server_status(const RemoteOptions& options);

}  // namespace eidetic
