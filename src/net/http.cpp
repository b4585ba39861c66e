#include "net/http.h"

#include "net/transfer.h"

namespace eidetic {

HttpClient::HttpClient(HttpOptions options) : transfers_(std::make_unique<TransferPool>(std::move(options))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<std::vector<std::byte>> HttpClient::get(std::string_view url, std::size_t max_bytes,
                                               std::stop_token stop) const {
  std::vector<std::byte> body;
  const TransferRequest request{
      .url = std::string(url),
      .total_timeout_s = transfers_->options().total_timeout_s,
      .max_bytes = max_bytes,
      .on_head = [&](const ResponseHead& head) -> Result<void> {
        body.reserve(head.length);
        return {};
      },
      .on_body = [&](std::span<const std::byte> bytes) -> Result<void> {
        body.insert(body.end(), bytes.begin(), bytes.end());
        return {};
      },
      .stop = std::move(stop),
  };
  EIDETIC_CHECK(transfers_->run(request));
  return body;
}

}  // namespace eidetic
