// Requests to one Eidetic server: addresses, token, tries, and what its answers mean. Thread-safe; internal to this
// room.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eidetic/error.h"

#include "base/json.h"
#include "net/http.h"
#include "remote/remote.h"

namespace eidetic::remote {

// A path below the server's URL, made of pieces that may hold anything, and its query.
class ApiPath {
 public:
  ApiPath(std::initializer_list<std::string_view> pieces);
  [[nodiscard]] ApiPath with(std::string_view name, std::string_view value) &&;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  char separator_ = '?';
};

struct ApiRequest {
  std::string method = "GET";
  ApiPath path;
  std::optional<Json> json = {};  // the body; or else
  std::span<const std::byte> bytes = {};
  std::filesystem::path file = {};
  std::string content_type = {};           // empty: application/json; of bytes and file application/octet-stream
  std::filesystem::path answer_file = {};  // as in HttpCall
  std::function<Result<void>(std::string_view line)> answer_line = {};
  bool repeatable = true;  // may be sent again when it is not known whether it arrived
  unsigned tries = 0;      // 0: those of the options
  std::stop_token stop = {};
};

class Api {
 public:
  [[nodiscard]] static Result<Api> open(const RemoteOptions& options);

  // The answer, whatever its status, after as many tries as it takes or there are. Errors: those of
  // HttpClient::exchange, with the server's URL.
  [[nodiscard]] Result<HttpAnswer> send(const ApiRequest& request) const;
  // The JSON of a good answer, null where it has no body; else the error that the answer is.
  [[nodiscard]] Result<Json> call(const ApiRequest& request) const;
  // As call; `read` makes something of the document, by nlohmann's throwing access. Where that throws: unavailable, it
  // is no Eidetic server.
  template <typename Read>
  [[nodiscard]] auto ask(const ApiRequest& request, const Read& read) const
      -> Result<std::invoke_result_t<Read, const Json&>> {
    EIDETIC_TRY(const Json json, call(request));
    return understand(json, read);
  }
  template <typename Read>
  [[nodiscard]] auto understand(const Json& json, const Read& read) const
      -> Result<std::invoke_result_t<Read, const Json&>> {
    try {
      return read(json);
    } catch (const Json::exception& exception) {
      return std::unexpected(strange(exception.what()));
    }
  }

  // The JSON of a good answer that was given by send().
  [[nodiscard]] Result<Json> document(const HttpAnswer& answer) const;
  // What an answer other than a good one says.
  [[nodiscard]] Error error_of(const HttpAnswer& answer) const;
  // "'URL' does not answer like an Eidetic server".
  [[nodiscard]] Error strange(std::string_view why) const;
  [[nodiscard]] const RemoteOptions& options() const noexcept { return options_; }

 private:
  explicit Api(RemoteOptions options);
  [[nodiscard]] Result<HttpAnswer> send_once(const ApiRequest& request, const std::string& json) const;

  RemoteOptions options_;
  HttpClient client_;
};

}  // namespace eidetic::remote
