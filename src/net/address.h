// Which network addresses belong to the public internet. A server that fetches what its callers name must not reach the
// machines around it for them.
#pragma once

#include <string_view>

#include "eidetic/error.h"

namespace eidetic {

// An AddressGuard (net/http.h): takes a numeric address of IPv4 or IPv6, with or without a zone ("fe80::1%eth0").
// invalid_argument for one that is loopback, private, shared, link-local, multicast, broadcast, reserved or for
// documentation and tests, for an IPv6 address that carries such a one of IPv4, and for what is no address.
[[nodiscard]] Result<void> public_address(std::string_view address);

}  // namespace eidetic
