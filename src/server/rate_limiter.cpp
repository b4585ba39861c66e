#include "server/rate_limiter.h"

#include <arpa/inet.h>

#include <algorithm>

namespace eidetic {
namespace {

// The address; of IPv6 its /64 network, because one client has all of that to choose from.
std::string client_of(std::string_view address) {
  std::string text(address);
  in6_addr six{};
  if (!address.contains(':') || inet_pton(AF_INET6, text.c_str(), &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) return text;
  return {reinterpret_cast<const char*>(six.s6_addr), 8};
}

}  // namespace

RateLimiter::RateLimiter(double requests_per_s, std::uint32_t burst, std::size_t max_clients)
    : per_s_(requests_per_s),
      burst_(burst > 0 ? burst : std::max(1.0, requests_per_s)),
      max_clients_(std::max<std::size_t>(1, max_clients)) {}

double RateLimiter::take(std::string_view address, Clock::time_point now) {
  if (per_s_ <= 0) return 0;
  std::string client = client_of(address);
  const std::scoped_lock lock(mutex_);
  const auto known = by_client_.find(client);
  if (known == by_client_.end()) {
    if (buckets_.size() >= max_clients_) {
      by_client_.erase(buckets_.back().client);
      buckets_.pop_back();
    }
    buckets_.push_front({std::move(client), burst_, now});
    by_client_.emplace(buckets_.front().client, buckets_.begin());
  } else {
    buckets_.splice(buckets_.begin(), buckets_, known->second);
  }
  Bucket& bucket = buckets_.front();
  // Threads may come here in another order than they looked at the clock.
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - bucket.filled).count());
  bucket.tokens = std::min(burst_, bucket.tokens + seconds * per_s_);
  bucket.filled = std::max(bucket.filled, now);
  if (bucket.tokens < 1) return (1 - bucket.tokens) / per_s_;
  bucket.tokens -= 1;
  return 0;
}

}  // namespace eidetic
