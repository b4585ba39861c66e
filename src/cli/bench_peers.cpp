#include "cli/bench_peers.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "base/npy.h"

namespace eidetic {
namespace {

constexpr std::size_t kMostAnswer = std::size_t{1} << 30;  // bytes of one answer
constexpr int kStopInterval = 200;                         // ms between two looks at whether to stop
constexpr const char* kAnswer = "an answer of the peers";

// Rows as the store has them (of unit length under cosine), and the queries so too.
Result<void> write_vectors(const IndexTask& task) {
  const VectorStore& store = *task.store;
  std::vector<Row> rows(store.rows());
  std::iota(rows.begin(), rows.end(), Row{0});
  EIDETIC_CHECK(write_npy(task.folder / "base.npy", rows.size(), store.dimensions(), store.gathered(rows).values()));
  Matrix queries(task.queries.rows(), task.queries.columns());
  for (std::size_t i = 0; i < queries.rows(); ++i) {
    EIDETIC_TRY(const ExactScore score, ExactScore::of(task.queries[i], store));
    std::ranges::copy(score.prepared(), queries[i].begin());
  }
  return write_npy(task.folder / "queries.npy", queries.rows(), queries.columns(), queries.values());
}

class PeerIndex final : public Contender {
 public:
  PeerIndex(Peers& peers, const IndexTask& task, std::size_t number) : peers_(peers), task_(task), number_(number) {}

  Result<void> build(const Peers::Offer& offer) {
    EIDETIC_TRY(const Json said, peers_.ask({{"build", number_}}));
    EIDETIC_TRY(JsonReader facts, JsonReader::of(said, kAnswer));
    built_.index = offer.index;
    built_.library = offer.library;
    EIDETIC_TRY(built_.train_seconds, facts.get<double>("train_seconds"));
    EIDETIC_TRY(built_.build_seconds, facts.get<double>("build_seconds"));
    EIDETIC_TRY(const std::int64_t memory, facts.get<std::int64_t>("memory_bytes"));
    EIDETIC_TRY(const std::int64_t disk, facts.get<std::int64_t>("disk_bytes"));
    built_.memory_bytes = static_cast<std::uint64_t>(memory);
    built_.disk_bytes = static_cast<std::uint64_t>(disk);
    return {};
  }

  Result<Answers> answers(const SearchParams& params) override {
    EIDETIC_TRY(
        const Json said,
        peers_.ask({{"answers", number_}, {"ef", params.ef}, {"nprobe", params.nprobe}, {"rescore", params.rescore}}));
    EIDETIC_TRY(JsonReader reader, JsonReader::of(said, kAnswer));
    EIDETIC_TRY(const Json lists, reader.get<Json>("ids"));
    Answers answers(task_.queries.rows());
    for (std::size_t i = 0; i < std::min(answers.size(), lists.size()); ++i) {
      for (const Json& row : lists[i]) {
        if (row.is_number_unsigned()) answers[i].push_back(row.get<Row>());
      }
    }
    return answers;
  }

  Result<Pass> pass(const SearchParams& params, bool all_threads, double seconds) override {
    EIDETIC_TRY(const Json said, peers_.ask({{"pass", number_},
                                             {"ef", params.ef},
                                             {"nprobe", params.nprobe},
                                             {"rescore", params.rescore},
                                             {"all", all_threads},
                                             {"seconds", seconds}}));
    EIDETIC_TRY(JsonReader reader, JsonReader::of(said, kAnswer));
    EIDETIC_TRY(const std::int64_t queries, reader.get<std::int64_t>("queries"));
    Pass pass{.queries = static_cast<std::uint64_t>(queries)};
    EIDETIC_TRY(pass.seconds, reader.get<double>("seconds"));
    EIDETIC_TRY(pass.ms, reader.get<std::vector<double>>("ms"));
    return pass;
  }

 private:
  Peers& peers_;
  const IndexTask& task_;
  std::size_t number_;
};

}  // namespace

Result<std::unique_ptr<Peers>> Peers::start(const std::string& python, const IndexTask& task,
                                            const std::vector<std::string>& factories, const std::stop_token& stop) {
  EIDETIC_CHECK(write_vectors(task));
  // A socket and no pipes: writing to one whose reader has ended can be an error in place of a signal.
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::unavailable, fmt::format("cannot talk to '{}': {}", python, std::strerror(errno)));
  }
  File ours(ends[0]);
  File theirs(ends[1]);
  std::string program = python;
  std::string option = "-c";
  std::string script(kPeersScript);
  std::array<char*, 4> arguments = {program.data(), option.data(), script.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.descriptor(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.descriptor(), STDOUT_FILENO);
  pid_t process = 0;
  const int error = ::posix_spawnp(&process, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  theirs = File();  // so that the program's end is seen
  if (error != 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot run '{}': {}", python, std::strerror(error)));
  }
  std::unique_ptr<Peers> peers(new Peers(python, task, stop, process, std::move(ours)));
  const auto offer = peers->ask({{"folder", task.folder.native()},
                                 {"metric", to_string(task.store->metric())},
                                 {"k", task.asked()},
                                 {"threads", task.threads},
                                 {"indexes", factories}});
  if (!offer) return fail(ErrorCode::invalid_argument, offer.error().message);
  const auto read_pairs = [&](const char* list, const char* second, auto& out) -> Result<void> {
    EIDETIC_TRY(JsonReader reader, JsonReader::of(*offer, kAnswer));
    EIDETIC_TRY(const Json pairs, reader.get<Json>(list));
    for (const Json& pair : pairs) {
      EIDETIC_TRY(JsonReader one, JsonReader::of(pair, kAnswer));
      EIDETIC_TRY(std::string index, one.get<std::string>("index"));
      EIDETIC_TRY(std::string other, one.get<std::string>(second));
      out.push_back({std::move(index), std::move(other)});
    }
    return {};
  };
  EIDETIC_CHECK(read_pairs("contenders", "library", peers->offers_));
  EIDETIC_CHECK(read_pairs("left_out", "reason", peers->left_out_));
  if (peers->offers_.empty() && !peers->left_out_.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("none of the peers is there for '{0}': {0} -m pip install faiss-cpu usearch", python));
  }
  return peers;
}

Peers::~Peers() {
  // Its input ends, and so does it; indexes of gigabytes are no reason to wait.
  socket_ = File();
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

Result<std::unique_ptr<Contender>> Peers::build(std::size_t offer) {
  auto index = std::make_unique<PeerIndex>(*this, task_, offer);
  EIDETIC_CHECK(index->build(offers_[offer]));
  return index;
}

Result<Json> Peers::ask(const Json& question) {
  const auto ended = [&] {
    return fail(ErrorCode::unavailable, fmt::format("'{}' ended before it had answered for the peers", python_));
  };
  const std::string line = dump_json(question) + '\n';
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(socket_.descriptor(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return ended();
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  std::array<char, 65'536> piece{};
  std::size_t end = unread_.find('\n');
  while (end == std::string::npos) {
    pollfd readable = {.fd = socket_.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kStopInterval) == 0) {
      if (stop_.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
      continue;
    }
    const ssize_t count = ::recv(socket_.descriptor(), piece.data(), piece.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || unread_.size() > kMostAnswer) return ended();
    const std::size_t before = unread_.size();
    unread_.append(piece.data(), static_cast<std::size_t>(count));
    end = unread_.find('\n', before);
  }
  EIDETIC_TRY(const Json answer, parse_json_object(std::string_view(unread_).substr(0, end), kAnswer));
  unread_.erase(0, end + 1);
  if (const auto error = answer.find("error"); error != answer.end()) {
    return fail(ErrorCode::unsupported, error->is_string() ? error->get<std::string>() : dump_json(*error));
  }
  return answer;
}

}  // namespace eidetic
