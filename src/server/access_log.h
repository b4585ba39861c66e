// One line for each request, through the log (base/log.h): text or JSON as that is set.
#pragma once

#include <cstdint>
#include <string_view>

namespace eidetic {

struct AccessRecord {
  std::string_view request_id;
  std::string_view method;
  std::string_view route;  // with placeholders; "" where none matched
  std::string_view path;   // as it was sent, without the query: what people search for stays out of the log
  unsigned status = 0;
  double milliseconds = 0;                    // from the first byte of the request to the last of the answer
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of the bodies
  std::string_view client;                    // address
  std::string_view token = {};                // its name; "" where there is none
};

// At level info; answers of 500 and above at level error. Whatever a client sends stays on one line.
void log_access(const AccessRecord& record);

}  // namespace eidetic
