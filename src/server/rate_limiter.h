// How often a client may ask: one token bucket for each address. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace eidetic {

class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  // requests_per_s 0: no limit. burst 0: as many as in one second, at least 1. Of more than `max_clients` addresses the
  // one that has been silent longest is forgotten.
  RateLimiter(double requests_per_s, std::uint32_t burst, std::size_t max_clients = 65'536);

  // Takes one request of `address` from its bucket. 0: go ahead; else the seconds until one would be granted, and
  // nothing is taken. Addresses of one IPv6 /64 network are one client.
  [[nodiscard]] double take(std::string_view address, Clock::time_point now = Clock::now());

 private:
  struct Bucket {
    std::string client;
    double tokens;
    Clock::time_point filled;
  };

  double per_s_;
  double burst_;
  std::size_t max_clients_;
  std::mutex mutex_;
  std::list<Bucket> buckets_;  // the one that asked last first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_client_;
};

}  // namespace eidetic
