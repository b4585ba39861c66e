#include "remote/api.h"
#include "remote/remote.h"

namespace eidetic {

Result<ServerStatus> server_status(const RemoteOptions& options) {
  EIDETIC_TRY(const auto api, remote::Api::open(options));
  ServerStatus status;
  const auto well =
      api.ask({.path = {"healthz"}, .tries = 1}, [](const Json& json) { return json.at("status").get<std::string>(); });
  if (!well) status.health = std::unexpected(well.error());
  status.version = api.ask({.path = {"v1", "server"}, .tries = 1},
                           [](const Json& json) { return json.at("version").get<std::string>(); });
  return status;
}

}  // namespace eidetic
