#include "server/access_log.h"

#include <array>
#include <cmath>

#include "base/log.h"

namespace eidetic {

void log_access(const AccessRecord& record) {
  const std::array<LogField, 10> fields = {{{"request_id", record.request_id},
                                            {"method", record.method},
                                            {"route", record.route},
                                            {"path", record.path},
                                            {"status", std::uint64_t{record.status}},
                                            {"ms", std::round(record.milliseconds * 1000) / 1000},
                                            {"bytes_in", record.bytes_in},
                                            {"bytes_out", record.bytes_out},
                                            {"client", record.client},
                                            {"token", record.token}}};
  log_fields(record.status >= 500 ? LogLevel::error : LogLevel::info, "request", fields);
}

}  // namespace eidetic
