// The keys of a server's configuration: names, ranges, and where their values go. config.cpp and its documents share
// this one list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.h"

namespace eidetic {

// A value as a file or a variable has it, before it is known what the key takes.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct ConfigField {
  std::string_view section;
  std::string_view key;
  std::variant<bool*, std::uint16_t*, std::uint32_t*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
               std::vector<std::string>*, std::vector<std::filesystem::path>*>
      target;
  double least = 0, most = 0;                    // of numbers
  std::span<const std::string_view> among = {};  // of text; empty: any

  [[nodiscard]] std::string name() const;      // "limits.body_bytes"
  [[nodiscard]] std::string variable() const;  // "EIDETIC_LIMITS_BODY_BYTES"
  [[nodiscard]] std::string allowed() const;   // "a whole number from 0 to 65535"
  [[nodiscard]] std::string written() const;   // the present value, as TOML writes it

  // invalid_argument where the value is of another type, or not allowed.
  [[nodiscard]] Result<void> set(const ConfigValue& value, std::string_view source) const;
  // The same from the text of a variable.
  [[nodiscard]] Result<void> set_text(const std::string& text, std::string_view source) const;
};

// In the order of the documents. The targets are members of `config`.
[[nodiscard]] std::vector<ConfigField> config_fields(ServerConfig& config);

}  // namespace eidetic
