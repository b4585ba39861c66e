// Indexes of other libraries beside ours: a Python of the user's choice runs bench_peers.py, which is part of the
// program, on the same vectors.
//
// Thread rule: one thread. A Peers outlives what it has built.
#pragma once

#include <sys/types.h>

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/index_trial.h"

namespace eidetic {

extern const std::string_view kPeersScript;  // bench_peers.py

class Peers {
 public:
  struct Offer {
    std::string index;    // factory string
    std::string library;  // "FAISS", "USearch bf16"
  };
  struct LeftOut {
    std::string index;
    std::string reason;
  };

  // Starts `python` (a path, or a name to look up) on the task's vectors, which are written into its folder.
  // `factories`: what ours are; each library takes those that it has. invalid_argument: no such program, it cannot run
  // the script (no NumPy), or none of the libraries is installed for it.
  [[nodiscard]] static Result<std::unique_ptr<Peers>> start(const std::string& python, const IndexTask& task,
                                                            const std::vector<std::string>& factories,
                                                            const std::stop_token& stop);
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;
  // Ends the program.
  ~Peers();

  [[nodiscard]] const std::vector<Offer>& offers() const noexcept { return offers_; }
  [[nodiscard]] const std::vector<LeftOut>& left_out() const noexcept { return left_out_; }
  // What `offer`, a position in offers(), is. unsupported: the library cannot; the message says why.
  [[nodiscard]] Result<std::unique_ptr<Contender>> build(std::size_t offer);

  // One question, and its answer. unsupported: answered by an error; unavailable: the program has ended, or a
  // stop was asked for.
  [[nodiscard]] Result<Json> ask(const Json& question);

 private:
  Peers(std::string python, const IndexTask& task, std::stop_token stop, pid_t process, File socket)
      : python_(std::move(python)),
        task_(task),
        stop_(std::move(stop)),
        process_(process),
        socket_(std::move(socket)) {}

  std::string python_;
  const IndexTask& task_;
  std::stop_token stop_;
  pid_t process_;
  File socket_;
  std::string unread_;
  std::vector<Offer> offers_;
  std::vector<LeftOut> left_out_;
};

}  // namespace eidetic
